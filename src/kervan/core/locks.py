"""The lock by which a process is found: it holds the file, with its number inside, as long as it lives.

A kill releases the lock too, so a number that was given to another program is never taken for ours.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "server.lock"
_PATIENCE = 1.0


@contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Hold the folder's lock as long as this process serves from it.

    Raises `Conflict` if another server has it.
    """
    descriptor = take(folder)
    try:
        sign(descriptor, os.getpid())
        yield
    finally:
        os.close(descriptor)


def take(folder: Path) -> int:
    """Lock a folder and return the descriptor, which holds the lock in all processes that inherit it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, folder)
    except Conflict:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE  # somebody who only looks holds the lock for an instant
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise Conflict(f"another server runs from {folder}", hint="stop it first") from error
            time.sleep(0.02)


def sign(descriptor: int, number: int) -> None:
    """Write into a lock the number of the process that holds it."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(number).encode(), 0)


def is_held(path: Path) -> bool:
    """Say whether a process holds the lock."""
    return _look(path) is not None


def process_number(folder: Path) -> int | None:
    """Return the number of the process that serves from the folder, or None if there is none."""
    text = _look(folder / LOCK)
    return int(text) if text and text.isdigit() else None


def _look(path: Path) -> bytes | None:
    """Return what a lock says that is held, or None."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 20)
    finally:
        os.close(descriptor)
    return None
