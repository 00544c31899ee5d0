"""Files and folders that hold rows or secrets: nobody but their owner reads them, whatever the umask."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = 0o077  # the permissions of everybody else
_FOLDER = 0o700
_FILE = 0o600


def make_private(folder: Path) -> None:
    """Make a folder with those above it that are missing, each for its owner alone."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            each.mkdir(mode=_FOLDER)


def open_private(path: Path, flags: int) -> int:
    """Open a file for writing and return its descriptor; one that is made is its owner's alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, _FILE)


def write_private(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file in one step, for its owner alone; its folder is made if it is missing.

    What is not `durable` may be gone, but not half, after the machine failed.
    """
    make_private(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(open_private(fresh, os.O_TRUNC), "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
