"""Values that tell less: masked, cut to a prefix, or generalised to bands, spans of time and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.core.protecting import OTHERS
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    import polars as pl

_MASK = "****"  # always as long: the length of a value would tell of it
_EVERY = {"year": "1y", "month": "1mo", "day": "1d"}


def mask(column: pl.Series, shown: str) -> pl.Series:
    """Return values of which a part is shown (`kervan.core.protecting.KEPT`) and the rest is stars.

    A value of which more than half would be shown is stars alone, and so is an address without a domain.

    >>> import polars as pl
    >>> mask(pl.Series("phone", ["05321234567", "1234"]), "last 4").to_list()
    ['****4567', '****']
    """
    import polars as pl

    value = pl.col(column.name)
    told: pl.Expr = pl.lit(_MASK)
    if shown == "domain":
        told += value.str.extract(r"(@[^@]*)$").fill_null("")
    elif shown != "nothing":
        side, count = shown.split()
        is_first, size = side == "first", int(count)
        part = value.str.head(size) if is_first else value.str.tail(size)
        is_long = value.str.len_chars() >= 2 * size
        told = pl.when(is_long).then(part + _MASK if is_first else told + part).otherwise(told)
    kept = pl.when(value.is_not_null()).then(told)
    return pl.DataFrame([as_texts(column)]).select(kept.alias(column.name))[column.name]


def prefix(column: pl.Series, count: int) -> pl.Series:
    """Return the first signs of each value, as texts."""
    return as_texts(column).str.head(count)


def generalise(column: pl.Series, how: float | str | dict[str, str]) -> pl.Series:
    """Return coarser values: lower ends of bands, beginnings of spans of time, or other categories.

    >>> import polars as pl
    >>> generalise(pl.Series("age", [39, 40, None]), 10).to_list()
    [30, 40, None]
    """
    if isinstance(how, dict):
        return _mapped(column, how)
    return _spans(column, how) if isinstance(how, str) else _bands(column, how)


def _bands(column: pl.Series, width: float) -> pl.Series:
    import polars as pl

    if not column.dtype.is_numeric():
        raise _unsuited(column, "bands are for numbers", '"year", a prefix or a table of categories')
    value = pl.col(column.name)
    if column.dtype.is_integer() and width == int(width):
        # In 128 bits: the band below the smallest number of a narrow type may not fit into it.
        lower = value.cast(pl.Int128).floordiv(int(width)) * int(width)
        wide = pl.UInt64 if column.dtype == pl.UInt64 else pl.Int64
        return pl.DataFrame([column]).select(lower.cast(wide, strict=False))[column.name]
    floats = (value.cast(pl.Float64) / width).floor() * width
    return pl.DataFrame([column]).select(floats.round(9))[column.name]


def _spans(column: pl.Series, span: str) -> pl.Series:
    if not column.dtype.is_temporal():
        hint = "first read its texts as dates: [[data.steps]] parse"
        raise _unsuited(column, f'"{span}" is for dates and times', hint)
    return column.dt.truncate(_EVERY[span])


def _mapped(column: pl.Series, table: dict[str, str]) -> pl.Series:
    import polars as pl

    texts = as_texts(column)
    named = {name: to for name, to in table.items() if name != OTHERS}
    unknown = texts.drop_nulls().unique().is_in(list(named)).not_().sum()
    if unknown and OTHERS not in table:
        raise _unsuited(
            column, f"{unknown:,} of its values are not in the table", 'add "*" = "other", for all others'
        )
    found = texts.replace_strict(named, default=table.get(OTHERS), return_dtype=pl.String)
    return pl.select(pl.when(texts.is_not_null()).then(found)).to_series().alias(column.name)


def _unsuited(column: pl.Series, what: str, hint: str) -> InvalidConfig:
    return InvalidConfig(f"[data] protect: generalise for {column.name!r}: {what}", hint=hint)
