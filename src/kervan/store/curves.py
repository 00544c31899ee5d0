"""The histories of a run's metrics, thinned to what a picture can show."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kervan.store.points import Point, point_of
from kervan.store.tables import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator


def curves_of(connection: sa.Connection, run: str, most: int) -> dict[str, tuple[list[Point], int]]:
    """Return the points of each metric of a run by its name, about `most` of them, and how many there are.

    Of a longer history each stretch of steps gives its smallest value and its largest, at its first step and
    its last, so that no peak is lost.
    """
    mine = metrics.c.run == run
    sizes = sa.select(
        metrics.c.name,
        sa.func.count().label("size"),
        sa.func.min(metrics.c.step).label("first"),
        sa.func.max(metrics.c.step).label("last"),
    )
    rows = connection.execute(sizes.where(mine).group_by(metrics.c.name)).all()
    long = [row for row in rows if row.size > most]
    found: dict[str, list[Point]] = {row.name: [] for row in rows}
    whole = sa.select(metrics).where(mine, metrics.c.name.not_in([row.name for row in long]))
    for point in connection.execute(whole.order_by(metrics.c.name, metrics.c.step)):
        found[point.name].append(point_of(point))
    for row in long:
        found[row.name] = list(_thinned(connection, run, row, most // 2))
    return {row.name: (found[row.name], row.size) for row in sorted(rows, key=lambda row: row.name)}


def _thinned(connection: sa.Connection, run: str, metric: Any, stretches: int) -> Iterator[Point]:
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
