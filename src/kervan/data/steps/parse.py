"""Texts read as numbers, dates or times: by what the column proves, or by what the step says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.data.steps.columns import known
from kervan.data.steps.dates import Dates
from kervan.data.steps.numbers import Numbers
from kervan.data.steps.remark import Read
from kervan.data.steps.spot import Spot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import polars as pl

    from kervan.core import shaping
    from kervan.data.pieces import Pieces
    from kervan.data.steps.remark import Remark
    from kervan.data.steps.shape import Around

_OF_NUMBERS = ("decimal", "units")
_OF_DATES = ("format", "day_first", "zone")


def parse(
    table: pl.DataFrame, step: shaping.Parse, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Read the texts of some columns; raises `InvalidData` that names the first row which cannot be read."""
    noticed: list[Remark] = []
    for name, reading in _readings(table, step, place, around).items():
        written = [reading.taken_apart(table[name])]
        reading.decide(written)
        table = table.with_columns(reading.read(written[0]).alias(name))
        reading.check()
        noticed += _noticed(name, reading)
    return table, noticed


class Parsing:
    """A step that reads a table piece by piece, once all of it has said how it is written."""

    def __init__(self, table: Pieces, step: shaping.Parse, place: str, around: Around) -> None:
        self._readings = _readings(table, step, place, around)
        for name, reading in self._readings.items():
            reading.decide(_Again(table, name, reading))

    def __call__(self, piece: pl.DataFrame) -> tuple[pl.DataFrame, list[Remark]]:
        """Return a piece with what its texts say."""
        found = [
            reading.read(reading.taken_apart(piece[name])).alias(name)
            for name, reading in self._readings.items()
        ]
        remarks = [each for name, reading in self._readings.items() for each in _noticed(name, reading)]
        return piece.with_columns(found), remarks

    def check(self) -> None:
        """Raise `InvalidData` that names the first row which could not be read."""
        for reading in self._readings.values():
            reading.check()


class _Again:
    """The pieces of a column, taken apart anew each time that they are gone through."""

    def __init__(self, table: Pieces, name: str, reading: Numbers | Dates) -> None:
        self._table = table
        self._name = name
        self._reading = reading

    def __iter__(self) -> Iterator[Any]:
        return map(self._reading.taken_apart, self._table.column(self._name))


def _noticed(name: str, reading: Numbers | Dates) -> list[Remark]:
    written = reading.written
    return [*reading.remarks, *([] if written is None else [Read(column=name, written=written)])]


def _readings(
    table: pl.DataFrame | Pieces, step: shaping.Parse, place: str, around: Around
) -> dict[str, Any]:
    """Return how each column is read; numbers that are some stay as they are."""
    known(step.parse, table, place)
    if step.to not in {"number", "date", "datetime"}:
        raise InvalidConfig(f"{place}: to = {step.to!r} is none of number, date, datetime")
    for option in _OF_DATES if step.to == "number" else _OF_NUMBERS:
        if getattr(step, option) not in ("", None, {}):
            raise InvalidConfig(f"{place}: {option} is not for {step.to}s", hint="remove it")
    kind = Numbers if step.to == "number" else Dates
    return {
        name: kind(step, Spot(place=place, column=name, is_hidden=name in around.hidden))
        for name in step.parse
        if kind is Dates or not table.schema[name].is_numeric()
    }
