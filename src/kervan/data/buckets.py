"""Rows of a table in pieces brought together: equal ones, those of a group, those of an order.

Where that takes more memory than there is, rows are put into buckets on disk first, so that all that belong
together are in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.data import fits
from kervan.data.pieces import PieceWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.pieces import Pieces

ROW = "\0row"
_MOST = 64  # buckets: each has rows in memory that wait to be written
_SEEDS = (0, 0x9E3779B97F4A7C15)


def count_of(size: int) -> int:
    """Return into how many buckets so many bytes are put, for one to be a small part of what may be held."""
    return max(1, min(_MOST, -(-size * 32 // fits.WHOLE_BYTES)))


def bucketed(
    frames: Iterable[tuple[pl.DataFrame, NDArray[np.integer]]], many: int, folder: Path
) -> list[Pieces]:
    """Write rows into so many buckets, each row into the one of its number; in each their order stays."""
    writers = [PieceWriter(folder / str(number)) for number in range(many)]
    for frame, numbers in frames:
        for number, writer in enumerate(writers):
            writer.add(frame if many == 1 else frame.filter(numbers == number))
    for writer in writers:
        writer.close()
    return [writer.finish() for writer in writers]


def first_equals(table: Pieces, names: Sequence[str], folder: Path) -> NDArray[np.int64]:
    """Return for each row the number of the first row that is equal to it in some columns, from 0.

    Rows count as equal if two hashes of 64 bits are: of 10¹⁰ different rows any two do with a chance of
    10⁻¹⁹. Eight bytes a row are held.
    """
    import polars as pl

    many = count_of(table.height * 24)

    def hashes() -> Iterator[tuple[pl.DataFrame, NDArray[np.integer]]]:
        for start, piece in zip(table.starts(), table.only(names), strict=True):
            pair = {str(place): piece.hash_rows(seed) for place, seed in enumerate(_SEEDS)}
            rows = pl.int_range(start, start + piece.height, dtype=pl.Int64, eager=True)
            found = pl.DataFrame({**pair, ROW: rows})
            yield found, (found["0"] % many).to_numpy()

    firsts = np.empty(table.height, dtype=np.int64)
    for bucket in bucketed(hashes(), many, folder):
        found = bucket.whole()
        one, other, rows = (found[name].to_numpy() for name in ("0", "1", ROW))
        order = np.lexsort((other, one))  # equal ones stay in the order of the table
        is_new = np.diff(one[order], prepend=0).astype(bool) | np.diff(other[order], prepend=0).astype(bool)
        is_new[:1] = True
        rows = rows[order]
        firsts[rows] = rows[is_new][np.cumsum(is_new) - 1]
    return firsts


def groups(table: Pieces, by: Sequence[str], names: Sequence[str], folder: Path) -> list[Pieces]:
    """Return some columns of the rows, with their numbers as `ROW`, so that no group is in two buckets."""
    import polars as pl

    columns = list(dict.fromkeys([*by, *names]))
    many = count_of(fits.bytes_of(table, columns))

    def hashes() -> Iterator[tuple[pl.DataFrame, NDArray[np.integer]]]:
        for start, piece in zip(table.starts(), table.only(columns), strict=True):
            numbers = pl.int_range(start, start + piece.height, dtype=pl.Int64, eager=True)
            yield (
                piece.with_columns(numbers.alias(ROW)),
                (piece.select(by).hash_rows(_SEEDS[1]) % many).to_numpy(),
            )

    return bucketed(hashes(), many, folder)


def in_order(table: Pieces, order: NDArray[np.int64], folder: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows whose numbers are in `order`, as they come there; the others are left out."""
    import polars as pl

    to = np.full(table.height, -1, dtype=np.int64)
    to[order] = np.arange(len(order))
    many = count_of(fits.bytes_of(table, table.columns))
    each = max(1, -(-len(order) // many))

    def placed() -> Iterator[tuple[pl.DataFrame, NDArray[np.integer]]]:
        for start, piece in zip(table.starts(), table, strict=True):
            here = pl.Series(ROW, to[start : start + piece.height])
            kept = piece.with_columns(here).filter(here >= 0)
            yield kept, kept[ROW].to_numpy() // each

    for bucket in bucketed(placed(), many, folder):
        yield bucket.whole().sort(ROW).drop(ROW)
