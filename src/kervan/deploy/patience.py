"""How long to wait before something that died is started again: ever longer, and in the end for ever."""

from __future__ import annotations

from collections import deque

_SHORTEST = 0.05
_LONGEST = 30.0
_LIVED = 60.0  # seconds after which what dies is started at once again
_MOST_FAILURES = 5
_WINDOW = 60.0


class Patience:
    """The patience with one process that should live. All times are in seconds on one clock."""

    def __init__(self) -> None:
        self._pause = _SHORTEST
        self._failures: deque[float] = deque(maxlen=_MOST_FAILURES)
        self.until = 0.0  # before which it is not started again

    def note_death(self, now: float, lived: float, *, was_ready: bool) -> None:
        """Take note that it died, after how long, and whether it had ever been ready."""
        self._pause = _SHORTEST if lived > _LIVED else min(self._pause * 2, _LONGEST)
        self.until = now + self._pause
        if not was_ready:
            self._failures.append(now)

    def has_ended(self, now: float) -> bool:
        """Say whether it died too often without having been ready, so that another start is in vain.

        >>> patience = Patience()
        >>> for second in range(5):
        ...     patience.note_death(second, 0.5, was_ready=False)
        >>> patience.has_ended(5.0)
        True
        """
        return len(self._failures) == _MOST_FAILURES and now - self._failures[0] < _WINDOW
