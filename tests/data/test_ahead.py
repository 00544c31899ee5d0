"""Columns that hold the target's future are found where time splits; those of the past are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from kervan.core.config import DataSettings, SplitSettings
from kervan.core.nouns import Verdict
from kervan.core.shaping import Window
from kervan.data.leaks import leaks
from kervan.data.steps.shape import Around, shape

ROWS = 400
DICE = np.random.default_rng(7)
SALES = np.round(100 + np.cumsum(DICE.normal(size=ROWS)) + DICE.normal(size=ROWS) * 3, 2)
TABLE = pl.DataFrame(
    {
        "day": [date(2024, 1, 1) + timedelta(days=place) for place in range(ROWS)],
        "shop": ["a"] * ROWS,
        "noise": DICE.normal(size=ROWS),
        "sales": SALES,
    }
)
SETTINGS = DataSettings(target="sales", split=SplitSettings(by="time", column="day"))
LATER = pl.col("sales").shift(-1)


def future(table: pl.DataFrame, settings: DataSettings = SETTINGS) -> dict[str, str]:
    found = [each for each in leaks(table, settings) if "holds the future" in each.message]
    assert all(each.verdict is Verdict.WARNED for each in found)
    return {each.subject: each.message for each in found}


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (LATER, "that of the next row"),
        (2 * pl.col("sales").shift(-7) + 5, "that of the row 7 rows later"),
        (LATER.reverse().rolling_mean(7).reverse().round(2), "the mean of the next 7 rows"),
        (LATER.reverse().rolling_max(5).reverse(), "the greatest of the next 5 rows"),
        (pl.col("sales").rolling_mean(5, center=True), "the mean of 5 rows, 2 of them later"),
        (pl.col("sales").cum_sum(reverse=True), "the sum of the row itself and all later ones"),
    ],
)
def test_tomorrows_target_and_figures_over_the_future_are_found_by_name(column: pl.Expr, told: str) -> None:
    table = TABLE.with_columns(planted=column).sample(fraction=1, shuffle=True, seed=1)
    found = future(table)
    assert list(found) == ["planted"]
    assert found["planted"].endswith(f"by 'day' it is {told}")


@pytest.mark.parametrize(
    "column",
    [
        pl.col("sales").shift(1),
        pl.col("sales").shift(1).rolling_mean(7),
        pl.col("sales").shift(1).cum_sum(),
        LATER + pl.col("noise"),
        pl.int_range(ROWS),
    ],
)
def test_what_the_past_tells_is_no_leak(column: pl.Expr) -> None:
    assert future(TABLE.with_columns(known=column)) == {}


def test_a_window_step_over_the_target_looks_back_only() -> None:
    step = Window(window={"before": "avg(sales)", "most": "max(sales)"}, by=("shop",), at="day", over="7d")
    table = shape(TABLE, [step], Around()).table
    assert {"before", "most"} <= set(table.columns)
    assert future(table) == {}


def test_each_entity_has_its_own_tomorrow_and_two_classes_have_one_too() -> None:
    settings = replace(SETTINGS, entity="shop")
    up = pl.when(pl.col("noise") > 0).then(pl.lit("yes")).otherwise(pl.lit("no"))
    other = TABLE.with_columns(
        shop=pl.lit("b"), noise=pl.col("noise").reverse(), sales=pl.Series(SALES[::-1])
    )
    table = pl.concat([TABLE, other]).with_columns(
        next=pl.col("sales").shift(-1).over("shop"), up=up, tomorrow=up.shift(-1).over("shop")
    )
    assert list(future(table, settings)) == ["next"]
    assert list(future(table.drop("noise"), replace(settings, target="up"))) == ["tomorrow"]
    assert future(table) == {}  # without the entity there is no order
    assert future(table, replace(settings, split=SplitSettings())) == {}


def test_a_column_that_somebody_answered_for_passes() -> None:
    table = TABLE.with_columns(planned=LATER)
    (found,) = leaks(table, replace(SETTINGS, accept=("planned",)))
    assert found.verdict is Verdict.PASSED
