"""The open segment of prediction records: one file that only grows, and that has to stay where it is."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kervan.core.identity import new_id
from kervan.core.private import make_private, open_private
from kervan.serve.chain import linked, start_of
from kervan.serve.record import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ATTEMPTS = 3
_MOST = 64 << 20
_SECONDS = 3_600.0


class Segments:
    """Writes the records of one writer into segment files, one after the other, each record chained.

    Another one is begun after `most` bytes, or once a segment is `seconds` old.
    """

    def __init__(self, folder: Path, most: int = _MOST, seconds: float = _SECONDS) -> None:
        self.folder = folder
        self.vanished: list[str] = []
        self._most = most
        self._seconds = seconds
        self._begun = 0.0
        self._path: Path | None = None
        self._file = -1
        self._size = 0
        self._writer = self._link = ""
        self._be_somebody()

    def write(self, first: str, records: Sequence[bytes]) -> None:
        """Make records (JSON) durable: all of them or, as far as readers can tell, nothing.

        `first` is the id of the first. Where the segment was removed, replaced or altered by somebody else
        meanwhile, another is begun, and the file's name is added to `vanished`. Raises `OSError`.
        """
        for _ in range(_ATTEMPTS):
            if self._path is None or self._size >= self._most or self.seconds_left == 0:
                self._begin(first)
            link, lines = self._link, []
            for record in records:
                line, link = linked(record, link)
                lines.append(line)
            size = self._append(b"".join(lines))
            if self._is_ours(size):
                self._size, self._link = size, link
                return
            self.vanished.append(str(self._path))
            self.close()
        raise OSError(errno.ESTALE, "the file of the records is taken away again and again")

    @property
    def seconds_left(self) -> float | None:
        """How long the segment stays open, None where none is."""
        if self._path is None:
            return None
        return max(self._begun + self._seconds - time.monotonic(), 0.0)

    def close(self) -> None:
        """Leave the segment."""
        if self._path is not None:
            os.close(self._file)
        self._path = None

    def _be_somebody(self) -> None:
        self._writer = new_id()[-16:]
        self._link = start_of(self._writer)

    def _append(self, content: bytes) -> int:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            self._undo()
            raise
        return self._size + len(content)

    def _undo(self) -> None:
        """Cut off what was half written; where that fails too, leave the segment and begin another."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.close()
            self._be_somebody()

    def _is_ours(self, size: int) -> bool:
        """Say whether what was written lies where readers look, and only that."""
        mine = os.fstat(self._file)
        if self._path is None or not self._path.exists():
            return False
        there = self._path.stat()
        return (there.st_dev, there.st_ino, there.st_size) == (mine.st_dev, mine.st_ino, size)

    def _begin(self, first: str) -> None:
        make_private(self.folder)
        path = self.folder / f"{first}.{self._writer}{SUFFIX}"
        if path.exists():  # put there by somebody else
            self._be_somebody()
            path = self.folder / f"{first}.{self._writer}{SUFFIX}"
        made = path.with_name(f"{path.name}.new")
        file = open_private(made, os.O_EXCL | os.O_APPEND)
        try:
            with suppress(OSError):  # a file system without locks
                # Says that this segment is open, from the moment on at which others see it.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            made = made.rename(path)
            _flush_folder(self.folder)
        except OSError:
            os.close(file)
            made.unlink()
            raise
        self.close()
        self._path, self._file, self._size, self._begun = path, file, 0, time.monotonic()


def _flush_folder(folder: Path) -> None:
    """Make the folder's new entry durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
