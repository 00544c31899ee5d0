"""Counts of several processes together: each writes its own into a folder, and any of them tells the sum.

A process that ends leaves what it counted, so that no counter ever falls.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from kervan.core.private import write_private
from kervan.serve.metrics import Counted
from kervan.serve.moment import Now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.serve.metrics import Metrics

_log = logging.getLogger("kervan.serve")
_SECONDS = 0.5
_SUFFIX = ".counts"
_decoder = msgspec.json.Decoder(Counted)


class Sharing:
    """Writes the counts of this process beside those of others."""

    def __init__(self, metrics: Metrics, folder: Path) -> None:
        self._metrics = metrics
        self._folder = folder
        self._own = folder / f"{os.getpid()}{_SUFFIX}"
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
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        if path == besides:
            continue
        try:
            counted = _decoder.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue
        yield counted if _lives(int(path.name.removesuffix(_SUFFIX))) else _past(counted)


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
