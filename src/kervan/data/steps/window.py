"""Figures over the earlier rows of the same entity: nothing of a row's own time or later is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kervan.core.access import read_span
from kervan.core.errors import InvalidConfig, InvalidInput, first_line
from kervan.data.sql.expressions import expression
from kervan.data.steps.columns import known
from kervan.data.steps.remark import Counted, Remark

if TYPE_CHECKING:
    import polars as pl

    from kervan.core import shaping
    from kervan.data.pieces import Pieces
    from kervan.data.steps.shape import Around

_ALL_BEFORE = timedelta(days=100_000)  # whatever the unit of a time, it holds as many


def window(
    table: pl.DataFrame, step: shaping.Window, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Add columns of figures over the rows before each one, by entity, at most `over` old."""
    import polars as pl

    wanted = figures(table, step, place)
    by, at = list(step.by), step.at
    timed = table.filter(pl.col(at).is_not_null()).sort(at, maintain_order=True)
    try:
        rolled = timed.rolling(at, period=_length(step, place), closed="left", group_by=by).agg(wanted)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {first_line(error)}", hint="write it like: avg(amount)") from error
    for name in step.window:
        if isinstance(rolled.schema[name], pl.List):
            raise InvalidConfig(
                f"{place}: {name!r} gives many values for one row", hint="write it like: max(amount)"
            )
    known_once = rolled.unique([*by, at])  # rows of the same time look at the same rows
    found = table.join(known_once, on=[*by, at], how="left", nulls_equal=True, maintain_order="left")
    timeless = Counted(
        text="{count:,} rows have no time: nothing is before them", count=table.height - timed.height
    )
    return found, [timeless]


def figures(table: pl.DataFrame | Pieces, step: shaping.Window, place: str) -> list[pl.Expr]:
    """Return what is asked of the rows before, or raise `InvalidConfig`."""
    if not step.by or not step.at:
        missing = "by" if not step.by else "at"
        raise InvalidConfig(
            f"{place}: {missing} is empty", hint='say of whom and when: by = ["customer"], at = "day"'
        )
    known([*step.by, step.at], table, place)
    if not table.schema[step.at].is_temporal():
        raise InvalidConfig(f"{place}: {step.at!r} is no date or time", hint="parse it in a step before")
    if taken := [name for name in step.window if name in table.columns]:
        raise InvalidConfig(f"{place}: there is a column {taken[0]!r} already", hint="choose another name")
    return [expression(text, table, f"{place}, {name}").alias(name) for name, text in step.window.items()]


def nothing_more(remarks: list[Remark]) -> list[Remark]:
    """Return remarks for the other pieces of a table, of which all rows have been counted."""
    return [replace(each, count=0) if isinstance(each, Counted) else each for each in remarks]


def read_by(step: shaping.Window, table: Pieces, place: str) -> list[str]:
    """Return the columns that a window needs of all rows at once."""
    wanted = figures(table, step, place)
    names = [name for each in wanted for name in each.meta.root_names()]
    return list(dict.fromkeys([*step.by, step.at, *names]))


def _length(step: shaping.Window, place: str) -> timedelta:
    try:
        return timedelta(seconds=read_span(step.over)) if step.over else _ALL_BEFORE
    except (InvalidInput, OverflowError) as error:
        raise InvalidConfig(
            f"{place}: over = {step.over!r} is no length of time", hint="write 90d, 12w, 1h, 30m or 45s"
        ) from error
