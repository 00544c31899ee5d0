"""Tables outside memory, and their values as the texts by which classes and categories are known."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.core.schema import number_text

if TYPE_CHECKING:
    import polars as pl

_ROW_GROUP = 1 << 17


def to_parquet(table: pl.DataFrame) -> bytes:
    """Write a table: equal tables give equal bytes as long as the version of Polars is the same."""
    content = io.BytesIO()
    table.rechunk().write_parquet(
        content, compression="zstd", compression_level=3, statistics=True, row_group_size=_ROW_GROUP
    )
    return content.getvalue()


def from_parquet(content: bytes) -> pl.DataFrame:
    """Read what `to_parquet` wrote, or raise `Corrupted`."""
    with extras_named():
        import polars as pl
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Corrupted(f"a stored table cannot be read: {error}", hint="ingest the table again") from error


def as_texts(column: pl.Series) -> pl.Series:
    """Write values as the texts by which they are known as classes or categories; null stays null.

    Whole numbers have no decimal point (`1`, also for 1.0), booleans are `true` and `false`, dates are ISO.
    What is not finite is null.
    """
    with extras_named():
        import polars as pl

    if column.dtype == pl.Boolean:
        return column.cast(pl.Int8).replace_strict({1: "true", 0: "false"}, return_dtype=pl.String)
    if not column.dtype.is_float():
        return column.cast(pl.String)
    finite = column.drop_nulls().drop_nans().unique()
    texts = {value: number_text(value) for value in finite.filter(finite.is_finite()).to_list()}
    return column.replace_strict(texts, default=None, return_dtype=pl.String)
