"""Every estimator's neutral form answers like the estimator, or is refused by name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import preprocessing as pre
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, SGDClassifier, TweedieRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from kervan.core.errors import Refused
from kervan.core.schema import Signature
from kervan.package.proving.parity import compare, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import FormPredictor

from .rows import INPUTS, OUTPUTS, fit, fit_model, names, table

EVERY = [(name, task) for task in OUTPUTS for name in names(task)]
REFUSED = {
    "KNeighborsClassifier": "breaks ties",
    "KNeighborsRegressor": "breaks ties",
}


def check(fitted: Fitted, matrix: Any) -> None:
    """Compare the form with the model on real rows and on rows made to hurt."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is made to hurt overflows here and there
        rows = proof_rows(fitted, matrix[200:], seed=1)
        tolerance = max(1e-12, fitted.slack)
        found = compare(fitted.predict, FormPredictor(fitted.form), rows, tolerance, name="form", scorer="")
    assert found.parity.holds, found.parity


@pytest.mark.sampled
@pytest.mark.parametrize(("name", "task"), EVERY)
def test_every_estimator_of_scikit_learn_is_read_or_refused_by_name(name: str, task: str) -> None:
    fitted, matrix = fit(name, task)
    if name in REFUSED:
        with pytest.raises(Refused, match=REFUSED[name]):
            _ = fitted.form
        return
    check(fitted, matrix)


CLASSIFIERS: dict[str, Any] = {
    "calibrated by isotonic": CalibratedClassifierCV(
        DecisionTreeClassifier(max_depth=3), method="isotonic", cv=3
    ),
    "calibrated svm": CalibratedClassifierCV(LinearSVC(), cv=3),
    "bagged trees over some columns": BaggingClassifier(
        DecisionTreeClassifier(max_depth=4), n_estimators=3, max_features=0.5, random_state=0
    ),
    "boosting with exponential loss": GradientBoostingClassifier(loss="exponential", n_estimators=20),
    "codes of decisions": OutputCodeClassifier(LogisticRegression(), code_size=4, random_state=0),
    "codes of probabilities": OutputCodeClassifier(GaussianNB(), code_size=2, random_state=1),
    "grid search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    "hard vote": VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))]),
    "soft vote": VotingClassifier(
        [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))],
        voting="soft",
        weights=[2, 1],
    ),
    "modified huber": SGDClassifier(loss="modified_huber", random_state=0),
    "logistic by steps": SGDClassifier(loss="log_loss", random_state=0),
    "one against one": OneVsOneClassifier(LinearSVC(random_state=0)),
    "one against rest": OneVsRestClassifier(DecisionTreeClassifier(max_depth=3)),
    "perceptron with tanh": MLPClassifier((5, 4), activation="tanh", max_iter=20, random_state=0),
    "perceptron with logistic": MLPClassifier((5,), activation="logistic", max_iter=20, random_state=0),
    "polynomial svm": SVC(kernel="poly", degree=2),
    "pairs of an svm": SVC(kernel="linear", decision_function_shape="ovo"),
    "rows within a small radius": RadiusNeighborsClassifier(3.0),
    "rows within a small radius, or none": RadiusNeighborsClassifier(1.5, outlier_label=1),
    "stack with the inputs": StackingClassifier(
        [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))], passthrough=True, cv=2
    ),
}


FOR_TWO_CLASSES = {"boosting with exponential loss"}
SETTINGS = [(name, "binary") for name in CLASSIFIERS]
SETTINGS += [(name, "multi") for name in CLASSIFIERS if name not in FOR_TWO_CLASSES]


@pytest.mark.parametrize(("name", "task"), SETTINGS)
def test_other_settings_of_classifiers(name: str, task: str) -> None:
    matrix, truth = table(task)
    check(fit_model(CLASSIFIERS[name], matrix, truth, signature(task)), matrix)


REGRESSORS: dict[str, Any] = {
    "gaussian process": GaussianProcessRegressor(
        ConstantKernel(2.0) * RBF([5.0, 1, 1, 1]) + DotProduct() + WhiteKernel(), optimizer=None
    ),
    "histogram poisson": HistGradientBoostingRegressor(loss="poisson", max_iter=20),
    "poisson": PoissonRegressor(),
    "tweedie with identity": TweedieRegressor(power=0, link="identity"),
    "sigmoid svr": SVR(kernel="sigmoid"),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_other_settings_of_regressors(name: str) -> None:
    matrix, truth = table("regression")
    check(fit_model(REGRESSORS[name], matrix, truth, signature("regression")), matrix)


TRANSFORMERS: dict[str, Any] = {
    "bins as places": pre.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    "bins apart": pre.KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
    "binary": pre.Binarizer(threshold=1.0),
    "components": PCA(2, whiten=True),
    "singular values": TruncatedSVD(2),
    "function": pre.FunctionTransformer(np.log1p),
    "identity": pre.FunctionTransformer(),
    "largest": pre.MaxAbsScaler(),
    "length 1": pre.Normalizer("l1"),
    "length 2": pre.Normalizer(),
    "polynomial": pre.PolynomialFeatures(2),
    "power": pre.PowerTransformer(),
    "range": pre.MinMaxScaler(clip=True),
    "robust": pre.RobustScaler(),
    "selection": SelectKBest(k=2),
    "standard": pre.StandardScaler(),
    "union": FeatureUnion(
        [("a", pre.StandardScaler()), ("b", VarianceThreshold())], transformer_weights={"a": 2}
    ),
    "columns": ColumnTransformer(
        [
            ("city", pre.OneHotEncoder(handle_unknown="ignore", sparse_output=False), [2]),
            ("order", pre.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-5), [2]),
            ("gone", "drop", [0]),
            ("kept", "passthrough", slice(0, 2)),
        ],
        transformer_weights={"kept": 0.5},
    ),
    "targets": ColumnTransformer(
        [("known", pre.TargetEncoder(smooth=5, random_state=0), [2, 0])], remainder=pre.StandardScaler()
    ),
    "a category less": ColumnTransformer(
        [("city", pre.OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False), [2])],
        remainder=pre.StandardScaler(),
    ),
}


