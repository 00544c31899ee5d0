"""Evidence that goes on over the stages of a release, each with a share of the traffic of its own."""

from __future__ import annotations

import math


class Alarm:
    """What is known against a candidate after any number of stages.

    Evidence of stages multiplies. A candidate that went well for long would have so much credit that a fault
    which shows only at a larger share took long to be seen. So a part of the stake, 1 / (j + 1)(j + 2), is
    kept back for each stage j, counted from 0, and joins there: a mean of e-processes is one.
    (After J. Shin, A. Ramdas, A. Rinaldo, E-detectors, New England Journal of Statistics in Data Science
    2 (2), 2024.)

    >>> alarm = Alarm()
    >>> round(math.exp(alarm.log_value(0.0)), 9)
    1.0
    >>> alarm.close(-50.0)
    >>> round(math.exp(alarm.log_value(math.log(30))), 3)  # a sixth joins, a third is left
    5.333
    """

    def __init__(self) -> None:
        self._stage = 0
        self._staked = math.log(0.5)

    def log_value(self, now: float) -> float:
        """Return the logarithm of the e-value where the stage under way gives `now`."""
        return _log_sum(self._staked + now, -math.log(self._stage + 2))

    def close(self, now: float) -> None:
        """End the stage with what it gave."""
        self._stage += 1
        joins = -math.log((self._stage + 1) * (self._stage + 2))
        self._staked = _log_sum(self._staked + now, joins)


class Proof:
    """What is known in favour of a candidate: the evidence of all stages."""

    def __init__(self) -> None:
        self._closed = 0.0

    def log_value(self, now: float) -> float:
        """Return the logarithm of the e-value where the stage under way gives `now`."""
        return self._closed + now

    def close(self, now: float) -> None:
        """End the stage with what it gave."""
        self._closed += now


def _log_sum(one: float, other: float) -> float:
    low, high = min(one, other), max(one, other)
    return high + math.log1p(math.exp(low - high))
