"""A function's source as its platform takes it: the ZIP of a version, unpacked beside the rendered files."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

# Modules begin with this: the package lies beside them.
BEGIN = """import os

os.environ.setdefault(
    "KERVAN_PACKAGE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "package")
)
"""


@contextmanager
def staged(folder: Path, version: str, files: tuple[str, ...]) -> Iterator[Path]:
    """Give a folder with what the ZIP of a version holds and these rendered files, for a while.

    Raises `NotFound` where the ZIP is missing.
    """
    archive = folder / f"{version}.zip"
    if not archive.is_file():
        raise NotFound(f"there is no {archive}", hint="release it again: its ZIP is made then")
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        place = Path(scratch)
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(place)
        for name in files:
            shutil.copyfile(folder / name, place / name)
        yield place
