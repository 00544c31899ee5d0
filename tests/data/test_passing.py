"""A table that passes in batches has the figures of the same in memory, exact or within the bounds told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidData, InvalidInput
from kervan.data.columns import infer_schema
from kervan.data.profile import profile
from kervan.data.profile.hashes import HashSample
from kervan.data.profile.quantiles import Quantiles
from kervan.data.profile.sample import RowSample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def pieces(table: pl.DataFrame, rows: int) -> list[pl.DataFrame]:
    return [table[start : start + rows] for start in range(0, table.height, rows)]


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "target"), [("adult/adult.csv.gz", "income"), ("titanic/titanic.csv", "Survived")]
)
def test_batches_give_what_the_whole_gives(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, file: str, target: str
) -> None:
    table = public(file)
    whole = profile(table, infer_schema(table, DataSettings()), target)
    table.write_parquet(tmp_path / "table.parquet")
    for source in (pieces(table, 777), table.lazy(), tmp_path / "table.parquet"):
        passed = profile(source, None, target)
        assert (passed.rows, passed.duplicates, passed.classes) == (
            whole.rows,
            whole.duplicates,
            whole.classes,
        )
        for one, other in zip(passed.columns, whole.columns, strict=True):
            assert (one.name, one.type, one.kind, one.count, one.distinct) == (
                other.name,
                other.type,
                other.kind,
                other.count,
                other.distinct,
            )
            assert one.texts == other.texts
            if one.numbers and other.numbers:
                assert one.numbers.quantiles == other.numbers.quantiles
                assert one.numbers.upto == other.numbers.upto
                assert one.numbers.mean == pytest.approx(other.numbers.mean)
                assert one.numbers.skew == pytest.approx(other.numbers.skew)
                assert one.numbers.family == other.numbers.family
            assert (one.earliest, one.latest) == (other.earliest, other.latest)


@given(seed=st.integers(0, 1000), size=st.integers(1, 200_000), width=st.sampled_from([64, 256]))
@settings(max_examples=25, deadline=None)
def test_quantiles_are_within_their_bound(seed: int, size: int, width: int) -> None:
    values = np.random.default_rng(seed).lognormal(size=size)
    sketch = Quantiles(limit=1000, width=width)
    for start in range(0, size, 7919):
        sketch.add(values[start : start + 7919])
    found = sketch.ordered()
    assert found.size == size
    points = found.levels(np.arange(1, 100) / 100)
    ranks = np.searchsorted(np.sort(values), points, "right") / size
    assert np.abs(ranks - np.arange(1, 100) / 100).max() <= found.error + 1 / size


@given(
    values=st.lists(st.integers(0, 5000), max_size=5000),
    limit=st.sampled_from([16, 512]),
    repeats=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_hashes_count_exactly_until_their_limit(values: list[int], limit: int, repeats: bool) -> None:
    sample = HashSample(limit, repeats=repeats)
    hashes = pl.Series(values, dtype=pl.Int64).hash(seed=1).to_numpy()
    for start in range(0, len(hashes), 100):
        sample.add(hashes[start : start + 100])
    distinct = len(set(values))
    if sample.is_exact:
        assert sample.distinct == distinct
        assert sample.repeated == (len(values) - distinct if repeats else 0)
        assert sample.error == 0
    else:
        assert abs(sample.distinct - distinct) <= 6 * sample.error * distinct + limit


def test_distinct_of_many_is_near() -> None:
    sample = HashSample(8192)
    for start in range(0, 1_000_000, 100_000):
        sample.add(pl.Series(range(start, start + 100_000)).hash(seed=1).to_numpy())
    assert sample.distinct == pytest.approx(1_000_000, rel=4 * sample.error)


def test_sampled_rows_are_in_order_and_of_all_parts() -> None:
    sample = RowSample(1000)
    for piece in pieces(pl.DataFrame({"a": range(50_000)}), 3333):
        sample.add(piece)
    rows, places = sample.finish()
    assert rows.height == 1000
    assert rows["a"].to_list() == places.tolist() == sorted(places.tolist())
    assert np.abs(np.histogram(places, bins=5, range=(0, 50_000))[0] - 200).max() < 60


def test_texts_beyond_the_bound_are_estimates_that_say_so() -> None:
    dice = np.random.default_rng(0)
    often = pl.Series(np.repeat([f"often {place}" for place in range(5)], 5000))
    rare = pl.Series([f"rare {place}" for place in range(175_000)])
    table = pl.DataFrame({"a": pl.concat([often, rare])[dice.permutation(200_000)]})
    found = profile(pieces(table, 20_000)).column("a")
    assert found.texts is not None
    assert found.distinct_error > 0
    assert found.distinct == pytest.approx(175_005, rel=4 * found.distinct_error)
    assert found.texts.uncounted > 0
    top = {each.value: each.count for each in found.texts.top[:5]}
    assert set(top) == {f"often {place}" for place in range(5)}
    assert all(5000 - found.texts.uncounted <= count <= 5000 for count in top.values())
    assert found.texts.others == 200_000 - sum(each.count for each in found.texts.top)


def test_empty_and_bad_sources(tmp_path: Path) -> None:
    empty = profile(pl.LazyFrame({"a": pl.Series([], dtype=pl.Int64)}))
    assert (empty.rows, empty.columns[0].numbers) == (0, None)
    with pytest.raises(InvalidData, match="gives no batch"):
        profile([])
    with pytest.raises(InvalidData, match="'a' is String, was Int64"):
        profile([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]})])
    with pytest.raises(InvalidInput, match="no column 'c'"):
        profile(pl.LazyFrame({"a": [1]}), None, "c")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(InvalidData, match=r"bad\.parquet cannot be read"):
        profile(tmp_path / "bad.parquet")


def test_what_tells_the_sampled_rows_apart_makes_no_key_with_another() -> None:
    table = pl.DataFrame(
        {"code": [f"k{row}" for row in range(210_000)], "city": ["Van", "Bolu", "Kars"] * 70_000}
    )
    assert profile(pieces(table, 20_000)).keys == ()
