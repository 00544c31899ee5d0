"""Everything that lies on the disk of a workspace, as texts: also what is inside Parquet files and SQLite."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file below `root` as text: tables and databases row by row, all else byte by byte."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield path, content.decode("utf-8", errors="replace")
            if content.startswith(b"PAR1"):
                yield path, pl.read_parquet(io.BytesIO(content)).write_csv()
            if content.startswith(b"SQLite format 3"):
                with closing(sqlite3.connect(path)) as database:
                    yield path, "\n".join(database.iterdump())


def holding(root: Path, secret: str) -> list[Path]:
    """Return the files below `root` in which a text can be read."""
    return [path for path, content in texts(root) if secret in content]
