"""Values of metrics, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a metric."""

    name: str
    step: int
    value: float
    time: float


def last_finite(points: Iterable[Point]) -> dict[str, float]:
    """Return the last value of each metric that is a number and not infinite."""
    return {point.name: point.value for point in points if isfinite(point.value)}


def point_of(row: Any) -> Point:
    """Read a point from the table of metrics."""
    return Point(name=row.name, step=row.step, value=nan if row.value is None else row.value, time=row.time)


def row_of(run: str, point: Point) -> tuple[str, str, int, float | None, float]:
    """Return a point as the table of metrics has it."""
    return run, point.name, point.step, None if isnan(point.value) else point.value, point.time
