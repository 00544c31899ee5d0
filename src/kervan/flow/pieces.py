"""Large tables in the store: several files, cut where the rows say, so that equal stretches are kept once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.flow.table import from_parquet, to_parquet
from kervan.store.events import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl

    from kervan.store.blobs import Blobs

    Change = Callable[[bytes, int], bytes]

MOST_ROWS = 1 << 17  # of a piece
_PIECE_BYTES = 64 << 20  # about what a piece takes in memory
_JUDGED = 10_000  # rows, by which that is judged
WHOLE = -1  # the place of a table, or a list of pieces, where pieces are counted from 0


def keep_pieces(
    batches: Iterable[pl.DataFrame], blobs: Blobs, change: Change = lambda content, _: content
) -> tuple[str, tuple[str, ...]]:
    """Store a table, and return the hash that it is found by, and those of its pieces.

    A table of one piece is a Parquet file, and has none; else they are listed in a file of their own. A piece
    ends where the rows before it say, so that rows which are added or changed make new pieces only near them.
    `change` is applied to the bytes of each piece with its place, and to a list of them, whose place is -1:
    it may encrypt them.
    """
    pieces = cut(batches)
    first, second = next(pieces), next(pieces, None)
    if second is None:
        return blobs.put_bytes(change(to_parquet(first), WHOLE)), ()
    found = tuple(
        blobs.put_bytes(change(to_parquet(piece), place))
        for place, piece in enumerate(chain([first, second], pieces))
    )
    return blobs.put_bytes(change(canonical(found), WHOLE)), found


def read_pieces(
    blob: str, blobs: Blobs, change: Change = lambda content, _: content
) -> Iterator[pl.DataFrame]:
    """Yield the pieces of what `keep_pieces` stored; `change` is the way back of the one given there."""
    for place, digest in enumerate(pieces_of(blob, blobs, change)):
        yield from_parquet(change(blobs.read_bytes(digest), place))


def read_whole(blob: str, blobs: Blobs) -> pl.DataFrame:
    """Return what `keep_pieces` stored in pieces, as one table."""
    with extras_named():
        import polars as pl
    return pl.concat(read_pieces(blob, blobs))


def pieces_of(blob: str, blobs: Blobs, change: Change = lambda content, _: content) -> list[str]:
    """Return the hashes of the pieces in a stored list."""
    try:
        return msgspec.json.decode(change(blobs.read_bytes(blob), WHOLE), type=list[str])
    except msgspec.DecodeError as error:
        raise Corrupted(
            f"a stored table's list cannot be read: {error}", hint="ingest the table again"
        ) from error


def cut(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Cut a table by its content into one piece at least; its first rows say how large they may be."""
    import polars as pl

    waiting: pl.DataFrame | None = None
    most = 0
    for batch in batches:
        waiting = batch if waiting is None else pl.concat([waiting, batch])
        most = most or _rows_of_a_piece(batch)
        while waiting.height > most:
            rows = _end(waiting, most)
            yield waiting.head(rows)
            waiting = waiting.slice(rows)
    if waiting is not None:
        yield waiting


def _end(table: pl.DataFrame, most: int) -> int:
    """Return how many rows make the first piece: those up to a row whose hash says so, in its second half.

    Where no hash does, it is as long as it may be.
    """
    import numpy as np

    least = most // 2
    hashes = table.slice(least, most - least).hash_rows(seed=0).to_numpy()
    said = np.flatnonzero(hashes % np.uint64(max(1, most // 8)) == 0)
    return least + 1 + int(said[0]) if len(said) else most


def _rows_of_a_piece(table: pl.DataFrame) -> int:
    """Return a power of two, which small changes of a table do not move."""
    judged = table.head(_JUDGED)
    each = max(1, int(judged.estimated_size()) // max(1, judged.height))
    return min(MOST_ROWS, 1 << max(8, (_PIECE_BYTES // each).bit_length() - 1))
