"""A rule that compares columns of one row, as an expression of SQL: `end >= start`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.checks.rule import FoundRule, RowRule
from kervan.data.checks.usable import tolerated
from kervan.data.fits import held
from kervan.data.pieces import Pieces
from kervan.data.sql.expressions import computed, expression, unusable
from kervan.data.sql.words import is_of_one_row

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


def expression_rule(check: Check, asked: Asked) -> RowRule | FoundRule:
    """Return the rule of an expression; a row in which it is neither true nor false keeps it, as in SQL.

    Raises `InvalidConfig` that names the column, or what else cannot be understood.
    """
    holds = expression(check.expression, asked.table, check.place)
    names = holds.meta.root_names()
    if not names:
        raise unusable(check.expression, "it names no column", asked.table, check.place)
    _check_boolean(check, holds, asked.first)
    bad, shown = ~holds.fill_null(value=True), tuple(dict.fromkeys(names))
    if isinstance(asked.table, Pieces) and not is_of_one_row(check.expression):
        hint = "compare values of one row, or write a check by `sql` that sums up"
        whole = held(asked.table, shown, check.place, hint=hint)
        rows = computed(whole, [bad.alias("bad")], check.expression, check.place).to_series().arg_true()
        return FoundRule(
            rule="expression",
            subject=", ".join(shown),
            check=check,
            count=len(rows),
            told=check.expression,
            rows=rows,
            shown=shown,
            tolerated=tolerated(check),
        )
    return RowRule(
        rule="expression",
        subject=", ".join(shown),
        check=check,
        bad=bad,
        wanted="",
        told=check.expression,
        shown=shown,
        tolerated=tolerated(check),
    )


def _check_boolean(check: Check, holds: pl.Expr, table: pl.DataFrame) -> None:
    import polars as pl

    kind = computed(table.head(1), [holds.alias("holds")], check.expression, check.place).dtypes[0]
    if kind != pl.Boolean:
        raise unusable(check.expression, "it is neither true nor false", table, check.place)
