"""A rule that compares columns of one row, as an expression of SQL: `end >= start`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.data.checks.rule import RowRule
from kervan.data.checks.usable import tolerated
from kervan.data.checks.words import with_names

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


def expression_rule(check: Check, asked: Asked) -> RowRule:
    """Return the rule of an expression; a row in which it is neither true nor false keeps it, as in SQL.

    Raises `InvalidConfig` that names the column, or what else cannot be understood.
    """
    holds = _parsed(check, asked.table)
    names = holds.meta.root_names()
    if not names:
        raise _refused(check, "it names no column", asked.table)
    for name in names:
        if name not in asked.table.columns:
            hint = did_you_mean(name, asked.table.columns)
            raise InvalidConfig(f"{check.place}: the table has no column {name!r}", hint=hint)
    _check_boolean(check, holds, asked.table)
    return RowRule(
        rule="expression",
        subject=", ".join(dict.fromkeys(names)),
        check=check,
        bad=~holds.fill_null(value=True),
        wanted="",
        told=check.expression,
        shown=tuple(dict.fromkeys(names)),
        tolerated=tolerated(check),
    )


def _parsed(check: Check, table: pl.DataFrame) -> pl.Expr:
    import polars as pl

    try:
        return pl.sql_expr(with_names(check.expression, table.columns))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _refused(check, _first(error), table) from error


def _check_boolean(check: Check, holds: pl.Expr, table: pl.DataFrame) -> None:
    import polars as pl

    try:
        kind = table.head(1).select(holds.alias("holds")).dtypes[0]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _refused(check, _first(error), table) from error
    if kind != pl.Boolean:
        raise _refused(check, "it is neither true nor false", table)


def _refused(check: Check, reason: str, table: pl.DataFrame) -> InvalidConfig:
    names = ", ".join(map(repr, table.columns[:5]))
    return InvalidConfig(
        f"{check.place}: expression = {check.expression!r} cannot be used: {reason}",
        hint=f'compare columns as in SQL: "end >= start", "day > DATE \'2026-05-01\'"; columns here: {names}',
    )


def _first(error: BaseException) -> str:
    return str(error).partition("\n")[0]
