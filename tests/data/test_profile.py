from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kervan.core.config import DataSettings
from kervan.core.errors import NotFound
from kervan.data.columns import infer_schema
from kervan.data.page import profile_page
from kervan.data.profile import Profile, ValueCount, profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.data.profile import NumberProfile

TABLE = pl.DataFrame(
    {
        "yaş": [30, 20, None, 20, 30, 20],
        "şehir": ["İzmir", "<b>Van</b>", "İzmir", "Ağrı", None, "<b>Van</b>"],
        "üye": [True, None, False, True, True, None],
        "gün": [date(2024, 1, 2), None, date(2023, 1, 1), date(2024, 5, 5), None, None],
        "boş": pl.Series([None] * 6, dtype=pl.Float64),
        "gelir": ["az", "çok", "az", "az", "az", "çok"],
    }
)


def profile_of(table: pl.DataFrame, target: str = "") -> Profile:
    return profile(table, infer_schema(table, DataSettings()), target)


def numbers_of(values: list[float]) -> NumberProfile:
    numbers = profile_of(pl.DataFrame({"a": pl.Series(values, dtype=pl.Float64)})).column("a").numbers
    assert numbers is not None
    return numbers


def test_counts_of_each_column() -> None:
    found = profile_of(TABLE, "gelir")
    assert (found.rows, found.duplicates) == (6, 1)
    assert {column.name: (column.count, column.missing, column.distinct) for column in found.columns} == {
        "yaş": (5, 1, 2),
        "şehir": (5, 1, 3),
        "üye": (4, 2, 2),
        "gün": (3, 3, 3),
        "boş": (0, 6, 0),
        "gelir": (6, 0, 2),
    }
    assert found.classes == (ValueCount(value="az", count=4), ValueCount(value="çok", count=2))
    assert found.column("boş").numbers is None
    assert (found.column("gün").earliest, found.column("gün").latest) == ("2023-01-01", "2024-05-05")
    with pytest.raises(NotFound, match="'yas'"):
        found.column("yas")


def test_texts_have_top_values_by_count_then_code_point() -> None:
    texts = profile_of(TABLE).column("şehir").texts
    assert texts is not None
    assert [(each.value, each.count) for each in texts.top] == [("<b>Van</b>", 2), ("İzmir", 2), ("Ağrı", 1)]
    assert (texts.others, texts.shortest, texts.longest) == (0, 4, 10)
    many = profile_of(pl.DataFrame({"a": [f"ş{n:02}" for n in range(25)] + ["ş24"]})).column("a").texts
    assert many is not None
    assert many.top[0] == ValueCount(value="ş24", count=2)
    assert (len(many.top), many.others) == (20, 5)


def test_numeric_targets_are_counted_only_if_they_are_few() -> None:
    assert profile_of(TABLE, "yaş").classes == (
        ValueCount(value="20", count=3),
        ValueCount(value="30", count=2),
    )
    assert profile_of(pl.DataFrame({"a": range(100)}), "a").classes == ()


def test_outliers_lie_beyond_the_fences() -> None:
    assert numbers_of([*range(98), 1000, -1000]).outliers == pytest.approx(0.02)
    assert numbers_of([5.0] * 10).outliers == 0


def test_overflow_is_missing_not_wrong() -> None:
    numbers = numbers_of([1.7e308, 1.7e308, -1.7e308])
    assert numbers.deviation is None
    assert numbers.maximum == 1.7e308
    assert sum(numbers.counts) == 3
    assert numbers_of([4.0]).deviation is None


@given(values=st.lists(st.floats(-1e9, 1e9).map(lambda value: round(value, 3)), min_size=2, max_size=300))
@settings(max_examples=80)
def test_figures_are_those_of_numpy_and_scipy(values: list[float]) -> None:
    numbers, array = numbers_of(values), np.array(values)
    scale = max(1.0, float(np.abs(array).max()))
    assert numbers.minimum == array.min()
    assert numbers.maximum == array.max()
    assert numbers.mean == pytest.approx(array.mean(), abs=1e-9 * scale)
    assert numbers.median == pytest.approx(np.median(array), abs=1e-9 * scale)
    assert numbers.deviation == pytest.approx(array.std(ddof=1), abs=1e-9 * scale)
    # In whole numbers: np.quantile(…, method="inverted_cdf") takes the value beside where 0.07 × 100 > 7.
    ranks = [max(1, -(-level * len(values) // 100)) for level in range(101)]
    assert list(numbers.quantiles) == [sorted(values)[rank - 1] for rank in ranks]
    assert [numbers.quantiles[0], numbers.quantiles[-1]] == [array.min(), array.max()]
    for point, below, upto in zip(numbers.quantiles, numbers.below, numbers.upto, strict=True):
        assert below == np.mean(array < point)
        assert upto == np.mean(array <= point)
    assert sum(numbers.counts) == len(values)
    assert len(numbers.edges) == len(numbers.counts) + 1


def test_skew_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=1000)
    assert numbers_of(values.tolist()).skew == pytest.approx(stats.skew(values))


def test_profile_is_written_and_read_as_json() -> None:
    found = profile_of(TABLE, "gelir")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Profile) == found
    assert msgspec.convert(msgspec.to_builtins(found), Profile) == found


def test_page_is_whole_escaped_and_asks_for_nothing() -> None:
    page = profile_page(profile_of(TABLE, "gelir"), "Gelir <1>")
    for text in ("yaş", "İzmir", "Ağrı", "çok", "Gelir &lt;1&gt;", "&lt;b&gt;Van&lt;/b&gt;", "2024-05-05"):
        assert text in page
    for text in ("<b>", "<script", "http:", "https:", "url(", "nan"):
        assert text not in page
    assert page.count("<section>") == page.count("</section>") == 2 + len(TABLE.columns)


def test_empty_table_has_a_profile_and_a_page() -> None:
    found = profile_of(TABLE[:0])
    assert found.rows == found.duplicates == 0
    assert "<svg" in profile_page(found)


@pytest.mark.data
def test_adult(public: Callable[[str], pl.DataFrame]) -> None:
    found = profile_of(public("adult/adult.csv.gz"), "income")
    assert (found.rows, found.duplicates) == (48_842, 52)
    assert found.classes == (ValueCount(value="<=50K", count=37_155), ValueCount(value=">50K", count=11_687))
    assert [found.column(name).missing for name in ("workclass", "occupation", "native-country")] == [
        2799,
        2809,
        857,
    ]
    gain = found.column("capital-gain").numbers
    assert gain is not None
    assert gain.maximum == 99_999
    assert gain.quantiles[90] == 0
    assert gain.upto[0] == pytest.approx(0.917, abs=0.001)
