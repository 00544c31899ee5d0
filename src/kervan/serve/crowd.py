"""All connections of one process: how many there may be, how many of one address, and who goes first.

When descriptors run short the longest idle connections are closed, so that whoever comes to ask is served.
"""

from __future__ import annotations

import ipaddress
import logging
import resource
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_log = logging.getLogger("kervan.serve")
IDLE_SECONDS = 75.0
_RESERVE = 96  # descriptors for records, models, logs and what a page opens
_MOST = 60_000
_OF_ONE_PEER = 512
_SHARE = 16  # one in so many is closed at once
_QUIET_SECONDS = 10.0


class Member(Protocol):
    """A connection."""

    peer: str
    seen: float

    @property
    def is_idle(self) -> bool:
        """Whether nothing was asked on it that is not answered."""

    def cut(self) -> None:
        """End it at once."""


class Crowd:
    """Counts connections in and out."""

    def __init__(self, count: Callable[[str, int], None]) -> None:
        self._count = count  # why, and how many were closed
        self._most = _raise_limit() - _RESERVE
        self._peers: Counter[str] = Counter()
        self._closed = 0
        self._last_said = -_QUIET_SECONDS

    def join(self, member: Member, all_: Collection[Any]) -> None:
        """Let a connection in: another one may have to go for it, or it goes itself."""
        self._peers[member.peer] += 1
        if self._peers[member.peer] > _OF_ONE_PEER and not _is_loopback(member.peer):
            self._note("peer", 1, f"{member.peer} has more than {_OF_ONE_PEER} connections")
            member.cut()
        elif len(all_) > self._most:
            idle = sorted((each for each in all_ if each.is_idle and each is not member), key=_seen)
            leaving = idle[: max(len(idle) // _SHARE, 1)] or [member]
            for each in leaving:
                each.cut()
            self._note("full", len(leaving), f"there are more than {self._most} connections")

    def leave(self, member: Member) -> None:
        """Count a connection out."""
        self._peers[member.peer] -= 1
        if self._peers[member.peer] <= 0:
            del self._peers[member.peer]

    def sweep(self, all_: Collection[Any]) -> None:
        """Close what was idle for too long."""
        oldest = time.monotonic() - IDLE_SECONDS
        leaving = [each for each in all_ if each.seen < oldest and each.is_idle]
        for each in leaving:
            each.cut()
        self._count("idle", len(leaving))

    @property
    def size(self) -> int:
        """How many are connected."""
        return self._peers.total()

    def _note(self, reason: str, count: int, why: str) -> None:
        """Count connections that were closed, and say so in the log, a line every ten seconds at most."""
        self._count(reason, count)
        self._closed += count
        if time.monotonic() - self._last_said >= _QUIET_SECONDS:
            _log.warning("connections were closed", extra={"closed": self._closed, "reason": why})
            self._closed, self._last_said = 0, time.monotonic()


def _raise_limit() -> int:
    """Take as many descriptors as the system gives, and return how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return soft
    return max(wanted, _RESERVE + 16)


def _seen(member: Member) -> float:
    return member.seen


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:  # a local socket without an address
        return True
