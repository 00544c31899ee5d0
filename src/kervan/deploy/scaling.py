"""How many replicas the load asks for: more soon, fewer late, so that they do not come and go."""

from __future__ import annotations

import math
from dataclasses import dataclass

_BUSY = 0.7  # of a core, above which a replica has too much to do
_GOAL = 0.6
_QUIET = 0.4  # below which one fewer would do, each having the work of those that are left
_LATE = 0.02  # seconds that a request waits for its turn
_LOOKS = 2  # that have to agree before there are more
_SETTLE_SECONDS = 4.0  # until more of them make a difference
_QUIET_SECONDS = 30.0
_NEXT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What replicas did since the last look.

    `busy` is the share of its cores that each needed, `waited` and `scored` are the seconds of a request on
    average.
    """

    busy: float = 0.0
    waited: float = 0.0
    scored: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether requests wait, much longer than it takes to answer them."""
        return self.waited > max(_LATE, 3 * self.scored)


class Scaling:
    """Decides how many there are to be, look by look. Times are in seconds on one clock."""

    def __init__(self) -> None:
        self._high = 0
        self._not_before = -math.inf
        self._quiet_since: float | None = None

    def wanted(self, now: float, load: Load, count: int, most: int) -> int:
        """Return how many there should be where there are `count` and may be `most`.

        >>> scaling = Scaling()
        >>> [scaling.wanted(second, Load(busy=0.9), 2, 8) for second in range(2)]
        [2, 3]
        """
        if load.busy > _BUSY or load.is_late:
            return self._rise(now, load, count, most)
        self._high = 0
        return self._fall(now, load, count)

    def _rise(self, now: float, load: Load, count: int, most: int) -> int:
        self._high += 1
        self._quiet_since = None
        if self._high < _LOOKS or now < self._not_before or count >= most:
            return count
        self._not_before = now + _SETTLE_SECONDS
        return min(max(count + 1, math.ceil(count * load.busy / _GOAL)), most)

    def _fall(self, now: float, load: Load, count: int) -> int:
        if count < 2 or load.busy * count / (count - 1) > _QUIET:
            self._quiet_since = None
            return count
        if self._quiet_since is None:
            self._quiet_since = now
        if now - self._quiet_since < _QUIET_SECONDS:
            return count
        self._quiet_since += _NEXT_SECONDS
        return count - 1
