"""Tables in pieces, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.pieces import Pieces

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


def chopped(table: pl.DataFrame, folder: Path, rows: int) -> Pieces:
    """Return a table in pieces of so many rows."""
    folder.mkdir(parents=True)
    pieces = [table.slice(start, rows) for start in range(0, max(1, table.height), rows)]
    files = [folder / f"{number:06}.parquet" for number in range(len(pieces))]
    for piece, path in zip(pieces, files, strict=True):
        piece.write_parquet(path)
    return Pieces(files=tuple(files), heights=tuple(piece.height for piece in pieces), schema=table.schema)
