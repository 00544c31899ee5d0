"""A rule that compares columns of one row, as an expression of SQL: `end >= start`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.checks.rule import RowRule
from kervan.data.checks.usable import tolerated
from kervan.data.sql.expressions import computed, expression, unusable

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


def expression_rule(check: Check, asked: Asked) -> RowRule:
    """Return the rule of an expression; a row in which it is neither true nor false keeps it, as in SQL.

    Raises `InvalidConfig` that names the column, or what else cannot be understood.
    """
    holds = expression(check.expression, asked.table, check.place)
    names = holds.meta.root_names()
    if not names:
        raise unusable(check.expression, "it names no column", asked.table, check.place)
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


def _check_boolean(check: Check, holds: pl.Expr, table: pl.DataFrame) -> None:
    import polars as pl

    kind = computed(table.head(1), [holds.alias("holds")], check.expression, check.place).dtypes[0]
    if kind != pl.Boolean:
        raise unusable(check.expression, "it is neither true nor false", table, check.place)
