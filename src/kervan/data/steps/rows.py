"""Steps that keep some of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.data.sql.expressions import computed, expression
from kervan.data.steps.columns import known
from kervan.data.steps.remark import Counted, Remark

if TYPE_CHECKING:
    from typing import Literal

    import polars as pl

    from kervan.core import shaping
    from kervan.data.pieces import Pieces
    from kervan.data.steps.shape import Around

_KEPT: dict[str, Literal["first", "last", "none"]] = {"first": "first", "last": "last", "none": "none"}


def keep(
    table: pl.DataFrame, step: shaping.Filter, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Keep the rows for which an expression is true; where it is missing, it is not."""
    return kept(table, answers(table, step, place))


def answers(table: pl.DataFrame, step: shaping.Filter, place: str) -> pl.Series:
    """Return for each row whether an expression is true, by all rows of the columns that it names."""
    import polars as pl

    found = computed(table, [expression(step.filter, table, place)], step.filter, place).to_series()
    if found.dtype != pl.Boolean or len(found) != table.height:
        raise InvalidConfig(
            f"{place}: {step.filter!r} is not true or false for each row", hint="write it like: age >= 18"
        )
    return found


def kept(table: pl.DataFrame, answer: pl.Series) -> tuple[pl.DataFrame, list[Remark]]:
    """Keep the rows whose answer is true, and count those that have none."""
    unknown = answer.null_count()
    noticed = Counted(text="{count:,} rows are left out because a value is missing", count=unknown)
    return table.filter(answer.fill_null(value=False)), [noticed]


def deduplicate(
    table: pl.DataFrame, step: shaping.Deduplicate, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Keep one row of those that are equal, in the order of the table."""
    names = compared(table, step, place)
    if step.by:
        table = table.sort(step.by, maintain_order=True, nulls_last=step.keep == "first")
    return table.unique(names, keep=_KEPT[step.keep], maintain_order=True), []


def compared(table: pl.DataFrame | Pieces, step: shaping.Deduplicate, place: str) -> list[str]:
    """Return the columns in which rows have to be equal, or raise `InvalidConfig`."""
    names = step.deduplicate or tuple(table.columns)
    known(names, table, place)
    if step.keep not in _KEPT:
        raise InvalidConfig(f"{place}: keep = {step.keep!r} is none of first, last, none")
    if step.by:
        known([step.by], table, place)
    return list(names)
