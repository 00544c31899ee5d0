"""What has to be in memory whole: looked at by its size before it is read, and refused if it is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from kervan.data.pieces import Pieces

WHOLE_BYTES = 2 << 30  # what may be held in memory at the same time of a table in pieces


def held(table: Pieces, names: Sequence[str], place: str, *, hint: str) -> pl.DataFrame:
    """Return some columns of the whole table, or raise `InvalidConfig` if they do not fit into memory."""
    import polars as pl

    check_fits(table, names, place, hint=hint)
    return pl.concat(table.only(list(names)))


def check_fits(table: Pieces, names: Sequence[str], place: str, *, hint: str) -> None:
    """Raise `InvalidConfig` with the figures if some columns do not fit into memory together."""
    size = bytes_of(table, names)
    if size > WHOLE_BYTES:
        raise InvalidConfig(
            f"{place} needs {table.height:,} rows of {len(names):,} columns at once, "
            f"about {size >> 20:,} MiB, and at most {WHOLE_BYTES >> 20:,} MiB are taken",
            hint=hint,
        )


def bytes_of(table: Pieces, names: Sequence[str]) -> int:
    """Return about how many bytes some columns take in memory, by what they take in the longest piece."""
    if not names or not table.height:
        return 0
    longest = max(range(len(table.heights)), key=table.heights.__getitem__)
    piece = table.at(longest, names)
    return int(piece.estimated_size()) * table.height // piece.height
