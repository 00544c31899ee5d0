"""Counts of several processes together: each writes its own into a folder, and any of them tells the sum.

A process that ends leaves what it counted, so that no counter ever falls. Where many have ended the next one
to begin adds theirs up in one file.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from kervan.core.private import open_private, write_private
from kervan.serve.metrics import Counted, Metrics
from kervan.serve.moment import Now, Process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger("kervan.serve")
_SECONDS = 0.5
_SUFFIX = ".counts"
_PAST = "past"
_MANY = 8
_decoder = msgspec.json.Decoder(Counted)


class Sharing:
    """Writes the counts of this process beside those of others."""

    def __init__(self, metrics: Metrics, folder: Path) -> None:
        self._metrics = metrics
        self._folder = folder
        self._own = folder / f"{os.getpid()}{_SUFFIX}"
        add_up(folder)
        metrics.share(self._others)

    async def keep(self) -> None:
        """Write the counts again and again until this is cancelled, and once more then."""
        try:
            while True:
                self._write()
                await asyncio.sleep(_SECONDS)
        finally:
            self._write()

    def _write(self) -> None:
        try:
            write_private(self._own, msgspec.json.encode(self._metrics.counted()))
        except OSError as error:  # what is counted is not worth a failed answer
            _log.warning("counts cannot be shared", extra={"reason": error.strerror})

    def _others(self) -> Iterator[Counted]:
        return read_counts(self._folder, besides=self._own)


def read_counts(folder: Path, besides: Path | None = None) -> Iterator[Counted]:
    """Yield what each process has written into a folder, but for one of the files."""
    with _locked(folder, fcntl.LOCK_SH):
        found = list(_read(folder))
    yield from (counted for path, counted in found if path != besides)


def add_up(folder: Path) -> None:
    """Replace what processes have left that are gone by their sum, if they are many."""
    with _locked(folder, fcntl.LOCK_EX):
        gone = [(path, counted) for path, counted in _read(folder) if counted.ended]
        if len(gone) < _MANY:
            return
        total, process = Metrics(), Process()
        for _, counted in gone:
            total.add(counted)
            process = process.plus(counted.process)
        ended = sum(counted.ended for _, counted in gone)
        past = replace(total.counted(), process=process, ended=ended)
        write_private(folder / f"{_PAST}{_SUFFIX}", msgspec.json.encode(past))
        for path, _ in gone:
            if path.stem != _PAST:
                path.unlink()


def _read(folder: Path) -> Iterator[tuple[Path, Counted]]:
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            counted = _decoder.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue
        yield path, counted if path.stem == _PAST or _lives(int(path.stem)) else _past(counted)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold the lock of the folder's counts, so that none is read twice or not at all."""
    with os.fdopen(open_private(folder / "counts.lock", 0), "wb") as lock:
        fcntl.flock(lock, how)
        yield


def _past(counted: Counted) -> Counted:
    """Return the counts of a process that is gone: it holds and does nothing any more."""
    process = replace(counted.process, memory=0, descriptors=0)
    return replace(counted, process=process, now=Now(), ended=1)


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
