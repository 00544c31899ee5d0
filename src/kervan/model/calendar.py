"""What a date says: its year, month, day of the month and of the week; a time its hour and minute too.

The days since 1970-01-01 (`kervan.package.encoding`) are taken apart in the arithmetic of the neutral form,
which training and every written format share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.package.writing.neutral.form import AtLeast, Operation, Unary

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


def of_days(builder: Builder, days: int) -> list[int]:
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


def of_seconds(builder: Builder, seconds: int) -> list[int]:
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
