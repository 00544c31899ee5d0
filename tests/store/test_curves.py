from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kervan.store.points import Point
from store.make import make_run

if TYPE_CHECKING:
    from kervan.store.open import Store


def test_a_long_history_is_thinned_and_loses_no_peak(store: Store) -> None:
    run = make_run()
    with store.catalog.transaction() as transaction:
        transaction.put(run)
    values = [math.sin(step / 300) for step in range(3_000)]
    values[1_234], values[2_222], values[7] = 50.0, -50.0, math.nan
    long = [Point(name="kayıp", step=3 * step, value=value, time=step) for step, value in enumerate(values)]
    short = [
        Point(name="auc", step=step, value=value, time=1.0) for step, value in ((4, 0.5), (-2, math.nan))
    ]
    store.catalog.log_metrics(run.id, [*long, *short])
    few_span, long_span = store.catalog.spans(run.id)
    assert (few_span.name, few_span.size) == ("auc", 2)
    assert (long_span.name, long_span.size) == ("kayıp", 3_000)
    points = store.catalog.curve(run.id, long_span, most=100)
    assert 90 <= len(points) <= 100
    assert [point.step for point in points] == sorted({point.step for point in points})
    assert (points[0].step, points[-1].step) == (0, 3 * 2_999)
    assert {50.0, -50.0} <= {point.value for point in points}
    points = store.catalog.curve(run.id, few_span, most=100)
    assert [point.step for point in points] == [-2, 4]
    assert math.isnan(points[0].value)


def test_one_value_is_no_history(store: Store) -> None:
    run = make_run()
    with store.catalog.transaction() as transaction:
        transaction.put(run)
    store.catalog.log_metrics(run.id, [Point(name="auc", step=0, value=0.5, time=1.0)])
    assert store.catalog.spans(run.id) == []
    assert store.catalog.spans("01M7XE67HTCS3Z0XT54D3Q2HZ9") == []
