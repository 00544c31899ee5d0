"""Two tables compared by their profiles alone: the same figures as from their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from kervan.core.config import DataSettings, WatchSettings
from kervan.data.columns import infer_schema
from kervan.data.profile import Profile, profile
from kervan.monitor.drift import drift
from kervan.monitor.profiles import Moved, moves

if TYPE_CHECKING:
    from collections.abc import Callable


def profiled(table: pl.DataFrame) -> Profile:
    return profile(table, infer_schema(table, DataSettings()))


def by_name(before: pl.DataFrame, now: pl.DataFrame) -> dict[str, Moved]:
    return {each.name: each for each in moves(profiled(before), profiled(now))}


@pytest.fixture(scope="module")
def adult(public: Callable[[str], pl.DataFrame]) -> pl.DataFrame:
    return public("adult/adult.csv.gz")


def test_equal_tables_show_no_move(adult: pl.DataFrame) -> None:
    for moved in moves(profiled(adult), profiled(adult)):
        assert moved.psi == 0.0
        assert moved.distance in {0.0, None}
        assert moved.before == moved.now


def test_indices_and_distances_are_those_from_the_rows(adult: pl.DataFrame) -> None:
    old = adult.filter(pl.col("age") % 2 == 0)
    new = adult.filter((pl.col("age") % 2 == 1) & (pl.col("age") > 30))
    found = by_name(old, new)
    by_rows = drift(profiled(old), new.to_dicts(), WatchSettings(), infer_schema(adult, DataSettings()))
    for column in by_rows.columns:
        assert found[column.name].psi == pytest.approx(column.psi, rel=0.1, abs=0.01), column.name
    for name in ("age", "fnlwgt", "hours-per-week", "capital-gain"):
        exact = ks_2samp(old[name], new[name]).statistic
        assert found[name].distance == pytest.approx(exact, abs=0.012), name


def test_the_most_moved_column_comes_first_and_new_and_lost_ones_before_it(adult: pl.DataFrame) -> None:
    old = adult.select("age", "sex", "workclass")
    new = adult.filter(pl.col("sex") == "Male").select("age", "sex", "race")
    names = [each.name for each in moves(profiled(old), profiled(new))]
    assert set(names[:2]) == {"workclass", "race"}
    assert names[2:] == ["sex", "age"]
    found = by_name(old, new)
    assert found["workclass"].now is None
    assert found["race"].before is None
    assert [(each.label, round(each.now, 2)) for each in found["sex"].bins] == [
        ("Male", 1.0),
        ("Female", 0.0),
    ]


def test_whatever_a_column_holds_it_is_compared_or_left_and_never_fails() -> None:
    rows = 60
    before = pl.DataFrame(
        {
            "huge": 1.7e308 * np.linspace(-1, 1, rows),
            "flat": [1.0] * rows,
            "empty": [None] * rows,
            "turned": [str(each % 3) + "x" for each in range(rows)],
            "many": [f"k{each // 2}" for each in range(rows)],
            "text": [f"word {each}" for each in range(rows)],
        },
        schema_overrides={"empty": pl.Float64},
    )
    now = before.with_columns(
        pl.Series("flat", [1.0, 2.0] * (rows // 2)),
        pl.Series("empty", [2.5] * rows),
        pl.Series("turned", range(rows)),
        pl.Series("many", [f"z{each // 2}" for each in range(rows)]),
    )
    found = by_name(before, now)
    assert found["huge"].distance == 0.0
    assert found["flat"].distance == 0.5
    assert found["turned"].psi is None
    assert found["text"].psi is None
    assert found["many"].psi > 1
    assert found["empty"].before is not None
    assert found["empty"].before.missing_share == 1
    assert len(found["many"].bins) <= 20
