"""What a candidate costs beside the stable version: processor time for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.monitor.events import log_evidence

if TYPE_CHECKING:
    from kervan.core.observed import Observed

_ROWS, _SECONDS = 50, 1.0  # the least of an interval over which costs are compared

Used = tuple[int, float]  # rows, and seconds of processor time


class Costs:
    """Whether rows cost more: how often the candidate's were dearer than a multiple of the stable's.

    If the multiple is right, they are in at most half of the intervals, of whatever length they are and
    however the machine is loaded: a sign test, with the e-value of `kervan.monitor.events`.
    """

    def __init__(self, times: float, bound: float | None = None) -> None:
        self._times, self._bound = times, bound
        self._since = 0.0
        self._start: tuple[Used, Used] | None = None
        self._above = self._beyond = self._intervals = 0
        self.figures: tuple[float, float] | None = None

    def begin(self) -> None:
        """Forget the interval under way: another deployment counts from nothing."""
        self._start = None

    def look(self, at: float, stable: Observed, candidate: Observed) -> None:
        """Take in how both stand."""
        now = (stable.rows, stable.cpu), (candidate.rows, candidate.cpu)
        if self._start is None:
            self._start, self._since = now, at
            return
        rows = [end[0] - start[0] for start, end in zip(self._start, now, strict=True)]
        if min(rows) < _ROWS or at - self._since < _SECONDS:
            return
        old, new = (
            (end[1] - start[1]) / (end[0] - start[0]) for start, end in zip(self._start, now, strict=True)
        )
        self._start, self._since = now, at
        if old <= 0:
            return
        self.figures = old, new
        self._intervals += 1
        self._above += new > self._times * old
        self._beyond += self._bound is not None and new > self._bound

    def log_above(self) -> float:
        """Return the logarithm of the e-value against "at most `times` as much"."""
        return float(log_evidence(self._above, self._intervals, 0.5))

    def log_beyond(self) -> float:
        """Return the logarithm of the e-value against "at most `bound`"."""
        return float(log_evidence(self._beyond, self._intervals, 0.5))
