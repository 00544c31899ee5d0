"""CatBoost without categorical features, by the JSON that it saves. It compares numbers as float32."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads
from kervan.package.writing.neutral.readers.trees import Tree, grow

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

_IDENTITY = {"RMSE", "MAE", "Quantile", "MAPE", "Huber", "LogCosh", "Lq", "Expectile"}
_EXPONENTIAL = {"Poisson", "Tweedie"}


@reads(Ask.PROBABILITIES, "catboost.CatBoost", "catboost.CatBoostClassifier")
@reads(Ask.VALUE, "catboost.CatBoost", "catboost.CatBoostRegressor")
def read_catboost(builder: Builder, model: Any, value: int) -> int:
    """Read the sum of symmetric trees and the loss's inverse link."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        found = json.loads(path.read_text(encoding="utf-8"))
    if "oblivious_trees" not in found:
        raise Refused(
            "trees that are not symmetric cannot be written", hint='use grow_policy="SymmetricTree"'
        )
    if found["features_info"].get("categorical_features"):
        raise Refused(
            "CatBoost's statistics of categories cannot be written",
            hint="encode the categories before, or choose the format `native`",
        )
    scale, bias = found["scale_and_bias"]
    if isinstance(bias, int | float):
        bias = [bias]
    features = found["features_info"]["float_features"]
    places = {entry["feature_index"]: entry["flat_feature_index"] for entry in features}
    missing_right = {
        entry["flat_feature_index"]: entry["nan_value_treatment"] == "AsTrue" for entry in features
    }
    rounded = builder.map(value, Unary.ROUND32)
    trees = [_tree(tree, places, missing_right, scale, len(bias)) for tree in found["oblivious_trees"]]
    raw = builder.add(grow(rounded, trees, bias))
    return _linked(builder, raw, found["model_info"]["params"]["loss_function"]["type"])


def _linked(builder: Builder, raw: int, loss: str) -> int:
    if loss in {"Logloss", "CrossEntropy"}:
        return builder.both(builder.map(raw, Unary.LOGISTIC))
    if loss == "MultiClass":
        return builder.softmax(raw)
    if loss == "MultiClassOneVsAll":
        return builder.map(raw, Unary.LOGISTIC)
    if loss in _EXPONENTIAL:
        return builder.map(raw, Unary.EXP)
    if loss in _IDENTITY:
        return raw
    raise Refused(f"the neutral form does not know the loss {loss!r}", hint="use another loss function")


def _tree(
    tree: dict[str, Any], places: dict[int, int], missing_right: dict[int, bool], scale: float, outputs: int
) -> Tree:
    """Write the questions of a symmetric tree level by level; bit i of a leaf's place answers the i-th."""
    splits = tree["splits"] or []
    depth = len(splits)
    inner, leaves = 2**depth - 1, 2**depth
    place, threshold = np.full(inner + leaves, -1), np.zeros(inner + leaves)
    goes_left = np.zeros(inner + leaves, dtype=bool)
    values: Floats = np.zeros((inner + leaves, outputs))
    given = scale * np.asarray(tree["leaf_values"], dtype=np.float64).reshape(leaves, outputs)
    for node in range(inner):
        split = splits[int(np.log2(node + 1))]
        if split["split_type"] != "FloatFeature":
            raise Refused(
                f"a split by {split['split_type']} cannot be written", hint="encode the column before"
            )
        place[node] = places[split["float_feature_index"]]
        threshold[node] = split["border"]
        goes_left[node] = not missing_right[int(place[node])]
    for leaf in range(leaves):
        answers = [(leaf >> (depth - 1 - level)) & 1 for level in range(depth)]
        values[inner + leaf] = given[sum(answer << level for level, answer in enumerate(answers))]
    nodes = np.arange(inner + leaves)
    return Tree(
        place=place,
        threshold=threshold,
        left=np.where(nodes < inner, 2 * nodes + 1, 0),
        right=np.where(nodes < inner, 2 * nodes + 2, 0),
        missing_left=goes_left,
        leaves=values,
    )
