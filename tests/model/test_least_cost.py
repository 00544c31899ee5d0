"""Naming the class that is expected to cost least: what it saves on rows that a model did not learn from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from kervan.core.goals import Costs
from kervan.core.loading import DATA_FOLDER
from kervan.core.naming import LIKELIEST
from kervan.core.recipe import Recipe
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.decide import decide
from kervan.model.demands import Demands
from kervan.model.folds import Folding
from kervan.model.train import fit
from kervan.package.answers import chosen
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray


def forests() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the ten measurements of ten thousand patches of forest, and which of seven covers each has."""
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        pytest.skip(f"{DATA_FOLDER} names no folder of public data sets")
    table = pl.read_csv(Path(folder) / "covertype-sample" / "covtype_10k.csv.gz")
    truth = table["Cover_Type"].to_numpy().astype(np.int64) - 1
    return table.to_numpy()[:, :10].astype(np.float64), truth


@pytest.mark.data
def test_rare_forests_that_are_dear_to_miss_cost_less_on_rows_of_the_test_part() -> None:
    matrix, truth = forests()
    labels = tuple(map(str, range(1, 8)))
    columns = tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(10))
    signature = Signature(
        inputs=Schema(columns), output=Column(name="cover", type=Type.CATEGORY, allowed=labels)
    )
    # Whoever fells a patch of the rarer covers (3 to 7) by mistake pays thirty times as much.
    table = np.ones((7, 7)) - np.eye(7)
    table[2:] *= 30
    demands = Demands(costs=Costs(matrix=tuple(map(tuple, table.tolist())), currency="TRY"))
    learn, look, ask = slice(0, 5_000), slice(5_000, 7_500), slice(7_500, None)
    model = fit(Recipe("boosting"), matrix[learn], truth[learn], signature, seed=0)
    folding = Folding(folds=3, seed=0)
    learned = (matrix[learn], truth[learn], folding)
    decided = decide(model, demands, signature, learned, (matrix[look], truth[look]))
    assert decided.signature.costs == demands.costs.matrix
    assert decided.least_cost is not None
    assert decided.least_cost.rows == 2_500
    assert decided.least_cost.cost < decided.least_cost.likeliest

    values = Fitted(decided.model, decided.signature).predict(matrix[ask])
    by_costs, by_chance = (
        float(table[truth[ask], chosen(values, naming)].sum())
        for naming in (decided.signature.naming, LIKELIEST)
    )
    assert by_costs < 0.9 * by_chance
