"""Figures over earlier rows: what a loop over all rows gives, in memory and in pieces, never the future."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.data.chopped import chopped

from kervan.core import shaping as steps
from kervan.core.errors import InvalidConfig
from kervan.data.steps.in_pieces import shape_pieces
from kervan.data.steps.shape import Around, shape

START = datetime(2026, 1, 1)
KINDS = {"customer": pl.String, "day": pl.Datetime("us"), "amount": pl.Float64}
STEP = steps.Window(
    window={"before": "sum(amount)", "times": "count(*)", "last": "max(amount)"},
    by=("customer",),
    at="day",
    over="3d",
)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "customer": st.sampled_from(["a", "b", None]),
            "day": st.none() | st.integers(0, 200).map(lambda hours: START + timedelta(hours=hours)),
            "amount": st.none() | st.integers(0, 9).map(float),
        }
    ),
    min_size=1,
    max_size=12,
)


def made(rows: list[dict[str, Any]], step: steps.Window = STEP) -> pl.DataFrame:
    return shape(pl.DataFrame(rows, schema=KINDS), [step], Around()).table


@given(_rows, st.sampled_from(["3d", ""]))
def test_a_row_sees_the_rows_before_it_and_no_other(rows: list[dict[str, Any]], over: str) -> None:
    found = made(rows, steps.Window(window=STEP.window, by=STEP.by, at="day", over=over))
    longest = timedelta(days=3) if over else timedelta.max
    for row, given_ in zip(rows, found.to_dicts(), strict=True):
        assert {name: given_[name] for name in row} == row
        if row["day"] is None:
            assert (given_["before"], given_["times"], given_["last"]) == (None, None, None)
            continue
        before = [
            each["amount"]
            for each in rows
            if each["customer"] == row["customer"]
            and each["day"] is not None
            and timedelta(0) < row["day"] - each["day"] <= longest
        ]
        present = [each for each in before if each is not None]
        assert given_["times"] == len(before)
        assert given_["before"] == (sum(present) if present else None)
        assert given_["last"] == max(present, default=None)


def test_a_table_in_pieces_gets_the_same(tmp_path: Path) -> None:
    rows = [
        {"customer": "ab"[each % 2], "day": START + timedelta(hours=7 * each), "amount": float(each)}
        for each in range(40)
    ]
    whole = pl.DataFrame(rows, schema=KINDS)
    found = shape_pieces(chopped(whole, tmp_path / "came", 7), [STEP], Around(), tmp_path / "work")
    assert_frame_equal(pl.concat(found.table), made(rows))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (steps.Window(window={"x": "sum(amount)"}, by=(), at="day"), "by is empty"),
        (steps.Window(window={"x": "sum(amount)"}, by=("customer",), at="amount"), "no date or time"),
        (steps.Window(window={"x": "sum(amoun)"}, by=("customer",), at="day"), "amoun"),
        (steps.Window(window={"day": "sum(amount)"}, by=("customer",), at="day"), "a column 'day' already"),
        (steps.Window(window={"x": "amount"}, by=("customer",), at="day"), "many values"),
        (steps.Window(window={"x": "sum(amount)"}, by=("customer",), at="day", over="soon"), "no length"),
    ],
)
def test_a_window_that_does_not_fit_is_refused(step: steps.Window, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        made([{"customer": "a", "day": START, "amount": 1.0}], step)
