"""SQL expressions over the columns of a table: `age >= 18`, `loan / income`, `sum(amount)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean, first_line
from kervan.data.sql.words import with_names

if TYPE_CHECKING:
    import polars as pl

    from kervan.data.pieces import Pieces


def expression(text: str, table: pl.DataFrame | Pieces, place: str) -> pl.Expr:
    """Return an expression, or raise `InvalidConfig` that names what of it cannot be read.

    `place` says where it stands. Columns with blanks or other signs in their names are written in double
    quotes, texts in single ones.
    """
    import polars as pl

    try:
        found = pl.sql_expr(with_names(text, table.columns))
        names = found.meta.root_names()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise unusable(text, first_line(error), table, place) from error
    for name in names:
        if name not in table.columns:
            hint = did_you_mean(name, table.columns)
            raise InvalidConfig(f"{place}: the table has no column {name!r}", hint=hint)
    return found


def computed(table: pl.DataFrame, expressions: list[pl.Expr], text: str, place: str) -> pl.DataFrame:
    """Compute expressions over a table, or raise `InvalidConfig` with the reason."""
    import polars as pl

    try:
        return table.select(expressions)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise unusable(text, first_line(error), table, place) from error


def sees_other_rows(table: pl.DataFrame, found: pl.DataFrame, expressions: list[pl.Expr]) -> bool:
    """Say whether what was computed of a row changes with those around it: a mean, a rank."""
    half = table.head(table.height // 2)
    return bool(half.height) and not half.select(expressions).equals(found.head(half.height))


def unusable(text: str, reason: str, table: pl.DataFrame | Pieces, place: str) -> InvalidConfig:
    """Return the error of an expression that cannot be used, with the columns that there are."""
    names = ", ".join(map(repr, table.columns[:5]))
    return InvalidConfig(
        f"{place}: {text!r} cannot be used: {reason}",
        hint=f'write it as in SQL: "end >= start", "age >= 18 and city = \'Ankara\'"; columns here: {names}; '
        "functions are in the reference of the settings, under data.steps",
    )
