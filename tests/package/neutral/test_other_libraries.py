"""LightGBM, XGBoost and CatBoost in the neutral form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kervan.core.errors import Refused
from kervan.package.proving.parity import compare, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.form import Trees
from kervan.package.writing.neutral.score import FormPredictor
from kervan.testing.sample import TASKS, sample

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
catboost = pytest.importorskip("catboost")


def check(model: Any, task: str, rows: Any = None) -> Fitted:
    matrix, signature, _ = sample(task, 600)
    fitted = Fitted(model, signature)
    asked = proof_rows(fitted, matrix if rows is None else rows, seed=1)
    tolerance = max(1e-12, fitted.slack)
    found = compare(fitted.predict, FormPredictor(fitted.form), asked, tolerance, name="form", scorer="")
    assert found.parity.holds, found.parity
    return fitted


def data(task: str) -> tuple[Any, Any]:
    matrix, _, truth = sample(task, 600)
    return matrix.astype(np.float64), truth


LIGHTGBM: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "usual": ({}, {}),
    "categories": ({"min_child_samples": 5}, {"categorical_feature": [2]}),
    "forest": ({"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}, {}),
    "dropping trees": ({"boosting_type": "dart"}, {}),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("setting", LIGHTGBM)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_lightgbm(setting: str, task: str) -> None:
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    of_model, of_fit = LIGHTGBM[setting]
    rows, truth = data(task)
    fitted = check(kind(n_estimators=30, verbose=-1, **of_model).fit(rows, truth, **of_fit), task)
    chooses = any(layer.members.max() >= 0 for layer in fitted.form.layers if isinstance(layer, Trees))
    assert chooses == (setting == "categories")


@pytest.mark.parametrize("objective", ["poisson", "regression_l1", "multiclassova", "binary"])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_objectives_of_lightgbm(objective: str) -> None:
    task = {"multiclassova": "multi", "binary": "binary"}.get(objective, "regression")
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    rows, truth = data(task)
    truth = np.abs(truth) / 1000 if objective == "poisson" else truth
    check(kind(n_estimators=20, objective=objective, sigmoid=0.5, verbose=-1).fit(rows, truth), task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("setting", ["usual", "categories", "stops early"])
def test_xgboost(setting: str, task: str) -> None:
    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    rows, truth = data(task)
    options: dict[str, Any] = {}
    of_fit: dict[str, Any] = {}
    if setting == "categories":
        rows[:, 2] = np.abs(rows[:, 2])
        options = {"enable_categorical": True, "feature_types": ["q", "q", "c", "q"], "max_cat_to_onehot": 1}
    if setting == "stops early":
        options = {"early_stopping_rounds": 2}
        of_fit = {"eval_set": [(rows[:100], truth[:100])], "verbose": False}
    check(kind(n_estimators=40, **options).fit(rows, truth, **of_fit), task)


@pytest.mark.parametrize("objective", ["count:poisson", "reg:absoluteerror", "reg:gamma"])
def test_objectives_of_xgboost(objective: str) -> None:
    rows, truth = data("regression")
    model = xgboost.XGBRegressor(n_estimators=20, objective=objective).fit(rows, np.abs(truth) / 1000 + 0.1)
    check(model, "regression")


@pytest.mark.parametrize("task", TASKS)
def test_catboost(task: str) -> None:
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    rows, truth = data(task)
    check(kind(iterations=40, verbose=0, allow_writing_files=False).fit(rows, truth), task)


def test_what_a_library_does_otherwise_is_refused() -> None:
    rows, truth = data("binary")
    linear = lightgbm.LGBMClassifier(n_estimators=3, linear_tree=True, verbose=-1).fit(rows, truth)
    lopsided = catboost.CatBoostClassifier(
        iterations=3, grow_policy="Lossguide", verbose=0, allow_writing_files=False
    ).fit(rows, truth)
    weak = xgboost.XGBClassifier(n_estimators=3, booster="gblinear").fit(rows, truth)
    _, signature, _ = sample("binary")
    for model, reason in (
        (linear, "linear functions in leaves"),
        (lopsided, "not symmetric"),
        (weak, "gblinear"),
    ):
        with pytest.raises(Refused, match=reason):
            _ = Fitted(model, signature).form


def test_a_stack_of_numbers_takes_members_that_call_themselves_classifiers() -> None:
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.tree import DecisionTreeRegressor

    member = catboost.CatBoostRegressor(
        iterations=20, random_seed=0, verbose=False, allow_writing_files=False
    )
    assert hasattr(member.fit(*data("regression")), "classes_")
    stack = StackingRegressor([("catboost", member), ("tree", DecisionTreeRegressor())], LinearRegression())
    check(stack.fit(*data("regression")), "regression")
