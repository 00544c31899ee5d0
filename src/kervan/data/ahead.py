"""Columns that hold the target's future: that of a later row, or a figure over rows still to come.

The rows of a table that is split by time are looked at in their order, those of each entity apart. A column
is named if a later value of the target, or a mean, least or greatest one over later rows, follows from it far
closer than the target moves from one row to the next: nothing of the past could tell that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.config import DataSettings

_ROWS = 1_000  # in their order, that are looked at
_FEWEST = 30
_FARTHEST = 31  # rows: a month of days
_CLOSE = 0.01  # of how much the figure moves from one row to the next
_MOST_COLUMNS = 200


class _Figure(NamedTuple):
    """What of the target is compared, in words and for each row."""

    told: str
    values: NDArray[np.float64]


def ahead(table: pl.DataFrame, settings: DataSettings) -> Iterator[tuple[str, str]]:
    """Yield the names of columns that hold the target's future, each with what it holds.

    Only of tables that are split by time, where the times of each entity, if there is one, are all different.
    """
    ordered = _ordered(table, settings)
    if ordered is None:
        return
    target = _numbers(ordered[settings.target])
    if target is None or np.isnan(target).any() or not np.ptp(target):
        return
    entity = ordered[settings.entity].to_physical() if settings.entity in ordered.columns else None
    figures = list(_figures(target, None if entity is None else entity.rank("dense").to_numpy()))
    names = [name for name in table.columns if name not in {settings.target, settings.split.column}]
    for name in names[:_MOST_COLUMNS]:
        column = None if name in settings.protect else _numbers(ordered[name])
        told = "" if column is None else next((each.told for each in figures if _holds(column, each)), "")
        if told:
            yield name, told


def _ordered(table: pl.DataFrame, settings: DataSettings) -> pl.DataFrame | None:
    """Return the first rows in the order of their times; None where there is no such order."""
    time, entity = settings.split.column, settings.entity
    if settings.split.by != "time" or time not in table.columns or settings.target not in table.columns:
        return None
    by = [entity, time] if entity in table.columns else [time]
    known = table.filter(table[time].is_not_null() & table[settings.target].is_not_null())
    if known.select(by).is_duplicated().any():
        return None
    found = known.sort(by).head(_ROWS)
    return found if found.height >= _FEWEST else None


def _numbers(column: pl.Series) -> NDArray[np.float64] | None:
    """Return a column as numbers, NaN where one is missing; two classes are 0 and 1, of others None."""
    import polars as pl

    if column.dtype.is_temporal():
        return None
    if not column.dtype.is_numeric():
        if column.drop_nulls().n_unique() != 2:
            return None
        column = column.cast(pl.String).rank("dense")
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _figures(target: NDArray[np.float64], entity: NDArray[np.uint32] | None) -> Iterator[_Figure]:
    """Yield the target of later rows, and figures over these, over the row and these, and around it."""
    for steps in range(1, _FARTHEST + 1):
        yield _figure(_later(steps), target, (steps, steps), np.mean, entity)
    for rows in range(2, _FARTHEST + 1):
        for word, function in (("mean", np.mean), ("greatest", np.max), ("least", np.min)):
            yield _figure(f"the {word} of the next {rows} rows", target, (1, rows), function, entity)
            own = f"the {word} of the row itself and the next {rows - 1}"
            yield _figure(own, target, (0, rows - 1), function, entity)
    for side in range(1, _FARTHEST // 2 + 1):
        around = f"the mean of {2 * side + 1} rows, {side} of them later"
        yield _figure(around, target, (-side, side), np.mean, entity)
    if entity is None:
        rest = np.cumsum(target[::-1])[::-1]
        yield _Figure("the sum of the row itself and all later ones", rest)
        yield _Figure("the sum of all later rows", rest - target)
        yield _Figure("the mean of the row itself and all later ones", rest / np.arange(len(rest), 0, -1))


def _later(steps: int) -> str:
    return "that of the next row" if steps == 1 else f"that of the row {steps} rows later"


def _figure(
    told: str,
    target: NDArray[np.float64],
    ends: tuple[int, int],
    function: object,
    entity: NDArray[np.uint32] | None,
) -> _Figure:
    first, last = ends
    values = np.full(len(target), np.nan)
    size = last - first + 1
    if len(target) >= size:
        windows = function(sliding_window_view(target, size), axis=1)  # type: ignore[operator]
        begin = max(0, -first)
        end = len(target) - max(0, last)
        values[begin:end] = windows[begin + first : end + first]
        if entity is not None:
            inside = entity[begin + first : end + first] == entity[begin + last : end + last]
            values[begin:end][~inside] = np.nan
    return _Figure(told, values)


def _holds(column: NDArray[np.float64], figure: _Figure) -> bool:
    """Say whether a figure follows from a column, as a multiple of it, closer than any past could tell."""
    both = np.isfinite(column) & np.isfinite(figure.values)
    given, wanted = column[both], figure.values[both]
    if len(given) < _FEWEST or not np.ptp(given) or not np.ptp(wanted):
        return False
    moves = float(np.diff(wanted).std())
    alike = float(np.corrcoef(given, wanted)[0, 1])  # below 0 a sum of the future is one of the past
    return alike > 0 < moves and float(wanted.std()) * max(0.0, 1 - alike**2) ** 0.5 <= _CLOSE * moves
