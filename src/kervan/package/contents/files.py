"""The files of a package folder: listed with their hashes, and compared with what a manifest says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted
from kervan.core.identity import sha256_file
from kervan.core.nouns import PackageFile
from kervan.package.contents import manifest, signing

if TYPE_CHECKING:
    from collections.abc import Iterator

_COVERS = frozenset({manifest.FILE_NAME, signing.FILE_NAME})  # they say what the others are


def list_files(folder: Path) -> tuple[PackageFile, ...]:
    """List and hash all files below `folder` apart from manifest and signature, in the order of their paths.

    Raises `Corrupted` that names a link, a device, or a folder without files.
    """
    found = sorted(_walk(folder, ""))
    return tuple(
        PackageFile(path=name, size=path.stat().st_size, sha256=sha256_file(path)) for name, path in found
    )


def check_files(folder: Path, files: tuple[PackageFile, ...]) -> None:
    """Raise `Corrupted` that names the first file that is missing, was changed, or was added."""
    wanted = {file.path: file for file in files}
    found = dict(_walk(folder, ""))
    for name in sorted(wanted.keys() | found.keys()):
        what = _difference(wanted.get(name), found.get(name))
        if what:
            raise Corrupted(f"{folder / name} {what}", hint="fetch the package again")


def _difference(wanted: PackageFile | None, path: Path | None) -> str:
    if wanted is None:
        return "was added"
    if path is None:
        return "is missing"
    # The size first: a file that was blown up is not read.
    is_same = path.stat().st_size == wanted.size and sha256_file(path) == wanted.sha256
    return "" if is_same else "was changed"


def _walk(folder: Path, below: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{below}{entry.name}"
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _inside(path, name)
            elif not entry.is_file(follow_symlinks=False):
                raise Corrupted(f"{path} is a link or no regular file", hint="fetch the package again")
            elif name not in _COVERS:
                yield name, path


def _inside(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    is_empty = True
    for each in _walk(folder, f"{name}/"):
        is_empty = False
        yield each
    if is_empty:
        raise Corrupted(f"{folder} is a folder without files", hint="fetch the package again")
