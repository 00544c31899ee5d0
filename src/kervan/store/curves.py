"""The histories of a run's metrics, thinned to what a picture can show."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kervan.store.points import Point, point_of
from kervan.store.tables import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Span:
    """A metric's history: how many points, from which step to which."""

    name: str
    size: int
    first: int
    last: int


def spans_of(connection: sa.Connection, run: str) -> list[Span]:
    """Return the metrics of a run that have a history, of more than one point, in order of their names."""
    size = sa.func.count()
    query = sa.select(metrics.c.name, size, sa.func.min(metrics.c.step), sa.func.max(metrics.c.step))
    query = query.where(metrics.c.run == run).group_by(metrics.c.name).having(size > 1)
    return sorted((Span(*row) for row in connection.execute(query)), key=lambda span: span.name)


def curve_of(connection: sa.Connection, run: str, span: Span, most: int) -> list[Point]:
    """Return about `most` points of a history.

    Of a longer one each stretch of steps gives its smallest value and its largest, at its first step and its
    last, so that no peak is lost.
    """
    if span.size > most:
        return list(_thinned(connection, run, span, most // 2))
    query = sa.select(metrics).where(metrics.c.run == run, metrics.c.name == span.name)
    return [point_of(row) for row in connection.execute(query.order_by(metrics.c.step))]


def _thinned(connection: sa.Connection, run: str, metric: Span, stretches: int) -> Iterator[Point]:
    width = -(-(metric.last - metric.first + 1) // stretches)
    stretch = (metrics.c.step - metric.first) // width
    query = sa.select(
        sa.func.min(metrics.c.step).label("first"),
        sa.func.max(metrics.c.step).label("last"),
        sa.func.min(metrics.c.value).label("least"),
        sa.func.max(metrics.c.value).label("most"),
        sa.func.min(metrics.c.time).label("began"),
        sa.func.max(metrics.c.time).label("ended"),
    ).where(metrics.c.run == run, metrics.c.name == metric.name)
    for row in connection.execute(query.group_by(stretch).order_by(sa.text("1"))):
        yield _point(metric.name, row.first, row.least, row.began)
        if row.last > row.first:
            yield _point(metric.name, row.last, row.most, row.ended)


def _point(name: str, step: int, value: float | None, time: float) -> Point:
    return Point(name=name, step=step, value=nan if value is None else value, time=time)
