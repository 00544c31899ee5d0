"""Random pipelines over random rows: the form and what is printed from it answer like the original.

The same ones each time. `KERVAN_TEST_EXAMPLES=1000` looks for others: what it finds is mended, or, where it
is a matter of last digits that the gate refuses in production, told to `keeps_its_digits`.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn import preprocessing as pre
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.proving.build import prove, scorers_of
from kervan.package.proving.parity import compare, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import FormPredictor

EXAMPLES = int(os.environ.get("KERVAN_TEST_EXAMPLES", "0"))
SCALERS = [
    pre.StandardScaler(),
    pre.RobustScaler(),
    pre.MinMaxScaler(),
    pre.MaxAbsScaler(),
    pre.KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    pre.PowerTransformer(),
    pre.PolynomialFeatures(2),
    "passthrough",
]
LAST = [
    AdaBoostClassifier(n_estimators=4, random_state=0),
    BaggingClassifier(n_estimators=3, max_features=0.7, random_state=0),
    DecisionTreeClassifier(max_depth=5, random_state=0),
    ExtraTreesClassifier(5, max_depth=4, random_state=0),
    GaussianNB(),
    GradientBoostingClassifier(n_estimators=4, random_state=0),
    HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=3),
    LogisticRegression(max_iter=200),
    MLPClassifier((4,), max_iter=10, random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    SVC(),
    VotingClassifier(
        [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=3))], voting="soft"
    ),
]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A pipeline, rows with missing numbers and unseen categories, and a signature."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    numbers, categories = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    sizes = [draw(st.integers(1, 5)) for _ in range(categories)]
    spread = 10.0 ** draw(st.integers(-3, 4))
    values = random.normal(size=(150, numbers)) * spread + draw(st.sampled_from([0.0, spread * 50]))
    values = np.round(values, draw(st.integers(0, 5)))
    # A column that is the same in every row makes models with infinite weights.
    assume(all(len(np.unique(column[:100])) > 5 for column in values.T))
    values[random.random(values.shape) < 0.1] = np.nan
    codes = np.column_stack([random.integers(-1, size, 150) for size in sizes] or [np.empty((150, 0))])
    columns = [Column(name=f"n{at}", type=Type.NUMBER, nullable=True) for at in range(numbers)]
    for at, size in enumerate(sizes):
        allowed = tuple(f"ş{place} '" for place in range(size))
        columns.append(Column(name=f"k{at}", type=Type.CATEGORY, nullable=True, allowed=allowed))
    classes = tuple("abc"[: draw(st.integers(2, 3))])
    output = Column(name="y", type=Type.CATEGORY, allowed=classes)
    matrix = np.hstack([values, codes]).astype(np.float64)
    score = np.nan_to_num(values / spread).sum(axis=1) + codes.sum(axis=1) + random.normal(0, 0.3, 150)
    truth = np.digitize(score, np.quantile(score, np.linspace(0, 1, len(classes) + 1)[1:-1]))
    encoder = pre.OneHotEncoder(
        categories=[list(range(size)) for size in sizes], handle_unknown="ignore", sparse_output=False
    )
    imputer = SimpleImputer(
        strategy=draw(st.sampled_from(["mean", "median"])), add_indicator=draw(st.booleans())
    )
    blocks = [("numbers", make_pipeline(imputer, draw(st.sampled_from(SCALERS))), list(range(numbers)))]
    if categories:
        blocks.append(("categories", encoder, list(range(numbers, numbers + categories))))
    model = make_pipeline(ColumnTransformer(blocks), draw(st.sampled_from(LAST)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(matrix[:100].astype(np.float64), truth[:100])
    assume(keeps_its_digits(model, matrix))
    return Fitted(model, Signature(inputs=Schema(tuple(columns)), output=output)), matrix[100:], model


def keeps_its_digits(model: Any, matrix: Any) -> bool:
    """Whether the order in which a model adds up stays out of its answer; the gate refuses the others.

    A power that takes a column far from zero to nearly one number leaves what float32 cannot tell apart. A
    column that never changed within a class has a variance of almost nothing there, and rows where it does
    change have logarithms of 1e10, whose last digits are millionths. A row that bins put right between two
    classes of a support vector machine is as far from one as from the other.
    """
    scaler = model[0].named_transformers_["numbers"][-1]
    if isinstance(scaler, pre.PowerTransformer):
        shifts = np.abs(scaler._scaler.mean_) / scaler._scaler.scale_
        if shifts.max() > 100:
            return False
    if isinstance(model[-1], SVC):
        model[-1].decision_function_shape = "ovo"  # as far from each border, which predicting does not ask
        return bool(np.abs(model.decision_function(matrix)).min() > 1e-9)
    return not isinstance(model[-1], GaussianNB) or bool(model[-1].var_.min() > 1e-6)


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(problems())
def test_a_random_pipeline_is_written_faithfully(problem: tuple[Fitted, Any, Any]) -> None:
    fitted, matrix, _ = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is made to hurt overflows here and there
        rows = proof_rows(fitted, matrix, seed=0)
        tolerance = max(1e-12, fitted.slack)
        found = compare(fitted.predict, FormPredictor(fitted.form), rows, tolerance, name="form", scorer="")
        assert found.parity.holds, found.parity
        for name in ("python", "sqlite", "onnx"):
            adapter = plugin("format", name)
            with tempfile.TemporaryDirectory() as folder:
                adapter.save(fitted, Path(folder))
                prove(name, scorers_of(adapter, Path(folder), fitted.signature), fitted, rows)
