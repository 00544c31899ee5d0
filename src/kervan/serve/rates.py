"""How often each key may ask each model. Only the key counts: no header of a proxy says who somebody is."""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import TYPE_CHECKING

from kervan.core.access import read_rate
from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from limits import RateLimitItemPerSecond
    from limits.strategies import RateLimiter

    from kervan.serve.access import Caller


class Rates:
    """Counts in this process's memory; `default` holds for keys without a rate of their own.

    A window slides, so that nobody gets twice the rate around its edge; it takes the same little memory
    however high the rate is.
    """

    def __init__(self, default: str = "") -> None:
        self._default = default
        self._items: dict[str, RateLimitItemPerSecond] = {}
        if default:
            self._item(default)

    def take(self, caller: Caller, model: str = "") -> None:
        """Count one request, or raise the problem 429 that says when the next one will be answered."""
        rate = caller.rate or self._default
        if not rate:
            return
        item = self._item(rate)
        limiter = self._limiter
        if limiter.hit(item, caller.id, model):
            return
        reset = limiter.get_window_stats(item, caller.id, model).reset_time
        seconds = max(1, math.ceil(reset - time.time()))
        raise HttpProblem(
            429,
            f"this key may ask {'this model' if model else 'here'} {rate} times, and has done so",
            hint=f"ask again in {seconds} s",
            headers={"retry-after": str(seconds)},
        )

    @cached_property
    def _limiter(self) -> RateLimiter:
        from limits.storage import MemoryStorage  # 100 modules: only where there is a rate
        from limits.strategies import SlidingWindowCounterRateLimiter

        return SlidingWindowCounterRateLimiter(MemoryStorage())

    def _item(self, rate: str) -> RateLimitItemPerSecond:
        found = self._items.get(rate)
        if found is None:
            from limits import RateLimitItemPerSecond

            read = read_rate(rate)
            found = self._items[rate] = RateLimitItemPerSecond(read.count, read.seconds)
        return found
