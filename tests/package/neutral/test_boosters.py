"""Boosters without the estimator around them: read like the estimators that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kervan.core.errors import Refused
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import fold
from kervan.package.writing.neutral.form import Form, Unary
from kervan.package.writing.neutral.read import read_form
from kervan.package.writing.neutral.readers.registry import Ask, read
from kervan.package.writing.neutral.score import FormPredictor
from kervan.testing.sample import TASKS, sample

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
catboost = pytest.importorskip("catboost")


def estimators(task: str) -> dict[str, tuple[Any, Any]]:
    """Fitted estimators of each library, and the booster in each."""
    matrix, _, truth = sample(task, 600)
    rows = matrix.astype(np.float64)
    is_value = task == "regression"
    light = (lightgbm.LGBMRegressor if is_value else lightgbm.LGBMClassifier)(n_estimators=20, verbose=-1)
    extreme = (xgboost.XGBRegressor if is_value else xgboost.XGBClassifier)(n_estimators=20)
    cat = (catboost.CatBoostRegressor if is_value else catboost.CatBoostClassifier)(
        iterations=20, verbose=0, allow_writing_files=False
    )
    for model in (light, extreme, cat):
        model.fit(rows, truth)
    bare = catboost.CatBoost()
    bare.load_model(blob=cat._serialize_model())
    return {
        "lightgbm": (light, light.booster_),
        "xgboost": (extreme, extreme.get_booster()),
        "catboost": (cat, bare),
    }


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
def test_a_booster_is_read_like_its_estimator(library: str, task: str) -> None:
    matrix, signature, _ = sample(task, 600)
    model, booster = estimators(task)[library]
    builder = Builder(signature)
    ask = Ask.PROBABILITIES if signature.is_classification else Ask.VALUE
    answer = read(builder, booster, builder.map(0, Unary.ROUND32), ask)
    form = fold(Form(signature=signature, layers=tuple(builder.layers), slack=builder.slack), answer)
    wanted = FormPredictor(read_form(model, signature)).predict(matrix)
    np.testing.assert_array_equal(FormPredictor(form).predict(matrix), wanted)


def test_what_an_estimator_reads_as_missing_is_still_refused() -> None:
    matrix, signature, truth = sample("binary", 600)
    rows = np.nan_to_num(matrix.astype(np.float64), nan=-999.0)
    model = xgboost.XGBClassifier(n_estimators=3, missing=-999.0).fit(rows, truth)
    with pytest.raises(Refused, match="-999"):
        read_form(model, signature)
