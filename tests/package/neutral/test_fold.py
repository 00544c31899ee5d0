"""Folded trees ask about raw inputs, and answer bit for bit as scikit-learn's over scaled ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.fitted import Fitted
from kervan.package.neutral.form import Trees
from kervan.package.neutral.score import score

NUMBER = Signature(
    inputs=Schema((Column(name="x", type=Type.NUMBER),)), output=Column(name="y", type=Type.NUMBER)
)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([1e-6, 1.0, 1e5]),
    shift=st.sampled_from([0.0, 1e3, -7e6]),
    scaler=st.sampled_from([StandardScaler(), MinMaxScaler((-1, 3))]),
)
def test_a_scaled_tree_answers_the_same_at_its_thresholds(
    seed: int, spread: float, shift: float, scaler: object
) -> None:
    random = np.random.default_rng(seed)
    values = (random.normal(size=(60, 1)) * spread + shift).astype(np.float32)
    values[random.random(60) < 0.1] = np.nan
    model = make_pipeline(SimpleImputer(strategy="median"), scaler, DecisionTreeRegressor(random_state=0))
    fitted = Fitted(model.fit(values.astype(np.float64), random.normal(size=60)), NUMBER)
    (trees,) = fitted.form.layers
    assert isinstance(trees, Trees)
    assert trees.sources == (0,)
    edges = trees.threshold[trees.place >= 0]
    around = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), [np.nan, 0]])
    asked = around.reshape(-1, 1)
    # float64 here: the form itself rounds what it is asked to float32, as a server does before the original
    with np.errstate(over="ignore"):
        rounded = asked.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(score(fitted.form, asked)[:, 0], model.predict(rounded))


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
