"""Columns as the checks want them: texts that have to be numbers, dates or booleans, read as such."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


AS_TEXTS = {"", "text", "category"}


def column(name: str) -> pl.Expr:
    """Return the column of exactly this name: `pl.col` would read `^a$` and `*` as patterns."""
    import polars as pl

    if name != "*" and not (name.startswith("^") and name.endswith("$")):
        return pl.col(name)
    import polars.selectors as cs  # slow in tables of thousands of columns

    return cs.by_name(name).as_expr()


def typed(table: pl.DataFrame, checks: Iterable[Check]) -> pl.DataFrame:
    """Return a table with columns of texts as the types that checks give them; what is no such is null."""
    import polars as pl

    wanted = {check.column: check.type for check in checks if check.type not in AS_TEXTS}
    texts = [name for name in wanted if table[name].dtype == pl.String]
    return table.with_columns([read_as(name, wanted[name]).alias(name) for name in texts])


def read_as(name: str, wanted: str) -> pl.Expr:
    """Return a column of texts as values of a type; a text that is none is null."""
    import polars as pl

    texts = column(name)
    if wanted == "integer":
        return texts.cast(pl.Int64, strict=False)
    if wanted == "number":
        return texts.cast(pl.Float64, strict=False)
    if wanted == "date":
        return texts.str.to_date("%Y-%m-%d", strict=False)
    if wanted == "datetime":
        return texts.str.to_datetime(strict=False, format="%Y-%m-%dT%H:%M:%S%.f")
    if wanted == "boolean":
        return texts.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    return texts


def has_type(name: str, wanted: str, asked: Asked) -> pl.Expr:
    """Return an expression that is true where a value is there and not of the wanted type."""
    import polars as pl

    read = asked.read[name]
    kind, values = read.dtype, column(name)
    present = values.is_not_null()
    if kind == pl.String:
        return pl.lit(read.is_not_null() & asked.table[name].is_null())
    if wanted == "integer" and kind.is_float():
        return present & ((values % 1 != 0) | ~values.is_finite())
    if wanted == "date" and isinstance(kind, pl.Datetime):
        return present & (values != values.dt.truncate("1d"))
    fits = {
        "integer": kind.is_integer(),
        "number": kind.is_numeric(),
        "boolean": kind == pl.Boolean,
        "date": kind == pl.Date,
        "datetime": kind == pl.Date or isinstance(kind, pl.Datetime),
    }
    return present & pl.lit(value=not fits.get(wanted, False))
