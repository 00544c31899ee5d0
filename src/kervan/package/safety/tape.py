"""A stream that is read once, forwards, with a look ahead, and never much at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.package.safety.streams import Readable

_PIECE = 1 << 16


class EndedEarly(ValueError):
    """A file announces more than it holds, or more than is ever read at once."""


class Tape:
    """Gives exact numbers of bytes, counts them, and can give the beginning twice."""

    def __init__(self, stream: Readable, most: int) -> None:
        self._stream = stream
        self._most = most
        self._ahead = b""
        self.position = 0

    def head(self, count: int) -> bytes:
        """Return the next bytes without passing them, fewer at the end."""
        while len(self._ahead) < count:
            more = self._stream.read(_PIECE)
            if not more:
                break
            self._ahead += more
        return self._ahead[:count]

    def read(self, count: int = -1, /) -> bytes:
        """Return exactly `count` bytes, or what is left. Raises `EndedEarly` where there are fewer."""
        if count < 0:
            return self.rest()
        if count > self._most:
            raise EndedEarly(f"{count} bytes at once")
        found = self.some(count)
        if len(found) < count:
            raise EndedEarly(f"{count} bytes are announced, {len(found)} are there")
        return found

    def some(self, count: int) -> bytes:
        """Return `count` bytes, fewer at the end."""
        found = self.head(count)
        self._ahead = self._ahead[len(found) :]
        self.position += len(found)
        return found

    def rest(self) -> bytes:
        """Return all that is left. Raises `EndedEarly` if that is too much at once."""
        found = self.some(self._most + 1)
        if len(found) > self._most:
            raise EndedEarly(f"more than {self._most} bytes")
        return found

    def skip(self, count: int) -> None:
        """Pass bytes. Raises `EndedEarly` where there are fewer."""
        while count > 0:
            found = self.some(min(count, _PIECE))
            if not found:
                raise EndedEarly("bytes are missing")
            count -= len(found)

    def readline(self) -> bytes:
        """Return the bytes up to the next line feed, with it."""
        count = 256
        while True:
            found = self.head(count)
            place = found.find(b"\n")
            if place >= 0:
                return self.some(place + 1)
            if len(found) < count or count >= _PIECE:
                raise EndedEarly("a line does not end")
            count *= 4
