"""Training says which columns a library that rounds to float32 cannot tell apart, and nothing else rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

if TYPE_CHECKING:
    from journeys.home import Home

SETTINGS = """
[project]
name = "pressure"
[data]
source = "rows.csv"
target = "y"
[model]
families = ["{}"]
folds = 2
goal = {{ metric = "r2" }}
"""


@pytest.mark.parametrize("kind", ["decimals", "whole numbers"])
@pytest.mark.parametrize("family", ["tree", "linear"])
def test_a_column_that_float32_merges_is_told_where_it_matters(family: str, kind: str, home: Home) -> None:
    random = np.random.default_rng(0)
    moved = random.normal(0, 3, 400) if kind == "decimals" else random.integers(-9, 9, 400)
    table = pl.DataFrame({"sensor": 101_325_000 + moved, "noise": random.normal(size=400).round(1)})
    table.with_columns(y=moved + random.normal(0, 0.1, 400)).write_csv(home.folder / "rows.csv")
    home.write("kervan.toml", SETTINGS.format(family))
    told = home.ask("train")
    said = told.out + told.err
    assert ("scikit-learn's trees round to float32" in said) == (family == "tree")
    assert "'noise' has" not in said
    if family == "linear":
        assert "r2 0.99" in said
