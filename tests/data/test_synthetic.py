"""The copula behind synthetic tables: types, ranges, missing shares and dependence are those of the table."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing.parametric import column, dataframes

from kervan.data.synthetic.copula import fit
from kervan.data.synthetic.marginal import marginal_of

ROWS = 4_000


def normal_pair(correlation: float) -> pl.DataFrame:
    random = np.random.default_rng(0)
    first, noise = random.standard_normal((2, ROWS))
    second = correlation * first + np.sqrt(1 - correlation**2) * noise
    return pl.DataFrame({"a": np.exp(first), "b": second, "half": second > 0})


@pytest.mark.parametrize("correlation", [-0.9, -0.3, 0.0, 0.5, 0.9])
def test_dependence_is_kept_also_between_numbers_and_halves(correlation: float) -> None:
    table = normal_pair(correlation)
    drawn = fit(table).draw(ROWS, 1)
    for pair in (("a", "b"), ("a", "half")):
        real, made = (
            each.select(pl.corr(pl.col(pair[0]), pl.col(pair[1]).cast(pl.Float64), method="spearman")).item()
            for each in (table, drawn)
        )
        assert abs(real - made) < 0.06


def test_types_units_and_ranges_are_kept() -> None:
    random = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "count": random.poisson(200, ROWS),
            "price": np.round(random.gamma(2, 100, ROWS), 2),
            "zero": np.where(random.random(ROWS) < 0.9, 0, random.integers(1, 99_999, ROWS)),
            "day": [date(2024, 1, 1) + timedelta(days=int(each)) for each in random.integers(0, 700, ROWS)],
            "hour": [
                datetime(2024, 1, 1) + timedelta(hours=int(each)) for each in random.integers(0, 9_000, ROWS)
            ],
            "large": 2**62 + random.integers(0, 2**40, ROWS),
        }
    )
    drawn = fit(table).draw(ROWS, 0)
    assert drawn.schema == table.schema
    for name in table.columns:
        real, made = table[name], drawn[name]
        assert real.min() <= made.min() <= made.max() <= real.max()  # type: ignore[operator]
    assert (drawn["price"] * 100 % 1).round(6).is_in([0.0, 1.0]).all()
    assert abs((drawn["zero"] == 0).mean() - 0.9) < 0.02  # type: ignore[operator]
    assert drawn["hour"].dt.minute().max() == 0


def test_rare_values_and_texts_of_persons_are_not_remembered() -> None:
    table = pl.DataFrame(
        {
            "job": ["clerk"] * 50 + ["baker"] * 49 + ["sultan"],
            "note": [f"who {at} is" for at in range(100)],
            "wage": [float(at) for at in range(99)] + [1e9],
        }
    )
    drawn = fit(table).draw(5_000, 0)
    assert set(drawn["job"]) == {"clerk", "baker"}
    assert not set(drawn["note"]) & set(table["note"])
    assert drawn["wage"].max() < 1e9  # type: ignore[operator]
    assert marginal_of(table["job"]).rare == 1


def test_values_that_are_missing_together_stay_so() -> None:
    random = np.random.default_rng(0)
    gone = pl.Series(random.random(ROWS) < 0.3)
    table = pl.DataFrame(
        {"a": pl.Series(random.random(ROWS)), "b": pl.Series(random.integers(0, 1000, ROWS))}
    ).with_columns(pl.when(~gone).then(pl.all()))
    drawn = fit(table).draw(ROWS, 0)
    both = (drawn["a"].is_null() & drawn["b"].is_null()).mean()
    assert abs(drawn["a"].is_null().mean() - 0.3) < 0.03  # type: ignore[operator]
    assert both > 0.25  # type: ignore[operator]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    dataframes(
        [
            column("n", dtype=pl.Int64, allow_null=True),
            column("x", dtype=pl.Float64, allow_null=True),
            column("t", dtype=pl.String, allow_null=True),
            column("d", dtype=pl.Date, allow_null=True),
            column("b", dtype=pl.Boolean, allow_null=True),
        ],
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 50),
)
def test_any_table_can_be_followed(table: pl.DataFrame, rows: int) -> None:
    drawn = fit(table, "t").draw(rows, 0)
    assert drawn.height == rows
    assert drawn.schema == table.schema
    for name in ("n", "d"):
        if table[name].drop_nulls().len() and drawn[name].drop_nulls().len():
            assert drawn[name].min() >= table[name].min()  # type: ignore[operator]
