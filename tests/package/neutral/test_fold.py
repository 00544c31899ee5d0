"""Folded trees ask about raw inputs, and answer bit for bit as scikit-learn's over scaled ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from kervan.core.ports import Precision
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import LARGEST, held
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.form import Map, Trees
from kervan.package.writing.neutral.score import score

OUTPUT = Column(name="y", type=Type.NUMBER)
NUMBER = Signature(inputs=Schema((Column(name="x", type=Type.NUMBER),)), output=OUTPUT)
TWO = Signature(
    inputs=Schema(tuple(Column(name=name, type=Type.NUMBER) for name in ("a", "b"))), output=OUTPUT
)


def around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with their neighbours in float64, their float32, and its neighbours."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
        ends = [np.nextafter(single, np.float32(end)) for end in (-np.inf, np.inf)]
    halves = [(single.astype(np.float64) + end.astype(np.float64)) / 2 for end in ends]
    doubles = [np.nextafter(each, end) for each in (values, *halves) for end in (-np.inf, np.inf)]
    found = np.concatenate([values, *doubles, *halves, single, *ends]).astype(np.float64)
    return found[np.abs(found) <= LARGEST]


TREES = {
    "tree": DecisionTreeRegressor(random_state=0),
    "forest": RandomForestRegressor(3, random_state=0),
    "histograms": HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=2),
}


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([1e-6, 1.0, 1e5]),
    shift=st.sampled_from([0.0, 0.1, 1e3, -7e6]),
    scaler=st.sampled_from([FunctionTransformer(), StandardScaler(), MinMaxScaler((-1, 3))]),
    kind=st.sampled_from(sorted(TREES)),
    precision=st.sampled_from([Precision.DOUBLE, Precision.SINGLE]),
)
def test_trees_answer_the_same_at_their_thresholds(
    seed: int, spread: float, shift: float, scaler: BaseEstimator, kind: str, precision: Precision
) -> None:
    random = np.random.default_rng(seed)
    values = np.round(random.normal(size=(60, 1)), 2) * spread + shift
    values[random.random(60) < 0.1] = np.nan
    model = make_pipeline(SimpleImputer(strategy="median"), clone(scaler), clone(TREES[kind]))
    fitted = Fitted(model.fit(values, random.normal(size=60)), NUMBER, precision)
    trees = fitted.form.layers[0]
    assert isinstance(trees, Trees)
    assert trees.sources == (0,)
    edges = trees.threshold[trees.place >= 0]
    asked = np.concatenate([around(edges), values.ravel(), [np.nan, 0]]).reshape(-1, 1)
    wanted = model.predict(held(asked, precision))
    np.testing.assert_allclose(score(fitted.form, asked)[:, 0], wanted, rtol=1e-13, atol=1e-13)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(sorted(TREES)))
def test_trees_over_sums_of_columns_answer_the_same_at_their_thresholds(seed: int, kind: str) -> None:
    """What hangs on several columns is asked where it is computed, before it is rounded."""
    random = np.random.default_rng(seed)
    matrix = np.round(random.uniform(40, 50, (200, 2)), 4)
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), clone(TREES[kind]))
    fitted = Fitted(model.fit(matrix, random.normal(size=200)), TWO)
    assert not any(isinstance(layer, Map) for layer in fitted.form.layers)
    edges = fitted.splits()[0]
    asked = np.concatenate([matrix, np.column_stack([around(edges), np.full(len(around(edges)), 41.3)])])
    np.testing.assert_allclose(score(fitted.form, asked)[:, 0], model.predict(asked), rtol=1e-13, atol=1e-13)


def test_indicators_of_a_category_become_choices() -> None:
    allowed = ("a", "b", "c")
    signature = Signature(
        inputs=Schema(
            (Column(name="x", type=Type.NUMBER), Column(name="k", type=Type.CATEGORY, allowed=allowed))
        ),
        output=Column(name="y", type=Type.NUMBER),
    )
    random = np.random.default_rng(0)
    matrix = np.column_stack([random.normal(size=200), random.integers(-1, 3, 200)]).astype(np.float32)
    spread = OneHotEncoder(categories=[[0, 1, 2]], handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("x", StandardScaler(), [0]), ("k", spread, [1])])
    model = make_pipeline(columns, DecisionTreeRegressor(max_depth=6, random_state=0))
    truth = matrix[:, 0] * matrix[:, 1]
    fitted = Fitted(model.fit(matrix.astype(np.float64), truth), signature)
    (trees,) = fitted.form.layers
    assert isinstance(trees, Trees)
    assert set(trees.place[trees.members >= 0]) == {1}
    np.testing.assert_array_equal(score(fitted.form, matrix)[:, 0], fitted.predict(matrix)[:, 0])


@pytest.mark.parametrize("scale", [-2.0, 0.5])
def test_a_falling_function_is_left_as_it_is(scale: float) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(100, 1)).astype(np.float32)
    scaler = MinMaxScaler().fit(values)
    scaler.scale_ = np.array([scale])
    model = make_pipeline(scaler, DecisionTreeRegressor(max_depth=4, random_state=0))
    model.steps[-1][1].fit(scaler.transform(values.astype(np.float64)), values[:, 0])
    fitted = Fitted(model, NUMBER)
    assert (len(fitted.form.layers) == 1) == (scale > 0)
    np.testing.assert_array_equal(score(fitted.form, values)[:, 0], fitted.predict(values)[:, 0])
