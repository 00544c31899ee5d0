"""What a date says: its year, month, day of the month and of the week; a time its hour and minute too.

The days since 1970-01-01 (`kervan.package.encoding`) are taken apart in the arithmetic of the neutral form,
which training and every written format share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: TID253  a base class; candidates.py imports this file late

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import DAYS, SECONDS
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import AtLeast, Form, Operation, Unary
from kervan.package.writing.neutral.score import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_OF_DATE, _OF_TIME = 4, 2  # how many numbers a date, and the seconds of a time, are taken apart into


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Appends to a matrix what the columns of days and of seconds since midnight at some places say."""

    def __init__(self, days: Sequence[int] = (), seconds: Sequence[int] = ()) -> None:
        self.days = days
        self.seconds = seconds

    @property
    def added(self) -> int:
        """How many columns are appended."""
        return _OF_DATE * len(self.days) + _OF_TIME * len(self.seconds)

    def fit(self, matrix: NDArray[Any], truth: object = None) -> Self:
        """Remember how many columns there are."""
        self.n_features_in_ = matrix.shape[1]
        return self

    def transform(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Return the columns and what was appended, shape (rows, columns + added)."""
        columns = tuple(Column(name=str(place), type=Type.NUMBER) for place in range(self.n_features_in_))
        signature = Signature(inputs=Schema(columns), output=Column(name="parts", type=Type.NUMBER))
        builder = Builder(signature)
        self.write_form(builder, 0)
        return score(Form(signature=signature, layers=tuple(builder.layers)), np.asarray(matrix))

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the layers that take dates and times apart to the neutral form."""
        parts = [value]
        if len(self.days):
            parts += _of_days(builder, builder.take(value, self.days))
        if len(self.seconds):
            parts += _of_seconds(builder, builder.take(value, self.seconds))
        return builder.join(parts)


def date_parts(signature: Signature) -> DateParts | None:
    """Return what takes the dates of an encoded signature apart, or None if it has none."""
    units = [column.unit for column in signature.inputs]
    days, seconds = ([at for at, unit in enumerate(units) if unit == wanted] for wanted in (DAYS, SECONDS))
    return DateParts(days, seconds) if days or seconds else None


def _of_days(builder: Builder, days: int) -> list[int]:
    """Year, month, day of the month, and day of the week (Monday is 0), in the Gregorian calendar.

    Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, `civil_from_days`: years begin in March.
    """
    since = builder.arithmetic(builder.map(days, Unary.FLOOR), Operation.ADD, 719_468)
    era = _divided(builder, since, 146_097)
    of_era = builder.combine(since, Operation.SUBTRACT, _times(builder, era, 146_097))
    leaps = builder.combine(
        builder.combine(
            builder.combine(of_era, Operation.SUBTRACT, _divided(builder, of_era, 1_460)),
            Operation.ADD,
            _divided(builder, of_era, 36_524),
        ),
        Operation.SUBTRACT,
        _divided(builder, of_era, 146_096),
    )
    year_of_era = _divided(builder, leaps, 365)
    before = builder.combine(
        builder.combine(_times(builder, year_of_era, 365), Operation.ADD, _divided(builder, year_of_era, 4)),
        Operation.SUBTRACT,
        _divided(builder, year_of_era, 100),
    )
    of_year = builder.combine(of_era, Operation.SUBTRACT, before)
    five = builder.arithmetic(_times(builder, of_year, 5), Operation.ADD, 2)
    from_march = _divided(builder, five, 153)
    first = _divided(builder, builder.arithmetic(_times(builder, from_march, 153), Operation.ADD, 2), 5)
    day = builder.arithmetic(builder.combine(of_year, Operation.SUBTRACT, first), Operation.ADD, 1)
    width = builder.widths[days]
    is_next = builder.add(
        AtLeast(sources=(from_march,), places=np.arange(width), values=np.full(width, 10.0))
    )
    month = builder.combine(
        builder.arithmetic(from_march, Operation.ADD, 3), Operation.SUBTRACT, _times(builder, is_next, 12)
    )
    year = builder.combine(
        builder.combine(year_of_era, Operation.ADD, _times(builder, era, 400)), Operation.ADD, is_next
    )
    from_monday = builder.arithmetic(
        builder.map(days, Unary.FLOOR), Operation.ADD, 3
    )  # 1970-01-01: a Thursday
    weeks = _times(builder, _divided(builder, from_monday, 7), 7)
    return [year, month, day, builder.combine(from_monday, Operation.SUBTRACT, weeks)]


def _of_seconds(builder: Builder, seconds: int) -> list[int]:
    """Hour and minute."""
    whole = builder.map(seconds, Unary.FLOOR)
    hour, minutes = _divided(builder, whole, 3600), _divided(builder, whole, 60)
    return [hour, builder.combine(minutes, Operation.SUBTRACT, _times(builder, hour, 60))]


def _divided(builder: Builder, value: int, by: int) -> int:
    """Divide whole numbers, rounded down.

    Half of one more keeps the quotient away from whole numbers: engines that multiply by the inverse
    instead, or compute in 32 bits, would fall below them.
    """
    more = builder.arithmetic(value, Operation.ADD, 0.5)
    return builder.map(builder.arithmetic(more, Operation.DIVIDE, by), Unary.FLOOR)


def _times(builder: Builder, value: int, by: int) -> int:
    return builder.arithmetic(value, Operation.MULTIPLY, by)
