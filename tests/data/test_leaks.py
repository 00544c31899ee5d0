from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig
from kervan.core.nouns import Finding, Verdict
from kervan.data.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Callable

RANDOM = np.random.default_rng(0)
A, B, C = RANDOM.integers(1, 50, 300), RANDOM.normal(size=300), RANDOM.integers(1, 9, 300)


def found(table: pl.DataFrame, accept: tuple[str, ...] = ()) -> list[Finding]:
    return list(leaks(table, DataSettings(target="y", accept=accept)))


@pytest.mark.parametrize(
    ("y", "subject"),
    [
        (A + B, "'a' + 'b'"),
        (A - B + C, "'a' - 'b' + 'c'"),
        (C - A, "- 'a' + 'c'"),
        (A * B, "'a' × 'b'"),
        (B / A, "'b' / 'a'"),
    ],
)
def test_a_target_that_is_computed_from_columns_is_found(y: np.ndarray, subject: str) -> None:
    (one,) = found(pl.DataFrame({"a": A, "b": B, "c": C, "y": y}))
    assert (one.subject, one.verdict) == (subject, Verdict.WARNED)
    assert "is the target 'y' in every row" in one.message


@pytest.mark.parametrize(
    "y", [2 * A + 3 * B, A + B + RANDOM.normal(size=300) / 1e4, np.sin(A) + B, np.round(A * B, 1)]
)
def test_a_target_that_only_follows_from_columns_is_no_leak(y: np.ndarray) -> None:
    assert found(pl.DataFrame({"a": A, "b": B, "c": C, "y": y})) == []


def test_flags_that_only_failures_have_are_found() -> None:
    kinds = [RANDOM.random(2000) < 0.01 for _ in range(3)]
    failed = np.logical_or.reduce(kinds)
    table = pl.DataFrame({"f": kinds[0], "g": kinds[1].astype(int), "h": kinds[2], "y": failed.astype(int)})
    table = table.with_columns(noise=pl.Series(RANDOM.random(2000) < 0.3))
    assert [each.subject for each in found(table)] == ["f", "g", "h"]
    assert "is '1' only where the target 'y' is '1'" in found(table)[1].message


def test_a_row_number_in_a_sorted_table_is_found() -> None:
    table = pl.DataFrame({"no": range(300), "x": B, "y": ["a"] * 100 + ["b"] * 200})
    (one,) = found(table)
    assert (one.subject, "sorted by its target" in one.message) == ("no", True)
    assert (
        found(table.sample(fraction=1.0, shuffle=True, seed=1).with_columns(no=pl.Series(range(300)))) == []
    )


def test_a_sorted_target_and_names_known_later_are_suspicious() -> None:
    table = pl.DataFrame({"x": B, "cancelDate": B[::-1], "bp_after": A, "y": ["a"] * 100 + ["b"] * 200})
    assert [(each.rule, each.subject) for each in found(table)] == [
        ("known_later", "cancelDate"),
        ("known_later", "bp_after"),
        ("sorted_by_target", "y"),
    ]
    assert found(table, accept=("cancelDate", "bp_after", "y")) == []
    assert found(table.sample(fraction=1.0, shuffle=True, seed=1), accept=("cancelDate", "bp_after")) == []


def test_what_was_answered_for_passes() -> None:
    table = pl.DataFrame({"a": A, "b": B, "y": A + B})
    assert found(table, accept=("a",))[0].verdict is Verdict.WARNED
    (answered,) = found(table, accept=("a", "b"))
    assert (answered.verdict, answered.hint) == (Verdict.PASSED, "")
    with pytest.raises(InvalidConfig, match="accept: the table has no column 'd'"):
        found(table, accept=("d",))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "target", "subjects"),
    [
        ("bike-sharing/hour.csv.gz", "count", ["'casual' + 'registered'"]),
        ("ai4i-2020/ai4i2020.csv.gz", "Machine failure", ["TWF", "HDF", "PWF", "OSF"]),
        ("adult/adult.csv.gz", "income", []),
        ("california-housing/housing.csv.gz", "median_house_value", []),
        ("wine-quality/winequality-white.csv", "quality", []),
        ("king-county-housing/kc_house_data.csv.gz", "price", []),
    ],
)
def test_real_tables(
    public: Callable[[str], pl.DataFrame], name: str, target: str, subjects: list[str]
) -> None:
    assert [each.subject for each in leaks(public(name), DataSettings(target=target))] == subjects
