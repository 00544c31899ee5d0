"""Rendered files in a folder: written as a whole, read back, and those of before taken away."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Corrupted
from kervan.core.private import make_private, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LIST = ".rendered.json"


def foreign_files(folder: Path, files: Iterable[PurePath]) -> list[Path]:
    """Return what lies where files are to be written, and was not rendered: it would be lost.

    A link is foreign where a folder of theirs is to be: it could lead anywhere.
    """
    known, wanted = set(_listed(folder)), list(files)
    parents = dict.fromkeys(parent for path in wanted for parent in path.parents if parent.name)
    links = [folder / parent for parent in parents if (folder / parent).is_symlink()]
    there = [folder / path for path in wanted if path.as_posix() not in known and (folder / path).exists()]
    return links + there


def write_files(folder: Path, files: Mapping[PurePath, str]) -> None:
    """Write files into a folder, and take away those that were written there before and are no more."""
    known = {PurePath(name) for name in _listed(folder)}
    make_private(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".rendered-") as scratch:
        for path, text in files.items():  # where there is no room for all of them, nothing changes
            write_private(Path(scratch) / path, text.encode())
        _list(folder, known | set(files))
        for path in files:
            make_private((folder / path).parent)
            (Path(scratch) / path).replace(folder / path)
    for path in known - set(files):
        (folder / path).unlink(missing_ok=True)
    _list(folder, files)


def read_files(folder: Path) -> dict[PurePath, str]:
    """Return the files that were rendered into a folder, as far as they are there."""
    paths = [PurePath(name) for name in _listed(folder)]
    return {path: (folder / path).read_text("utf-8") for path in paths if (folder / path).is_file()}


def _list(folder: Path, paths: Iterable[PurePath]) -> None:
    names = sorted(path.as_posix() for path in paths)
    write_private(folder / _LIST, msgspec.json.format(msgspec.json.encode(names)) + b"\n")


def _listed(folder: Path) -> list[str]:
    """Return what was rendered; a list that leads outside of the folder is not one of ours."""
    try:
        found = msgspec.json.decode((folder / _LIST).read_bytes(), type=list[str])
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        raise Corrupted(f"{folder / _LIST} cannot be read: {error}", hint="remove it") from error
    for name in found:
        if not name or PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            raise Corrupted(f"{folder / _LIST} names {name!r}, which was not rendered", hint="remove it")
    return found
