"""LightGBM, by what `dump_model` tells of its trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads
from kervan.package.writing.neutral.readers.trees import Tree, grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder

_ZERO = float(np.float32(1e-35))
_IDENTITY = {"regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg"}
_EXPONENTIAL = {"poisson", "gamma", "tweedie"}


@reads(Ask.PROBABILITIES, "lightgbm.LGBMClassifier")
@reads(Ask.VALUE, "lightgbm.LGBMRegressor", "lightgbm.LGBMRanker")
def read_lightgbm(builder: Builder, model: Any, value: int) -> int:
    """Read the booster of an estimator."""
    return read_booster(builder, model.booster_, value)


@reads(Ask.PROBABILITIES, "lightgbm.Booster")
@reads(Ask.VALUE, "lightgbm.Booster")
def read_booster(builder: Builder, booster: Any, value: int) -> int:
    """Read the sum of the trees and the objective's inverse link."""
    dump = booster.dump_model(num_iteration=booster.best_iteration)
    outputs = int(dump["num_tree_per_iteration"])
    trees = [_tree(entry["tree_structure"], builder.codes) for entry in dump["tree_info"]]
    if not trees:
        raise Refused("the model has no tree", hint="train it for at least one round")
    raw = builder.add(grow(value, trees, np.zeros(outputs), np.arange(len(trees)) % outputs))
    if dump.get("average_output"):
        raw = builder.arithmetic(raw, Operation.DIVIDE, len(trees) / outputs)
    return _linked(builder, raw, dump.get("objective", "regression").split())


def _linked(builder: Builder, raw: int, objective: list[str]) -> int:
    name = objective[0]
    options = dict(part.split(":", 1) for part in objective[1:] if ":" in part)
    if name in {"binary", "multiclassova"}:
        slope = float(options.get("sigmoid", 1.0))
        scaled = raw if slope == 1.0 else builder.arithmetic(raw, Operation.MULTIPLY, slope)
        probability = builder.map(scaled, Unary.LOGISTIC)
        return builder.both(probability) if name == "binary" else probability
    if name == "multiclass":
        return builder.softmax(raw)
    if name in _EXPONENTIAL:
        return builder.map(raw, Unary.EXP)
    if name in _IDENTITY and "sqrt" not in objective:
        return raw
    raise Refused(f"the neutral form does not know the objective {' '.join(objective)!r}", hint="use another")


def _tree(root: dict[str, Any], codes: int) -> Tree:
    """Read nested nodes; a leaf is its own kind of node."""
    nodes: list[dict[str, Any]] = []
    children: list[list[int]] = []

    def add(node: dict[str, Any]) -> int:
        place = len(nodes)
        nodes.append(node)
        children.append([0, 0])
        if "left_child" in node:
            children[place] = [add(node["left_child"]), add(node["right_child"])]
        return place

    add(root)
    is_leaf = np.array(["left_child" not in node for node in nodes])
    members = np.full(len(nodes), -1)
    sets: list[NDArray[np.bool_]] = []
    thresholds, missing_left = np.zeros(len(nodes)), np.zeros(len(nodes), dtype=bool)
    for place, node in enumerate(nodes):
        if is_leaf[place]:
            if "leaf_coeff" in node:
                raise Refused(
                    "linear functions in leaves cannot be written", hint="train without `linear_tree`"
                )
        elif node["decision_type"] == "==":
            members[place] = len(sets)
            sets.append(_chosen(node["threshold"], codes))
        else:
            thresholds[place] = _threshold(float(node["threshold"]))
            missing_left[place] = _missing_left(node)
    return Tree(
        place=np.array([node.get("split_feature", -1) for node in nodes], dtype=np.int64),
        threshold=thresholds,
        left=np.array(children)[:, 0],
        right=np.array(children)[:, 1],
        missing_left=missing_left,
        leaves=np.array([[float(node.get("leaf_value", 0.0))] for node in nodes]),
        members=members,
        sets=tuple(sets),
    )


def _chosen(threshold: str, codes: int) -> NDArray[np.bool_]:
    named = [int(code) for code in str(threshold).split("||")]
    chosen = np.zeros(max(codes, max(named) + 1), dtype=bool)
    chosen[named] = True
    return chosen


def _threshold(threshold: float) -> float:
    """Return the threshold for numbers as they are: the library takes the smallest ones for 0."""
    if 0 <= threshold < _ZERO:
        return _ZERO
    return float(np.nextafter(-_ZERO, -np.inf)) if -_ZERO <= threshold < 0 else threshold


def _missing_left(node: dict[str, Any]) -> bool:
    kind = node["missing_type"]
    if kind == "Zero":
        raise Refused("zeros that count as missing cannot be written", hint="train without `zero_as_missing`")
    # Without missing values in training the library reads them as 0.
    return bool(node["default_left"]) if kind == "NaN" else float(node["threshold"]) >= 0
