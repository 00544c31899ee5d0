"""Folds follow the rule by which a dataset was split."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidData
from kervan.core.nouns import AT_RANDOM, SplitRule
from kervan.model.answered import Rows, read_rows, write_rows
from kervan.model.folds import Folding, folds_of, order_of
from kervan.model.train import check_folds

from .tables import real

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0


def folding(table: pl.DataFrame, rule: SplitRule, folds: int = 3) -> list[tuple[set[int], set[int]]]:
    truth = np.arange(table.height) % 2
    made = Folding(folds=folds, seed=0, order=order_of(table, rule))
    matrix = np.arange(table.height, dtype=float)[:, None]
    return [(set(learn), set(ask)) for learn, ask in folds_of(matrix, truth, made)]


@given(st.lists(st.integers(0, 12), min_size=20, max_size=80))
def test_no_group_is_learned_from_and_asked_about(groups: list[int]) -> None:
    table = pl.DataFrame({"g": groups})
    rule = SplitRule(by="group", column="g")
    if len(set(groups)) < 3:
        with pytest.raises(InvalidData, match="groups of 'g' for 3 folds"):
            folding(table, rule)
        return
    found = folding(table, rule)
    assert sorted(row for _, asked in found for row in asked) == list(range(len(groups)))
    for learned, asked in found:
        assert not {groups[row] for row in learned} & {groups[row] for row in asked}


@given(st.lists(st.integers(0, 400), min_size=40, max_size=90), st.sampled_from([0.0, 5.0]))
def test_folds_by_time_never_learn_from_what_came_later(days: list[int], embargo: float) -> None:
    table = pl.DataFrame({"t": [date(2024, 1, 1) + timedelta(days=each) for each in days]})
    rule = SplitRule(by="time", column="t", embargo=embargo * DAY)
    try:
        found = folding(table, rule)
    except InvalidData as error:
        assert "too few different times" in str(error)  # noqa: PT017 - refusing is right here
        return
    for learned, asked in found:
        if learned and asked:
            gap = min(days[row] for row in asked) - max(days[row] for row in learned)
            assert gap >= max(embargo, 1)
    asked = [row for _, each in found for row in each]
    assert len(asked) == len(set(asked))


def test_at_random_each_row_is_asked_about_once() -> None:
    table = pl.DataFrame({"x": range(50)})
    found = folding(table, AT_RANDOM, folds=5)
    assert sorted(row for _, asked in found for row in asked) == list(range(50))
    assert all(not learned & asked for learned, asked in found)


@pytest.mark.parametrize(
    "rule", [AT_RANDOM, SplitRule(by="group", column="g"), SplitRule(by="time", column="t", embargo=DAY)]
)
def test_what_is_found_once_is_what_would_be_found_again(rule: SplitRule, tmp_path: Path) -> None:
    signature, matrix, truth = real("cancer")
    days = [date(2024, 1, 1) + timedelta(days=row % 97) for row in range(len(truth))]
    table = pl.DataFrame({"g": np.arange(len(truth)) % 23, "t": days})
    made = Folding(folds=4, seed=1, order=order_of(table, rule))
    checked = check_folds(matrix, truth, signature, made)
    back = read_rows(write_rows(Rows(matrix=matrix, truth=truth, folding=checked), tmp_path)).folding
    anew = list(folds_of(matrix, truth, made))
    assert len(anew) == 4
    for found in (folds_of(matrix, truth, checked), folds_of(matrix, truth, back)):
        for (learn, ask), (learn_too, ask_too) in zip(anew, found, strict=True):
            np.testing.assert_array_equal(learn, learn_too)
            np.testing.assert_array_equal(ask, ask_too)
