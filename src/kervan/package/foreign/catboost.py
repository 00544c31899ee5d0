"""Models of CatBoost, from `.cbm` or JSON."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.package.foreign.foreign import Foreign, generic, label_text
from kervan.package.writing.neutral.readers.catboost import read_catboost

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CLASSES = {"Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll"}
_EXPONENTIAL = {"Poisson", "Tweedie"}


def open_catboost(path: Path, layout: str) -> Foreign:
    """Read a model in a layout of CatBoost's, "cbm" or "json".

    Raises `Corrupted` that names the file, `Refused` for a model over categories.
    """
    with extras_named():
        import catboost

    try:
        model = catboost.CatBoost().load_model(str(path), format=layout)
        loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    except (catboost.CatBoostError, ValueError, UnicodeDecodeError) as error:
        raise Corrupted(f"{path} is no model of CatBoost: {error}", hint="save it again") from error
    labels = tuple(label_text(label) for label in model.classes_) if loss in _CLASSES else ()
    names = tuple(model.feature_names_)
    if model.get_cat_feature_indices():
        raise Refused(
            f"{path} takes categories by statistics of CatBoost's own, which cannot be written",
            hint="encode the categories before training, or export numbers only",
        )
    return Foreign(
        kind="CatBoost",
        inputs=len(names),
        classes=max(2, len(labels)) if loss in _CLASSES else 0,
        is_classification=loss in _CLASSES,
        names=() if generic(names, "") else names,
        labels=labels,
        scores=partial(_scores, model, _asked(loss)),
        reads=lambda builder, value: read_catboost(builder, model, value),
        estimator=model,
    )


def _asked(loss: str) -> str:
    """Return what the estimator of such a loss answers."""
    if loss in _CLASSES:
        return "Probability"
    return "Exponent" if loss in _EXPONENTIAL else "RawFormulaVal"


def _scores(model: Any, asked: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    answers = model.predict(rows, prediction_type=asked, thread_count=1)
    return np.asarray(answers, dtype=np.float64).reshape(len(rows), -1)
