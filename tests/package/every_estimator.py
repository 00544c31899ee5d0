"""All of scikit-learn's estimators, each fitted on data that suits it."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

ROWS, CLASSES = make_classification(150, 8, n_informative=8, n_redundant=0, n_classes=3, random_state=0)
ABOVE = np.abs(ROWS) + 0.1
COUNTS = np.floor(ABOVE * 2)
NUMBERS = ROWS @ np.arange(8.0) + np.random.default_rng(0).normal(size=150)
BOTH = np.column_stack([NUMBERS, -NUMBERS * 2])
MARKS = np.column_stack([CLASSES > 0, CLASSES > 1]).astype(int)
TEXTS = [f"şehir{place % 7} ev{place % 3} oda oda{place % 2}" for place in range(150)]
RECORDS = [{"şehir": f"s{place % 5}", "oda": float(place % 4)} for place in range(150)]

# What cannot be made without arguments.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "ClassifierChain": {"estimator": LogisticRegression()},
    "ColumnTransformer": {"transformers": [("a", StandardScaler(), [0, 1]), ("b", "passthrough", [2])]},
    "FeatureUnion": {"transformer_list": [("a", StandardScaler())]},
    "FixedThresholdClassifier": {"estimator": LogisticRegression()},
    "FrozenEstimator": {"estimator": LogisticRegression().fit(ROWS, CLASSES)},
    "GaussianRandomProjection": {"n_components": 3},
    "GridSearchCV": {"estimator": Ridge(), "param_grid": {"alpha": [0.1, 1.0]}, "cv": 3},
    "MultiOutputClassifier": {"estimator": LogisticRegression()},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "OneVsOneClassifier": {"estimator": LogisticRegression()},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "OutputCodeClassifier": {"estimator": LogisticRegression()},
    "PatchExtractor": {"patch_size": (2, 2)},
    "Pipeline": {"steps": [("a", StandardScaler()), ("b", LogisticRegression())]},
    "RFE": {"estimator": LogisticRegression()},
    "RFECV": {"estimator": LogisticRegression()},
    "RandomizedSearchCV": {"estimator": Ridge(), "param_distributions": {"alpha": [0.1, 1.0]}, "n_iter": 2},
    "RegressorChain": {"estimator": Ridge()},
    "SelectFromModel": {"estimator": LogisticRegression()},
    "SelfTrainingClassifier": {"estimator": LogisticRegression()},
    "SequentialFeatureSelector": {"estimator": LogisticRegression(), "n_features_to_select": 2, "cv": 2},
    "SparseRandomProjection": {"n_components": 3},
    "StackingClassifier": {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]},
    "StackingRegressor": {"estimators": [("a", Ridge()), ("b", Ridge(10.0))]},
    "TunedThresholdClassifierCV": {"estimator": LogisticRegression()},
    "VotingClassifier": {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]},
    "VotingRegressor": {"estimators": [("a", Ridge()), ("b", Ridge(10.0))]},
    # Its default radius reaches nobody here.
    "RadiusNeighborsClassifier": {"radius": 50.0},
    "RadiusNeighborsRegressor": {"radius": 50.0},
    # Its default keeps only the present rows: it cannot predict.
    "LocalOutlierFactor": {"novelty": True},
    "SparseCoder": {"dictionary": np.eye(8)},
}
ABOVE_ZERO = {
    "AdditiveChi2Sampler",
    "ComplementNB",
    "LatentDirichletAllocation",
    "MiniBatchNMF",
    "MultinomialNB",
    "NMF",
    "SkewedChi2Sampler",
}
TWO_NUMBERS = {"CCA", "PLSCanonical", "PLSSVD", "MultiOutputRegressor", "RegressorChain"}
TWO_CLASSES = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
GIVEN = {
    "CategoricalNB": (COUNTS, CLASSES),
    "CountVectorizer": (TEXTS, CLASSES),
    "DictVectorizer": (RECORDS, None),
    "FeatureHasher": (RECORDS, None),
    "GammaRegressor": (ROWS, np.exp(NUMBERS / 10)),
    "HashingVectorizer": (TEXTS, CLASSES),
    "IsotonicRegression": (ROWS[:, 0], NUMBERS),
    "KernelCenterer": (ROWS @ ROWS.T, None),
    "LabelBinarizer": (CLASSES, None),
    "LabelEncoder": (CLASSES, None),
    "MultiLabelBinarizer": ([{place % 3, place % 5} for place in range(150)], None),
    "MultiOutputClassifier": (ROWS, MARKS),
    "ClassifierChain": (ROWS, MARKS),
    "PatchExtractor": (ROWS.reshape(10, 15, 8), None),
    "TfidfVectorizer": (TEXTS, CLASSES),
}


@cache
def classes(*kinds: str) -> dict[str, Any]:
    """Return the estimators of these kinds by their names: finding them imports every module there is."""
    return dict(all_estimators(type_filter=list(kinds) or None))


def names(*kinds: str) -> list[str]:
    """Return the names of the estimators of these kinds, all by default.

    Those that are only there once something imported an experiment of the library are left out.
    """
    return [name for name in classes(*kinds) if not name.startswith("Halving")]


@cache
def fitted(name: str) -> tuple[Any, Any]:
    """Fit an estimator, by default with default parameters; return it with the rows that it was fitted on."""
    kind = classes()[name]
    rows, truth = _data(name, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = kind(**ARGUMENTS.get(name, {}))
        if "random_state" in estimator.get_params(deep=False):
            estimator.set_params(random_state=0)
        return (estimator.fit(rows) if truth is None else estimator.fit(rows, truth)), rows


def _data(name: str, kind: Any) -> tuple[Any, Any]:
    if name in GIVEN:
        return GIVEN[name]
    if name.startswith("MultiTask") or name in TWO_NUMBERS:
        return ROWS, BOTH
    if name in TWO_CLASSES:
        return ROWS, MARKS[:, 0]
    rows = ABOVE if name in ABOVE_ZERO else ROWS
    counts_up = name in {"PoissonRegressor", "TweedieRegressor"}
    is_regressor = name in names("regressor") or name in {"GridSearchCV", "RandomizedSearchCV"}
    truth = COUNTS[:, 0] if counts_up else NUMBERS if is_regressor else CLASSES
    return rows, truth
