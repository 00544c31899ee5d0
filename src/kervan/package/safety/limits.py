"""How much a file from elsewhere may cost: bytes, members, nesting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading one file may cost.

    `total` bounds the bytes that come out of all compressed streams and archive members together, and
    `ratio` how many of them come out for each byte of the file, once more than `free` bytes have. `depth`
    is how often one file may lie in another, `members` and `directory` (bytes of the index) bound an
    archive. `header` bounds what is read at once: headers, texts, settings.
    """

    total: int = 4096 * MIB
    ratio: int = 200
    free: int = 8 * MIB
    depth: int = 4
    members: int = 10_000
    directory: int = 2 * MIB
    header: int = 4 * MIB


DEFAULT = Limits()


class Budget:
    """What one file has cost so far; shared by everything that is found inside it."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self._compressed = path.stat().st_size
        self._produced = 0
        self._members = 0

    def produce(self, count: int) -> None:
        """Count bytes that came out of a compressed stream or an archive. Raises `Refused` past a limit."""
        self._produced += count
        if self._produced > self.limits.total:
            raise self.refuse(
                f"unpacks to more than {self.limits.total // MIB} MiB",
                hint="unpack it yourself if you trust it",
            )
        if self._produced > max(self.limits.free, self.limits.ratio * self._compressed):
            raise self.refuse(
                f"grows more than {self.limits.ratio}-fold when unpacked",
                hint="it may be made to fill your disk; unpack it yourself if you trust it",
            )

    def add_member(self) -> None:
        """Count a member of an archive. Raises `Refused` past the limit."""
        self._members += 1
        if self._members > self.limits.members:
            raise self.refuse(f"holds more than {self.limits.members} members")

    def refuse(self, what: str, *, hint: str = "fetch the file from a source that you trust") -> Refused:
        """Return the error that names the file."""
        return Refused(f"{self.path} {what}", hint=hint)
