"""Numbers that are none: signs for a missing value, and a unit that changes on the way down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.nouns import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kervan.data.profile.coded import Coded
    from kervan.data.profile.nouns import NumberProfile

_SIGNS = tuple(
    sign * size
    for size in (99, 999, 9999, 99999, 999999, 9999999, 88, 888, 8888, 77, 777, 7777, 1e10, 1e20, 1e30)
    for sign in (-1, 1)
)
_FEWEST = 3  # rows that hold a sign
_GAP = 2.0  # from the other values, in their spread without the sign
_FEWEST_ROWS = 200
_APART = 0.97  # chance that a value after the change is beyond one before it, or the other way round
_LEVEL = 0.12  # within each side, how far that chance is from one half at most
_EDGE = 0.05  # of the rows, nearer to an end no change is looked for
# Ratios that a change of unit makes, and what it may be.
_UNITS = (
    (1000, "thousands"),
    (100, "metres and centimetres, or percent and shares"),
    (60, "minutes and seconds, or hours and minutes"),
    (2.54, "inches and centimetres"),
    (2.20462, "kilograms and pounds"),
    (1.609344, "miles and kilometres"),
    (3.28084, "metres and feet"),
    (3.785412, "gallons and litres"),
    (3.6, "metres a second and kilometres an hour"),
    (18.0182, "mmol/l and mg/dl of glucose"),
    (10, "a power of ten"),
)


def sentinel(column: Coded, numbers: NumberProfile) -> tuple[float, int]:
    """Return a value that stands for missing, and in how many sampled rows, or (0.0, 0).

    It is one of the usual signs, an end of the column, in three rows at least, and far from the others or the
    only one below zero.
    """
    there = column.numbers[column.is_there]
    for end in (numbers.minimum, numbers.maximum):
        rows = int((there == end).sum())
        if end not in {-1.0, *_SIGNS} or rows < _FEWEST:
            continue
        others = there[there != end]
        if len(others) < 20:
            continue
        low, high = float(others.min()), float(others.max())
        gap = low - end if end < low else end - high
        core = float(np.subtract(*np.quantile(others, [0.99, 0.01]))) or 1.0
        is_alone = end < 0 <= low  # below zero, where nothing else is
        if is_alone or gap > _GAP * core:
            return end, rows
    return 0.0, 0


def sentinel_finding(column: Coded, numbers: NumberProfile) -> Iterator[Finding]:
    """Yield a finding for a number that stands for missing."""
    value, rows = sentinel(column, numbers)
    if rows:
        yield Finding(
            rule="sentinel",
            subject=column.name,
            verdict=Verdict.WARNED,
            message=f"column {column.name!r}: {value:g} stands far from all other values and is in {rows:,} "
            f"of {len(column.values):,} sampled rows: it may mean missing",
            hint="if it does, say so, or a model takes it for a number",
        )


def shift(column: Coded, places: NDArray[np.int64]) -> Iterator[Finding]:
    """Yield a finding if the column's level changes at one place, and neither before nor after it."""
    there = column.is_there
    values, rows = column.numbers[there], places[there]
    size = len(values)
    if size < _FEWEST_ROWS or column.distinct < 20:
        return
    at = _change(values)
    if at is None:
        return
    before, after = values[:at], values[at:]
    if max(_trend(before), _trend(after)) > _LEVEL:
        return
    chance = _beyond(before, after)
    if max(chance, 1 - chance) < _APART:
        return
    old, new = float(np.median(before)), float(np.median(after))
    yield Finding(
        rule="level_shift",
        subject=column.name,
        verdict=Verdict.WARNED,
        message=f"column {column.name!r}: its level changes near row {int(rows[at]) + 1:,}, from a median of "
        f"{old:.5g} to {new:.5g}{_unit(old, new)}",
        hint="look whether the unit changed there, and bring all rows to one",
    )


def _change(values: NDArray[np.float64]) -> int | None:
    """Return where the level changes most (A. N. Pettitt, Applied Statistics 28, 1979), None at the ends."""
    size = len(values)
    ranks = np.argsort(np.argsort(values, kind="stable")) + 1.0
    walk = 2 * np.cumsum(ranks) - np.arange(1, size + 1) * (size + 1)
    at = int(np.argmax(np.abs(walk))) + 1
    return at if _EDGE * size <= at <= (1 - _EDGE) * size else None


def _trend(values: NDArray[np.float64]) -> float:
    half = len(values) // 2
    return abs(_beyond(values[:half], values[half:]) - 0.5)


def _beyond(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Return the chance that a value of the second is larger than one of the first."""
    ordered = np.sort(before)
    under = np.searchsorted(ordered, after, "left") + np.searchsorted(ordered, after, "right")
    return float(under.mean() / 2 / len(before))


def _unit(old: float, new: float) -> str:
    if old * new <= 0:
        return ""
    ratio = max(old / new, new / old)
    near = [told for each, told in _UNITS if abs(ratio / each - 1) < 0.05]
    return f", {ratio:.3g} times as much" + (f" ({near[0]}?)" if near else "")
