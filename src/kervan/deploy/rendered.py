"""Rendered files in a folder: written as a whole, read back, and those of before taken away."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Corrupted
from kervan.core.private import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LIST = ".rendered.json"


def foreign_files(folder: Path, files: Iterable[PurePath]) -> list[Path]:
    """Return what lies where files are to be written, and was not rendered: it would be lost."""
    known = set(_listed(folder))
    return [folder / path for path in files if path.as_posix() not in known and (folder / path).exists()]


def write_files(folder: Path, files: Mapping[PurePath, str]) -> None:
    """Write files into a folder, and take away those that were written there before and are no more."""
    known = {PurePath(name) for name in _listed(folder)}
    for path, text in files.items():
        write_private(folder / path, text.encode())
    for path in known - set(files):
        (folder / path).unlink(missing_ok=True)
    names = sorted(path.as_posix() for path in files)
    write_private(folder / _LIST, msgspec.json.format(msgspec.json.encode(names)) + b"\n")


def read_files(folder: Path) -> dict[PurePath, str]:
    """Return the files that were rendered into a folder, as far as they are there."""
    paths = [PurePath(name) for name in _listed(folder)]
    return {path: (folder / path).read_text("utf-8") for path in paths if (folder / path).is_file()}


def _listed(folder: Path) -> list[str]:
    try:
        return msgspec.json.decode((folder / _LIST).read_bytes(), type=list[str])
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        raise Corrupted(f"{folder / _LIST} cannot be read: {error}", hint="remove it") from error
