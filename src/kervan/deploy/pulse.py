"""Whether a replica's loop still turns: it is asked now and then, and has some time to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.sockets import knock, take_over

if TYPE_CHECKING:
    import socket
    from pathlib import Path

_EVERY = 2.0
_LONGEST = 15.0


class Pulse:
    """The pulse of one replica, felt at its door."""

    def __init__(self, door: Path) -> None:
        self._door = door
        self._asked: socket.socket | None = None
        self._since = self._next = 0.0

    def is_lost(self, now: float) -> bool:
        """Say whether it has not answered for 15 seconds; asks it if it is time to. Never waits."""
        if self._asked is None and now >= self._next:
            self._asked, self._since, self._next = knock(self._door), now, now + _EVERY
        if self._asked is None or self._has_answered(self._asked):
            return False
        return now - self._since > _LONGEST

    def _has_answered(self, asked: socket.socket) -> bool:
        try:
            given = take_over(asked)
        except BlockingIOError:
            return False
        if given is not None:
            given.close()
        self.close()
        return True

    def close(self) -> None:
        """Ask no more."""
        if self._asked is not None:
            self._asked.close()
            self._asked = None
