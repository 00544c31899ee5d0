"""The rows of a table in pieces that checks leave, and those that they keep aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.pieces import PieceWriter, compact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.data.checks.typed import TypedPieces
    from kervan.data.pieces import Pieces


def left_of(
    read: Pieces, frame: TypedPieces, rejected: pl.Series, folder: Path
) -> tuple[Pieces, pl.DataFrame]:
    """Return the rows that stay, in files of a new folder unless all do as they are, and those rejected.

    `frame` is the table typed. Rows are numbered from 1. A column of texts becomes of the type that a check
    says if all that stay can be read as such.
    """
    import polars as pl

    fitting = _fitting(read, frame, rejected)
    if not fitting and not len(rejected):
        return read, pl.DataFrame(schema=read.schema)
    aside = [pl.DataFrame(schema=read.schema)]
    with PieceWriter(folder) as writer:
        for place, (piece, stays) in enumerate(zip(read, _stays(read, rejected), strict=True)):
            kinds = frame.at(place, fitting).get_columns() if fitting else []
            writer.add(piece.with_columns(kinds).filter(stays))
            aside.append(compact(piece.filter(~stays)))
    return writer.finish(), pl.concat(aside)


def _fitting(read: Pieces, frame: TypedPieces, rejected: pl.Series) -> list[str]:
    """Return the columns of which every text that stays can be read as its type."""
    names = list(frame.wanted)
    lost = dict.fromkeys(names, 0)
    pieces = zip(read.only(names), frame.only(names), _stays(read, rejected), strict=True)
    for texts, typed, stays in pieces:
        for name in names:
            lost[name] += int((texts[name].is_not_null() & typed[name].is_null() & stays).sum())
    return [name for name, count in lost.items() if not count]


def _stays(table: Pieces, rejected: pl.Series) -> Iterator[pl.Series]:
    """Yield for each piece which of its rows are not rejected."""
    import polars as pl

    for start, height in zip(table.starts(), table.heights, strict=True):
        here = rejected.filter((rejected > start) & (rejected <= start + height)).cast(pl.Int64) - start - 1
        yield ~pl.Series([False]).new_from_index(0, height).scatter(here.to_list(), True)
