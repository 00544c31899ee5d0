"""`state.json` beside the serving file: what the server process says about itself, for those who steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import InvalidInput, StorageFailed
from kervan.core.private import write_private
from kervan.core.serving import ServerState, Serving

if TYPE_CHECKING:
    from pathlib import Path

STATE = "state.json"


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
