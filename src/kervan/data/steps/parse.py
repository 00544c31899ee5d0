"""Texts read as numbers, dates or times: by what the column proves, or by what the step says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.data.steps.columns import known
from kervan.data.steps.dates import dates
from kervan.data.steps.numbers import numbers
from kervan.data.steps.spot import Spot

if TYPE_CHECKING:
    import polars as pl

    from kervan.core import shaping
    from kervan.data.steps.shape import Around

_OF_NUMBERS = ("decimal", "units")
_OF_DATES = ("format", "day_first", "zone")


def parse(
    table: pl.DataFrame, step: shaping.Parse, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """Read the texts of some columns; raises `InvalidData` that names the first row which cannot be read."""
    known(step.parse, table, place)
    if step.to not in {"number", "date", "datetime"}:
        raise InvalidConfig(f"{place}: to = {step.to!r} is none of number, date, datetime")
    for option in _OF_DATES if step.to == "number" else _OF_NUMBERS:
        if getattr(step, option) not in ("", None, {}):
            raise InvalidConfig(f"{place}: {option} is not for {step.to}s", hint="remove it")
    noticed: list[str] = []
    for name in step.parse:
        spot = Spot(place=place, column=name, is_hidden=name in around.hidden)
        read = numbers if step.to == "number" else dates
        column, remarks = read(table[name], step, spot)
        table = table.with_columns(column.alias(name))
        noticed += remarks
    return table, noticed
