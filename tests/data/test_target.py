from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.nouns import Verdict
from kervan.data.pieces import batches
from kervan.data.target import check_target, task_of, values_of, with_target
from kervan.flow.table import as_texts

YES_NO = pl.DataFrame({"gelir": ["az", "çok"] * 10, "x": range(20)})


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([True, None, False], ["true", None, "false"]),
        ([1, -2, None], ["1", "-2", None]),
        ([1.0, 2.5, None, -0.0], ["1", "2.5", None, "0"]),
        (["İ", ">50K", None], ["İ", ">50K", None]),
        ([date(2024, 1, 2)], ["2024-01-02"]),
        (pl.Series([None, None], dtype=pl.Float64), [None, None]),
    ],
)
def test_labels_are_texts(values: list[object], labels: list[str | None]) -> None:
    column = as_texts(pl.Series("a", values))
    assert column.dtype == pl.String
    assert column.to_list() == labels


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, None], "classification"),
        ([0.0, 1.0], "classification"),
        ([1, 2, 3], "regression"),
        ([1.5, 2.5, 3.5], "regression"),
    ],
)
def test_task_follows_from_the_values(values: list[object], task: str) -> None:
    assert task_of(values_of(pl.DataFrame({"y": values}), "y")) == task


def test_wanted_task_wins() -> None:
    assert task_of(values_of(YES_NO, "x"), "classification") == "classification"
    with pytest.raises(InvalidConfig, match="'classfication' is no task") as caught:
        task_of(values_of(YES_NO, "x"), "classfication")
    assert caught.value.hint == 'did you mean "classification"?'


def test_unknown_target_names_the_nearest() -> None:
    with pytest.raises(InvalidConfig, match="no column 'gelirr'") as caught:
        values_of(YES_NO, "gelirr")
    assert caught.value.hint == 'did you mean "gelir"?'
    with pytest.raises(InvalidConfig, match="no target"):
        values_of(YES_NO, "")


def test_rows_without_target_are_left_out_and_counted() -> None:
    table = pl.DataFrame({"y": [1.0, None, 2.0, 3.0], "x": ["a", "b", "c", "d"]})
    values = values_of(table, "y")
    (finding,) = check_target(values, "regression")
    kept = with_target(table, values)
    assert pl.concat(batches(kept, ["x"]))["x"].to_list() == ["a", "c", "d"]
    assert finding.verdict is Verdict.WARNED
    assert "1 of 4 rows" in finding.message
    assert with_target(YES_NO, values_of(YES_NO, "gelir")) is YES_NO


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        (["a"] * 20, "classification", "always 'a'"),
        ([1.0] * 9 + [None] * 11, "regression", "missing in 11 of 20 rows"),
        ([None] * 20, "regression", "missing in 20 of 20 rows"),
        (["a", "b"] * 10, "regression", "holds 'a', which is no number"),
        (["a"] * 15 + ["ş"] * 5, "classification", "fewer than 6 rows: 'ş' (5)"),
        ([date(2024, 1, 1 + place) for place in range(20)], "classification", "holds dates"),
        (list(range(1001)), "classification", "more than 1,000 different values"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(values: list[object], task: str, words: str) -> None:
    with pytest.raises(InvalidData) as caught:
        check_target(values_of(pl.DataFrame({"y": values}), "y"), task)
    assert words in str(caught.value)
    assert caught.value.hint


def test_six_rows_make_a_class() -> None:
    table = pl.DataFrame({"y": ["a"] * 6 + ["b"] * 6})
    assert check_target(values_of(table, "y"), "classification") == ()
