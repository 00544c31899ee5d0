"""XGBoost, by the JSON of its booster. Its own arithmetic is float32."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads
from kervan.package.writing.neutral.readers.trees import Tree, grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

_SLACK = 2e-6  # sums of float32 over a few hundred trees
_IDENTITY = {"reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"}
_EXPONENTIAL = {"count:poisson", "reg:gamma", "reg:tweedie"}
_LOGISTIC = {"binary:logistic", "reg:logistic"}


@reads(Ask.PROBABILITIES, "xgboost.XGBClassifier")
@reads(Ask.VALUE, "xgboost.XGBRegressor", "xgboost.XGBRanker")
def read_xgboost(builder: Builder, model: Any, value: int) -> int:
    """Read the booster of an estimator, up to its best round if it stopped early."""
    if not np.isnan(model.missing):
        raise Refused(f"the model reads {model.missing} as missing", hint="mark what is missing by NaN")
    booster = model.get_booster()
    best = getattr(model, "best_iteration", None) if model.early_stopping_rounds else None
    return read_booster(builder, booster if best is None else booster[: best + 1], value)


@reads(Ask.PROBABILITIES, "xgboost.Booster")
@reads(Ask.VALUE, "xgboost.Booster")
def read_booster(builder: Builder, booster: Any, value: int) -> int:
    """Read the sum of the trees and the objective's inverse link."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise Refused(
            f"the booster {learner['gradient_booster']['name']!r} cannot be written", hint="use `gbtree`"
        )
    builder.slack = max(builder.slack, _SLACK)
    found = learner["gradient_booster"]["model"]
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    objective = learner["objective"]["name"]
    base = _margin(learner["learner_model_param"]["base_score"], objective, outputs)
    rounded = builder.map(value, Unary.ROUND32)
    trees = [_tree(tree, builder.codes) for tree in found["trees"]]
    return _linked(builder, builder.add(grow(rounded, trees, base, found["tree_info"])), objective)


def _linked(builder: Builder, raw: int, objective: str) -> int:
    if objective in _LOGISTIC:
        probability = builder.map(raw, Unary.LOGISTIC)
        return builder.both(probability) if objective == "binary:logistic" else probability
    if objective in {"multi:softprob", "multi:softmax"}:
        return builder.softmax(raw)
    if objective in _EXPONENTIAL:
        return builder.map(raw, Unary.EXP)
    if objective in _IDENTITY or objective.startswith("rank:"):
        return raw
    raise Refused(f"the neutral form does not know the objective {objective!r}", hint="use another objective")


def _margin(text: str, objective: str, outputs: int) -> Floats:
    """Return the base score in the space of the trees' sum."""
    scores = np.array([float(part) for part in text.strip("[]").split(",")])
    if objective in _LOGISTIC:
        scores = np.log(scores / (1 - scores))
    elif objective in _EXPONENTIAL:
        scores = np.log(scores)
    return np.broadcast_to(scores, (outputs,)).astype(np.float64)


def _tree(tree: dict[str, Any], codes: int) -> Tree:
    left = np.array(tree["left_children"], dtype=np.int64)
    is_leaf = left < 0
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    members = np.full(len(left), -1)
    sets: list[NDArray[np.bool_]] = []
    segments = zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    )
    for node, start, size in segments:
        members[node] = len(sets)
        goes_right = tree["categories"][start : start + size]
        chosen = np.ones(max(codes, max(goes_right, default=-1) + 1), dtype=bool)
        chosen[goes_right] = False
        sets.append(chosen)
    # Left is where x < t; for float32 that is x <= the float32 before t.
    before = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    return Tree(
        place=np.where(is_leaf, -1, np.array(tree["split_indices"], dtype=np.int64)),
        threshold=np.where(is_leaf, 0.0, before),
        left=np.maximum(left, 0),
        right=np.maximum(np.array(tree["right_children"], dtype=np.int64), 0),
        missing_left=np.array(tree["default_left"], dtype=bool),
        leaves=conditions.astype(np.float64).reshape(-1, 1),
        members=members,
        sets=tuple(sets),
    )