@pytest.mark.parametrize("model", ["ridge", "tree"])
@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.filterwarnings("ignore:Found unknown categories:UserWarning")
def test_transformers_before_a_model(name: str, model: str) -> None:
    matrix, truth = table("regression")
    last = Ridge() if model == "ridge" else DecisionTreeRegressor(max_depth=5, random_state=0)
    check(fit_model(make_pipeline(TRANSFORMERS[name], last), matrix, truth, signature("regression")), matrix)


@pytest.mark.parametrize("task", ["binary", "multi"])
def test_shares_of_classes_stand_for_categories(task: str) -> None:
    matrix, truth = table(task)
    model = make_pipeline(pre.TargetEncoder(random_state=0), LogisticRegression())
    check(fit_model(model, matrix, truth, signature(task)), matrix)


@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize(
    "last", [Ridge(), RandomForestRegressor(10, random_state=0)], ids=["ridge", "forest"]
)
def test_missing_numbers_are_imputed_alike(last: Any, indicator: bool) -> None:
    matrix, truth = table("regression")
    matrix[np.random.default_rng(1).random(len(matrix)) < 0.1, 1] = np.nan
    imputer = SimpleImputer(strategy="median", add_indicator=indicator)
    check(
        fit_model(make_pipeline(imputer, pre.StandardScaler(), last), matrix, truth, signature("regression")),
        matrix,
    )
    apart = FeatureUnion([("filled", SimpleImputer()), ("gone", MissingIndicator(features="all"))])
    check(fit_model(make_pipeline(apart, last), matrix, truth, signature("regression")), matrix)


@pytest.mark.parametrize("task", ["binary", "multi"])
@pytest.mark.parametrize("unseen", [False, True], ids=["all known", "missing known"])
def test_native_categories_of_histogram_boosting(task: str, unseen: bool) -> None:
    matrix, truth = table(task)
    if unseen:
        matrix[:50:3, 2] = -1
    model = HistGradientBoostingClassifier(categorical_features=[2], max_iter=20, min_samples_leaf=5)
    check(fit_model(model, matrix, truth, signature(task)), matrix)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (DummyClassifier(strategy="uniform"), "answers by chance"),
        (KNeighborsClassifier(), "breaks ties"),
        (RadiusNeighborsClassifier(9.0, weights="distance"), "weights 'distance'"),
        (RadiusNeighborsClassifier(9.0, outlier_label=7), "the label 7 for outliers"),
        (make_pipeline(pre.FunctionTransformer(np.sin), LogisticRegression()), "function 'sin'"),
        (make_pipeline(pre.QuantileTransformer(n_quantiles=10), LogisticRegression()), "QuantileTransformer"),
    ],
    ids=["chance", "ties", "weights", "outliers", "function", "quantiles"],
)
def test_what_cannot_be_expressed_is_refused_by_name(model: Any, reason: str) -> None:
    matrix, truth = table("binary")
    with pytest.raises(Refused, match=reason) as caught:
        _ = fit_model(model, matrix, truth, signature("binary")).form
    assert caught.value.hint


def test_a_subclass_that_may_answer_otherwise_is_not_taken_for_its_parent() -> None:
    class Doubled(Ridge):
        def predict(self, rows: Any) -> Any:
            return 2 * super().predict(rows)

    matrix, truth = table("regression")
    with pytest.raises(Refused, match="cannot express Doubled"):
        _ = fit_model(Doubled(), matrix, truth, signature("regression")).form


def test_several_outputs_are_refused() -> None:
    matrix, truth = table("regression")
    model = Ridge().fit(matrix, np.column_stack([truth, -truth]))
    with pytest.raises(Refused, match="2 numbers for a row"):
        _ = Fitted(model, signature("regression")).form


def signature(task: str) -> Signature:
    return Signature(inputs=INPUTS, output=OUTPUTS[task])
