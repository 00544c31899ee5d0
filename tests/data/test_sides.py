"""The rules of splitting: what each promises, and what it says of a table that it does not fit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.config import DataSettings, SplitSettings
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.nouns import Role
from kervan.data.sides import NONE, sides
from kervan.data.split import assign, propose, rule_of, split, told

START = date(2024, 1, 1)


def sided(table: pl.DataFrame, by: str, **more: Any) -> Any:
    return sides(table, SplitSettings(by=by, **more), table.columns, "y")


def frame(rows: int, **columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"x": range(rows), "y": ["a" if at % 10 else "b" for at in range(rows)], **columns})


@given(st.lists(st.integers(0, 30), min_size=40, max_size=200), st.integers(0, 3))
def test_no_group_is_on_two_sides(groups: list[int], seed: int) -> None:
    table = frame(len(groups), g=groups)
    if len(set(groups)) < 3:
        return
    found = sided(table, "group", column="g", seed=seed)
    for group in set(groups):
        assert len(set(found[np.array(groups) == group])) == 1


@given(st.lists(st.integers(0, 30), min_size=40, max_size=100))
def test_a_group_keeps_its_side_when_the_table_grows(groups: list[int]) -> None:
    if len(set(groups)) < 3:
        return
    before = sided(frame(len(groups), g=groups), "group", column="g")
    grown = [*groups, *range(100, 140)]
    after = sided(frame(len(grown), g=grown), "group", column="g")
    assert after[: len(groups)].tolist() == before.tolist()


@given(st.lists(st.integers(0, 200), min_size=30, max_size=120), st.integers(0, 20))
def test_what_is_learned_from_is_older_than_what_judges(days: list[int], embargo: int) -> None:
    table = frame(len(days), t=[START + timedelta(days=each) for each in days])
    more = {"embargo": f"{embargo}d"} if embargo else {}
    found = sided(table, "time", column="t", **more)
    at = np.array(days)
    assert set(found) <= {NONE, 0, 1, 2}
    for earlier, later in [(0, 1), (1, 2), (0, 2)]:
        if (found == earlier).any() and (found == later).any():
            gap = at[found == later].min() - at[found == earlier].max()
            assert gap >= max(embargo, 1)
    if not embargo:
        assert NONE not in found


def test_the_shares_of_a_split_by_time_are_those_that_were_asked_for() -> None:
    table = frame(1000, t=[START + timedelta(days=each) for each in range(1000)])
    assert np.bincount(sided(table, "time", column="t")).tolist() == [800, 100, 100]


@given(st.integers(0, 5))
def test_classes_keep_their_shares_and_equal_rows_stay_together(seed: int) -> None:
    table = pl.DataFrame(
        {
            "x": [at // 2 for at in range(2000)],
            "y": ["rare" if at % 50 < 2 else "often" for at in range(2000)],
        }
    )
    found = sides(table, SplitSettings(by="stratified", seed=seed), ["x"], "y")
    assert (found[::2] == found[1::2]).all()
    is_rare = (table["y"] == "rare").to_numpy()
    for of_class in (is_rare, ~is_rare):
        counts = np.bincount(found[of_class], minlength=3) / of_class.sum()
        np.testing.assert_allclose(counts, [0.8, 0.1, 0.1], atol=0.03)


def test_a_target_of_numbers_is_stratified_by_its_tenths() -> None:
    table = pl.DataFrame({"x": range(1000), "y": [float(each) for each in range(1000)]})
    found = sided(table, "stratified")
    for tenth in range(10):
        counts = np.bincount(found[tenth * 100 : tenth * 100 + 100], minlength=3)
        np.testing.assert_allclose(counts, [80, 10, 10], atol=1)


def test_a_column_says_where_each_row_belongs() -> None:
    table = frame(40, part=["Train", "test ", "validation", "TRAIN"] * 10)
    parts = split(table, assign(table, SplitSettings(by="column", column="part")))
    assert [parts[role].height for role in Role] == [20, 10, 10]


@pytest.mark.parametrize(
    ("settings", "error", "message", "hint"),
    [
        ({"by": "groups"}, InvalidConfig, "by = 'groups'", '"group"'),
        ({"by": "group"}, InvalidConfig, "needs a column", "column ="),
        ({"by": "group", "column": "h"}, InvalidConfig, "no column 'h'", "known"),
        ({"by": "group", "column": "one"}, InvalidData, "has 1 groups", "more values"),
        ({"by": "group", "column": "gap"}, InvalidData, "row 2 belongs to no group", "fill"),
        ({"by": "time", "column": "y"}, InvalidConfig, "holds no times", "parse"),
        ({"by": "time", "column": "gap"}, InvalidData, "row 2 has no time", "fill"),
        ({"by": "time", "column": "x", "embargo": "soon"}, InvalidConfig, "embargo", "7d"),
        ({"by": "column", "column": "y"}, InvalidData, "row 1: 'b'", "replace"),
        ({"by": "random", "column": "x"}, InvalidConfig, "column is not for", "group"),
        ({"by": "random", "embargo": "7d"}, InvalidConfig, "embargo is for", "time"),
    ],
)
def test_a_rule_that_does_not_fit_says_why(
    settings: dict[str, Any], error: type[Exception], message: str, hint: str
) -> None:
    table = frame(30, one=[1] * 30, gap=[1, None, 3] * 10)
    with pytest.raises(error) as caught:
        assign(table, SplitSettings(**settings))
    assert message in str(caught.value)
    assert hint in caught.value.hint  # type: ignore[attr-defined]


def test_an_embargo_that_leaves_nothing_is_refused() -> None:
    table = frame(100, t=[START + timedelta(days=each) for each in range(100)])
    with pytest.raises(InvalidData, match="none falls to the"):
        assign(table, SplitSettings(by="time", column="t", embargo="400d"))


def test_the_rule_is_kept_and_told() -> None:
    table = frame(100, t=[START + timedelta(days=each) for each in range(100)])
    settings = DataSettings(target="y", split=SplitSettings(by="time", column="t", embargo="3d"))
    rule = rule_of(settings, assign(table, settings.split))
    assert (rule.by, rule.column, rule.embargo, rule.left_out) == ("time", "t", 3 * 86_400.0, 4)
    assert told(rule, 0) == "; by time of 't'; 4 rows left out between them"
    with pytest.raises(InvalidConfig, match="protect = 'hash' takes it"):
        rule_of(DataSettings(target="y", split=settings.split, protect={"t": "hash"}), np.zeros(9))


def test_another_split_is_proposed_where_the_table_asks_for_it() -> None:
    days = [START + timedelta(days=each) for each in range(60)]
    table = frame(60, t=days, who=[at // 3 for at in range(60)])
    assert 'by = "group", column = "who"' in propose(table, DataSettings(target="y", entity="who"))
    assert 'by = "time", column = "t"' in propose(table, DataSettings(target="y"))
    assert propose(table.sample(60, shuffle=True, seed=1), DataSettings(target="y")) == ""
    assert propose(table, DataSettings(target="y", split=SplitSettings(by="stratified"))) == ""
