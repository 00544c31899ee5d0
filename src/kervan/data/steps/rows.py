"""Steps that keep some of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.data.sql.expressions import computed, expression
from kervan.data.steps.columns import known

if TYPE_CHECKING:
    from typing import Literal

    import polars as pl

    from kervan.core import shaping
    from kervan.data.steps.shape import Around

_KEPT: dict[str, Literal["first", "last", "none"]] = {"first": "first", "last": "last", "none": "none"}


def keep(
    table: pl.DataFrame, step: shaping.Filter, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """Keep the rows for which an expression is true; where it is missing, it is not."""
    import polars as pl

    answer = computed(table, [expression(step.filter, table, place)], step.filter, place).to_series()
    if answer.dtype != pl.Boolean or len(answer) != table.height:
        raise InvalidConfig(
            f"{place}: {step.filter!r} is not true or false for each row", hint="write it like: age >= 18"
        )
    unknown = answer.null_count()
    noticed = [f"{unknown:,} rows are left out because a value is missing"] if unknown else []
    return table.filter(answer.fill_null(value=False)), noticed


def deduplicate(
    table: pl.DataFrame, step: shaping.Deduplicate, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """Keep one row of those that are equal, in the order of the table."""
    names = step.deduplicate or tuple(table.columns)
    known(names, table, place)
    if step.keep not in _KEPT:
        raise InvalidConfig(f"{place}: keep = {step.keep!r} is none of first, last, none")
    if step.by:
        known([step.by], table, place)
        table = table.sort(step.by, maintain_order=True, nulls_last=step.keep == "first")
    rest = table.unique(list(names), keep=_KEPT[step.keep], maintain_order=True)
    return rest, []
