"""The files of a folder or a pattern, packed into one that is kept as the original."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from kervan.data.room import PIECE, check_space

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def pack_together(files: Sequence[Path], folder: Path) -> Path:
    """Pack what lies in `files` of a folder into its `files.zip`, and return that."""
    whole = folder / "files.zip"
    check_space(sum(each.stat().st_size for each in files), folder)
    _pack(files, folder / "files", whole)
    return whole


def _pack(files: Sequence[Path], root: Path, target: Path) -> None:
    """Write files into one zip file, uncompressed: the same bytes for the same names and contents."""
    with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:
        for path in files:
            member = zipfile.ZipInfo(path.relative_to(root).as_posix())
            with path.open("rb") as source, archive.open(member, "w", force_zip64=True) as copy:
                while piece := source.read(PIECE):
                    copy.write(piece)
