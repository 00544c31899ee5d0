from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.config import SplitSettings
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.nouns import Role, Verdict
from kervan.data.rows import row_hashes
from kervan.data.split import assign, check_split, one_class, split

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 500
TABLE = pl.DataFrame(
    {
        "sıra": range(SIZE),
        "şehir": [("İzmir", "ığdır", None)[number % 3] for number in range(SIZE)],
        "oran": [None if number % 5 == 0 else number / 7 for number in range(SIZE)],
        "üye": [number % 2 == 0 for number in range(SIZE)],
    }
)


def sides(table: pl.DataFrame, seed: int = 0) -> dict[int, Role]:
    parts = split(table, assign(table, SplitSettings(seed=seed)))
    return {row: role for role, part in parts.items() for row in part["sıra"]}


def test_every_row_is_on_one_side_in_its_order() -> None:
    parts = split(TABLE, assign(TABLE, SplitSettings(train=0.6, validation=0.2, test=0.2, seed=0)))
    assert list(parts) == [Role.TRAIN, Role.VALIDATION, Role.TEST]
    assert pl.concat(parts.values()).sort("sıra").equals(TABLE)
    assert all(part["sıra"].is_sorted() for part in parts.values())


def test_shares_are_kept_on_average() -> None:
    table = pl.DataFrame({"a": range(50_000)})
    parts = split(table, assign(table, SplitSettings(train=0.7, validation=0.2, test=0.1, seed=1)))
    shares = [part.height / table.height for part in parts.values()]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.01)


@given(order=st.permutations(range(SIZE)), extra=st.integers(0, 200))
@settings(max_examples=20)
def test_rows_keep_their_side_when_data_is_reordered_or_grows(order: list[int], extra: int) -> None:
    before = sides(TABLE)
    more = TABLE.with_columns(pl.col("sıra") + SIZE)[:extra]
    after = sides(pl.concat([TABLE[order], more]).select(reversed(TABLE.columns)))
    assert {row: after[row] for row in before} == before


def test_equal_rows_stay_together() -> None:
    table = pl.concat([TABLE[:100].drop("sıra")] * 7)
    parts = split(table, assign(table, SplitSettings(train=0.5, validation=0.25, test=0.25, seed=3)))
    seen = [set(part.rows()) for part in parts.values()]
    assert sum(len(each) for each in seen) == table.n_unique()


def test_sides_depend_on_the_seed() -> None:
    assert sides(TABLE, 0) != sides(TABLE, 1)


def test_whole_numbers_are_the_same_in_float_columns() -> None:
    table = TABLE.with_columns(pl.col("sıra").cast(pl.Float64))
    assert (row_hashes(table, 0) == row_hashes(TABLE, 0)).all()


def test_row_hashes_never_change() -> None:
    """Other hashes here would move rows from the training part of kept datasets to the test part."""
    assert row_hashes(TABLE[:3], 7).tolist() == [
        5195962039029199776,
        4466764009060153330,
        16269723403378530139,
    ]


def test_row_hashes_follow_their_description() -> None:
    table = pl.DataFrame({"b": ["ş"], "a": [2], "c": pl.Series([None], dtype=pl.Float64)})
    text = hashlib.blake2b("ş".encode(), digest_size=8).digest()
    cells = b"\1" + struct.pack("<d", 2.0) + b"\1" + text + b"\0" * 9
    expected = hashlib.blake2b(cells, digest_size=8, key=b"7").digest()
    assert row_hashes(table, 7).tolist() == [int.from_bytes(expected, "big")]


