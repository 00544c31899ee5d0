"""Boosters of XGBoost, from the JSON or UBJSON that they are saved as."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.package.foreign.foreign import Foreign, generic, label_text
from kervan.package.writing.neutral.readers.xgboost import read_booster

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ASCII = 128
_SOFTMAX = {"multi:softprob", "multi:softmax"}


def open_xgboost(path: Path) -> Foreign:
    """Read a booster.

    Raises `Corrupted` that names the file, `Refused` where training stopped early and nothing says whether
    the rounds after the best one count.
    """
    with extras_named():
        import xgboost

    try:
        content = bytearray(path.read_bytes())  # by whose beginning it goes, and by the name of a file
        booster = _trimmed(xgboost.Booster(params={"nthread": 1}, model_file=content), path)
        learner = json.loads(booster.save_raw("json"))["learner"]
    except (xgboost.core.XGBoostError, ValueError, KeyError) as error:
        raise Corrupted(f"{path} is no model of XGBoost: {error}", hint="save it again") from error
    objective = learner["objective"]["name"]
    is_classification = objective in _SOFTMAX or objective == "binary:logistic"
    names = tuple(booster.feature_names or ())
    return Foreign(
        kind="XGBoost",
        inputs=booster.num_features(),
        classes=max(2, int(learner["learner_model_param"]["num_class"])) if is_classification else 0,
        is_classification=is_classification,
        names=() if generic(names, "f") else names,
        categories=_categories(learner, booster.feature_types or []),
        scores=partial(_scores, booster, objective),
        reads=lambda builder, value: read_booster(builder, booster, value),
        estimator=booster,
    )


def _trimmed(booster: Any, path: Path) -> Any:
    """Leave out the rounds after the best one, as the estimator that saved the booster does."""
    best = booster.attr("best_iteration")
    if best is None or int(best) + 1 >= booster.num_boosted_rounds():
        return booster
    if booster.attr("scikit_learn") is None:
        raise Refused(
            f"{path}: training stopped early, and nothing says whether the rounds after the best one count",
            hint="save `booster[: booster.best_iteration + 1]`, or the whole without `best_iteration`",
        )
    return booster[: int(best) + 1]


def _scores(booster: Any, objective: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    import xgboost

    matrix = xgboost.DMatrix(
        rows, feature_names=booster.feature_names, feature_types=booster.feature_types, nthread=1
    )
    given = booster.predict(matrix, output_margin=objective == "multi:softmax")
    answers = np.asarray(given, dtype=np.float64).reshape(len(rows), -1)
    if objective == "multi:softmax":  # it would answer labels
        powers = np.exp(answers - answers.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return np.hstack([1 - answers, answers]) if objective == "binary:logistic" else answers


def _categories(learner: dict[str, Any], types: list[str]) -> dict[int, tuple[str, ...]]:
    """Return the columns of categories, with the texts that a table of pandas had for their codes."""
    told = learner["gradient_booster"].get("model", {}).get("cats", {}).get("enc", [])
    chosen = [place for place, kind in enumerate(types) if kind == "c"]
    return {place: _texts(told[place]) if place < len(told) else () for place in chosen}


def _texts(coded: dict[str, Any]) -> tuple[str, ...]:
    values = coded.get("values", [])
    if "offsets" not in coded:
        return tuple(map(label_text, values))
    if any(not 0 <= value < _ASCII for value in values):
        return ()  # XGBoost cuts letters beyond ASCII at wrong places
    content = bytes(values)
    return tuple(content[start:end].decode() for start, end in pairwise(coded["offsets"]))
