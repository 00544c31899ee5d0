"""Private temporary folders, which even a kill does not leave for ever: who comes next removes them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import StorageFailed
from kervan.core.locks import LOCK, is_held, take

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "kervan-table-"
_YOUNG = 60.0  # seconds: a folder that is younger may not have its lock yet
_locks: dict[Path, int] = {}


def private_folder() -> Path:
    """Make a folder that belongs to this process, and remove those of processes that were killed."""
    _sweep()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        _locks[folder] = take(folder)
    except OSError as error:
        raise StorageFailed(
            f"cannot make a temporary folder: {error.strerror}", hint="set TMPDIR to a folder with room"
        ) from error
    return folder


def give_up(folder: Path) -> None:
    """Remove a folder and what is in it; nothing happens if it is gone already."""
    shutil.rmtree(folder, ignore_errors=True)
    if (descriptor := _locks.pop(folder, None)) is not None:
        os.close(descriptor)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a private folder that is gone after the block."""
    folder = private_folder()
    try:
        yield folder
    finally:
        give_up(folder)


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or somebody else removes it
            is_old = time.time() - folder.stat().st_mtime > _YOUNG
            if is_old and (folder / LOCK).exists() and not is_held(folder / LOCK):
                shutil.rmtree(folder, ignore_errors=True)