def test_missing_differs_from_zero_and_empty() -> None:
    table = pl.DataFrame({"a": [0, None, 1], "b": ["", "", None]})
    assert len(set(row_hashes(table, 0).tolist())) == 3


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        (SplitSettings(train=0.8, validation=0.2, test=0.0), "above 0"),
        (SplitSettings(train=1.2, validation=-0.1, test=-0.1), "above 0"),
        (SplitSettings(train=float("nan"), validation=0.1, test=0.1), "above 0"),
        (SplitSettings(train=0.8, validation=0.1, test=0.2), "add up to 1.1"),
    ],
)
def test_shares_that_do_not_add_up_are_refused(shares: SplitSettings, words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        assign(TABLE, shares)
    assert words in str(caught.value)


def test_too_small_a_table_is_refused() -> None:
    with pytest.raises(InvalidData, match="too small to split: of 12 rows, of which 1 differ in what"):
        assign(pl.DataFrame({"a": [1] * 12}), SplitSettings())
    groups = pl.DataFrame({"a": range(39), "who": ["a", "b", "c"] * 13})
    with pytest.raises(InvalidData, match="of 39 rows in 3 groups of 'who' none") as caught:
        assign(groups, SplitSettings(by="group", column="who"))
    assert "rows of other groups" in caught.value.hint


def parts_of(train: list[str], validation: list[str], test: list[str]) -> dict[Role, pl.DataFrame]:
    values = zip(Role, (train, validation, test), strict=True)
    return {role: pl.DataFrame({"y": labels}) for role, labels in values}


def test_split_that_can_be_learned_from_passes() -> None:
    parts = parts_of(["a", "ş"] * 5, ["a", "ş"], ["ş", "a"])
    assert check_split(parts, "y", "classification", 5) == ()
    check_split(split(TABLE, assign(TABLE, SplitSettings(seed=0))), "sıra", "regression", 5)


@pytest.mark.parametrize(
    ("parts", "folds", "words"),
    [
        (parts_of(["a", "ş"] * 5, ["a"], ["ğ"]), 5, "'ğ' of 'y' is in the test part but not in train"),
        (
            parts_of(["a"] * 9 + ["ş"] * 4, ["a"], ["a"]),
            5,
            "'ş' of 'y' has 4 rows in train, fewer than the 5",
        ),
        (parts_of(["a"] * 9, ["a"], ["a"]), 5, "one class of 'y' only"),
        (parts_of(["a", "b"], ["a"], ["a"]), 5, "2 rows for 5 folds"),
    ],
)
def test_split_without_enough_of_a_class_is_refused(
    parts: dict[Role, pl.DataFrame], folds: int, words: str
) -> None:
    with pytest.raises(InvalidData) as caught:
        check_split(parts, "y", "classification", folds)
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_class_that_a_part_lacks_is_warned_of_by_name() -> None:
    parts = parts_of(["a", "b", "ş"] * 5, ["a", "b", "ş"], ["a", "b"])
    (found,) = check_split(parts, "y", "classification", 5)
    assert found.verdict is Verdict.WARNED
    assert "the test part has no row of class 'ş' of 'y'" in found.message


@pytest.mark.parametrize("role", [Role.VALIDATION, Role.TEST])
def test_a_part_with_one_class_alone_can_be_looked_at(role: Role) -> None:
    parts = parts_of(["a", "b"] * 5, ["a", "b"], ["a", "b"]) | {role: pl.DataFrame({"y": ["b", "b"]})}
    (found,) = check_split(parts, "y", "classification", 5)
    assert (found.rule, found.verdict) == (one_class(role), Verdict.WARNED)
    assert f"the {role} part has one class of 'y' only, 'b': nothing tells there" in found.message
    assert "stratified" in found.hint


def test_one_fold_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="folds: 1"):
        check_split(parts_of(["a", "b"], ["a"], ["b"]), "y", "classification", 1)


@pytest.mark.data
def test_duplicates_of_wine_do_not_leak(public: Callable[[str], pl.DataFrame]) -> None:
    table = public("wine-quality/winequality-white.csv")
    parts = split(table, assign(table, SplitSettings(seed=0)))
    rows = {role: set(part.rows()) for role, part in parts.items()}
    assert table.height - table.n_unique() > 900
    assert not rows[Role.TRAIN] & (rows[Role.TEST] | rows[Role.VALIDATION])
