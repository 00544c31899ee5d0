"""How often each key may ask each model. Only the key counts: no header of a proxy says who somebody is."""

from __future__ import annotations

import math
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from kervan.core.access import read_rate
from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from kervan.core.access import Rate
    from kervan.serve.access import Caller

_MOST_MODELS = 1_000  # that are counted apart for one key: names come from outside
_read = lru_cache(maxsize=1_000)(read_rate)


class Window:
    """A window that slides, estimated from two that stand beside each other.

    Of the requests in the one before, those count whose share of it is still covered. So nobody gets twice
    the rate around an edge, and two numbers are kept however high the rate is. Times are in seconds of a
    clock that never goes back.
    """

    __slots__ = ("_before", "_count", "_place", "rate")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._place = 0
        self._before = self._count = 0

    def take(self, now: float) -> float:
        """Count a request and return 0, or return after how many seconds there is room for one.

        >>> window = Window(read_rate("2/minute"))
        >>> window.take(60), window.take(60), window.take(90), window.take(150)
        (0.0, 0.0, 60.0, 0.0)
        """
        limit, seconds = self.rate.count, self.rate.seconds
        place, into = divmod(now, seconds)
        if place != self._place:
            self._before = self._count if place == self._place + 1 else 0
            self._count, self._place = 0, int(place)
        covered = 1 - into / seconds
        if self._before * covered + self._count + 1 <= limit:
            self._count += 1
            return 0.0
        if self._count < limit:
            return seconds * (covered - (limit - self._count - 1) / self._before)
        return seconds * (covered + 1 / limit)


class Rates:
    """Counts in this process's memory; `default` holds for keys without a rate of their own."""

    def __init__(self, default: str = "") -> None:
        self._default = default
        self._windows: dict[str, dict[str, Window]] = {}
        self._counting = threading.Lock()
        if default:
            read_rate(default)

    def take(self, caller: Caller, model: str = "") -> None:
        """Count one request, or raise the problem 429 that says when the next one will be answered."""
        rate = caller.rate or self._default
        if not rate:
            return
        with self._counting:
            wait = self._window(caller.id, model, _read(rate)).take(time.monotonic())
        if not wait:
            return
        seconds = max(1, math.ceil(wait))
        raise HttpProblem(
            429,
            f"this key may ask {'this model' if model else 'here'} {rate} times, and has done so",
            hint=f"ask again in {seconds} s",
            headers={"retry-after": str(seconds)},
        )

    def _window(self, caller: str, model: str, rate: Rate) -> Window:
        windows = self._windows.setdefault(caller, {})
        if model not in windows and len(windows) >= _MOST_MODELS:
            model = ""
        found = windows.get(model)
        if found is None or found.rate != rate:
            found = windows[model] = Window(rate)
        return found
