"""Rows that every estimator can learn from: whole numbers, a positive number, a category, a boolean."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.writing.fitted import Fitted
from package.every_estimator import classes

INPUTS = Schema(
    (
        Column(name="count", type=Type.INTEGER),
        Column(name="size", type=Type.NUMBER),
        Column(name="şehir", type=Type.CATEGORY, allowed=("Ankara", "İstanbul", "Iğdır")),
        Column(name="new", type=Type.BOOLEAN),
    )
)
OUTPUTS = {
    "binary": Column(name="class", type=Type.CATEGORY, allowed=("no", "yes")),
    "multi": Column(name="class", type=Type.CATEGORY, allowed=("few", "some", "many")),
    "regression": Column(name="price", type=Type.NUMBER),
}
# What cannot be made without arguments, would wait for another shape of rows, or answers at random.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "FixedThresholdClassifier": {"estimator": LogisticRegression()},
    "IsotonicRegression": {"out_of_bounds": "clip"},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "OneVsOneClassifier": {"estimator": LogisticRegression()},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "OutputCodeClassifier": {"estimator": LogisticRegression(), "random_state": 0},
    "RadiusNeighborsClassifier": {"radius": 50.0, "outlier_label": "most_frequent"},
    "RadiusNeighborsRegressor": {"radius": 50.0},
    "RegressorChain": {"estimator": Ridge()},
    "SelfTrainingClassifier": {"estimator": LogisticRegression()},
    "StackingClassifier": {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]},
    "StackingRegressor": {"estimators": [("a", Ridge()), ("b", Ridge(10.0))]},
    "TunedThresholdClassifierCV": {"estimator": LogisticRegression()},
    "VotingClassifier": {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]},
    "VotingRegressor": {"estimators": [("a", Ridge()), ("b", Ridge(10.0))]},
}
ONLY_TWO_CLASSES = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
SEVERAL_OUTPUTS = {"CCA", "ClassifierChain", "MultiOutputClassifier", "PLSCanonical"}


def names(task: str) -> list[str]:
    """Name the estimators of a task."""
    kind = "regressor" if task == "regression" else "classifier"
    left_out = SEVERAL_OUTPUTS | (ONLY_TWO_CLASSES if task == "multi" else set())
    return [name for name in classes(kind) if name not in left_out]


def table(task: str, rows: int = 300) -> tuple[Any, Any]:
    """Return a matrix and its truth."""
    random = np.random.default_rng(0)
    count, size = random.integers(0, 60, rows), np.abs(random.normal(size=rows))
    city, new = random.integers(0, 3, rows), random.integers(0, 2, rows)
    score = (count - 30) / 15 + size + city / 2 + random.normal(0, 0.2, rows)
    truth = {"binary": (score > 1).astype(int), "multi": np.digitize(score, [0, 1.5])}
    return np.column_stack([count, size, city, new]).astype(np.float64), truth.get(
        task, np.abs(score) * 10 + 1
    )


def fit(name: str, task: str, rows: int = 200) -> tuple[Fitted, Any]:
    """Fit an estimator with default parameters as far as it has them; return it with all rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the library's deprecated estimators
        estimator = classes()[name](**ARGUMENTS.get(name, {}))
    if "random_state" in estimator.get_params(deep=False):
        estimator.set_params(random_state=0)
    matrix, truth = table(task)
    signature = Signature(inputs=INPUTS, output=OUTPUTS[task])
    if name == "IsotonicRegression":
        matrix = matrix[:, :1]
        signature = Signature(inputs=Schema(INPUTS.columns[:1]), output=OUTPUTS[task])
    return fit_model(estimator, matrix, truth, signature, rows), matrix


def fit_model(estimator: Any, matrix: Any, truth: Any, signature: Signature, rows: int = 200) -> Fitted:
    """Fit any estimator on the first rows."""
    is_wide = type(estimator).__name__.startswith(("MultiTask", "MultiOutput", "RegressorChain"))
    learned = truth[:rows].reshape(-1, 1) if is_wide else truth[:rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Fitted(estimator.fit(matrix[:rows].astype(np.float64), learned), signature)
