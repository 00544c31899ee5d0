"""`state.json` beside the serving file: what the server process says about itself, for those who steer it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Conflict, InvalidInput, StorageFailed
from kervan.core.private import write_private
from kervan.core.serving import ServerState, Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE = "state.json"
LOCK = "server.lock"
_PATIENCE = 1.0


def read_serving(file: Path) -> Serving:
    """Read what the server is told to do, or raise `InvalidInput` that names the file."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Serving)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: {error}", hint="release the model again") from error
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}", hint="release the model first") from error


def read_state(folder: Path) -> ServerState | None:
    """Return what a server in the folder last said about itself, or None."""
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=ServerState)
    except (OSError, msgspec.DecodeError):
        return None


def write_state(folder: Path, state: ServerState) -> None:
    """Replace the state in one step, so that a reader sees the old one or the new one."""
    try:
        write_private(folder / STATE, msgspec.json.encode(state))
    except OSError as error:
        raise StorageFailed(f"cannot write {folder / STATE}: {error.strerror}") from error


@contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Hold the folder's lock as long as this process serves from it; a kill releases it too.

    Whoever finds the lock taken knows that the process whose number is in the file lives. Raises
    `Conflict` if another server has it.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, folder)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE  # somebody who only looks holds the lock for an instant
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise Conflict(f"another server runs from {folder}", hint="stop it first") from error
            time.sleep(0.02)
