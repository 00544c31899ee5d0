"""SQL expressions over the columns of a table: `age >= 18`, `loan / income`, `sum(amount)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean

if TYPE_CHECKING:
    import polars as pl


def expression(text: str, table: pl.DataFrame, place: str) -> pl.Expr:
    """Return an expression, or raise `InvalidConfig` that names what of it cannot be read.

    `place` says where it stands. Columns with blanks or other signs in their names are written in double
    quotes, texts in single ones.
    """
    import polars as pl

    try:
        found = pl.sql_expr(text)
        names = found.meta.root_names()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InvalidConfig(
            f"{place}: {text!r} cannot be read: {first_line(error)}", hint=_WRITTEN
        ) from error
    for name in names:
        if name not in table.columns:
            raise InvalidConfig(
                f"{place}: there is no column {name!r}", hint=did_you_mean(name, table.columns)
            )
    return found


def computed(table: pl.DataFrame, expressions: list[pl.Expr], text: str, place: str) -> pl.DataFrame:
    """Compute expressions over a table, or raise `InvalidConfig` with the reason."""
    import polars as pl

    try:
        return table.select(expressions)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InvalidConfig(
            f"{place}: {text!r} cannot be computed: {first_line(error)}", hint=_WRITTEN
        ) from error


def sees_other_rows(table: pl.DataFrame, found: pl.DataFrame, expressions: list[pl.Expr]) -> bool:
    """Say whether what was computed of a row changes with those around it: a mean, a rank."""
    half = table.head(table.height // 2)
    return bool(half.height) and not half.select(expressions).equals(found.head(half.height))


def first_line(error: BaseException) -> str:
    """Return what an error of a library says, without its surroundings."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


_WRITTEN = "write it like: age >= 18 and city = 'Ankara'; names with blanks go in double quotes"
