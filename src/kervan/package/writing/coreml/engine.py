"""Runs a specification as Apple's documents describe it: no device is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats

Features = dict[str, Any]  # lists of texts, or arrays of shape (rows, width)
_AGAIN = "package the model again"


def run(model: Any, features: Features) -> Floats:
    """Return the answer's (rows, classes) probabilities or (rows, 1) values for columns by their names."""
    kind = model.WhichOneof("Type")
    if kind not in {"pipelineClassifier", "pipelineRegressor"}:
        raise Corrupted(f"the specification is a {kind}, not a pipeline that answers", hint=_AGAIN)
    known = dict(features)
    answer = None
    for step in getattr(model, kind).pipeline.models:
        kind = step.WhichOneof("Type")
        if kind not in _STEPS:
            raise Corrupted(f"the interpreter knows no {kind}", hint=_AGAIN)
        given = [known[entry.name] for entry in step.description.input]
        answer = _STEPS[kind](getattr(step, kind), given)
        known[step.description.output[0].name] = answer
    if answer is None:
        raise Corrupted("the specification's pipeline is empty", hint=_AGAIN)
    return np.asarray(answer, dtype=np.float64)


def _map_categories(step: Any, given: list[Any]) -> Floats:
    codes = dict(step.stringToInt64Map.map)
    return np.array([[codes.get(text, step.int64Value)] for text in given[0]], dtype=np.float64)


def _spread(step: Any, given: list[Any]) -> Floats:
    if step.handleUnknown != 1:
        raise Corrupted("unknown categories would be refused", hint=_AGAIN)
    categories = list(step.stringCategories.vector)
    return np.array([[float(text == category) for category in categories] for text in given[0]])


def _join(step: Any, given: list[Any]) -> Floats:
    for entry, values in zip(step.inputList, given, strict=True):
        if entry.inputDimensions != values.shape[1]:
            raise Corrupted(f"{entry.inputColumn!r} is {values.shape[1]} wide", hint=_AGAIN)
    return np.hstack(given)


def _impute(step: Any, given: list[Any]) -> Floats:
    if not np.isnan(step.replaceDoubleValue):
        raise Corrupted("what is imputed is not the missing numbers", hint=_AGAIN)
    return np.where(np.isnan(given[0]), np.array(step.imputedDoubleArray.vector), given[0])


def _scale(step: Any, given: list[Any]) -> Floats:
    found: Floats = (given[0] + np.array(step.shiftValue)) * np.array(step.scaleValue)
    return found


def _weigh(step: Any, given: list[Any]) -> Floats:
    weights = np.array([list(row.value) for row in step.weights])
    found: Floats = given[0] @ weights.T + np.array(step.offset)
    return found


def _weigh_classes(step: Any, given: list[Any]) -> Floats:
    if step.classEncoding or step.postEvaluationTransform:
        raise Corrupted("the interpreter knows only logits against a reference class", hint=_AGAIN)
    return _softmax_with_zero(_weigh(step, given))


def _softmax(values: Floats) -> Floats:
    grown = np.exp(values - values.max(axis=1, keepdims=True))
    found: Floats = grown / grown.sum(axis=1, keepdims=True)
    return found


def _softmax_with_zero(values: Floats) -> Floats:
    return _softmax(np.hstack([np.zeros((len(values), 1)), values]))


_TRANSFORMS: dict[int, Callable[[Floats], Floats]] = {
    0: lambda values: values,
    1: _softmax,
    3: _softmax_with_zero,
}


def _grow(step: Any, given: list[Any]) -> Floats:
    ensemble = step.treeEnsemble
    trees: dict[int, dict[int, Any]] = {}
    for node in ensemble.nodes:
        trees.setdefault(node.treeId, {})[node.nodeId] = node
    total = np.tile(np.array(ensemble.basePredictionValue), (len(given[0]), 1))
    for nodes in trees.values():
        _descend(nodes, given[0], total)
    return _TRANSFORMS[step.postEvaluationTransform](total)


def _descend(nodes: dict[int, Any], rows: Floats, total: Floats) -> None:
    """Add what the leaves hold to the totals; every node passes on the rows that reach it."""
    waiting: list[tuple[int, NDArray[Any]]] = [(0, np.arange(len(rows)))]
    for _ in nodes:
        if not waiting:
            return
        at, here = waiting.pop()
        node = nodes[at]
        if node.nodeBehavior == 6:
            for each in node.evaluationInfo:
                total[here, each.evaluationIndex] += each.evaluationValue
            continue
        if node.nodeBehavior not in {0, 4}:
            raise Corrupted(f"the interpreter knows no node of the kind {node.nodeBehavior}", hint=_AGAIN)
        values = rows[here, node.branchFeatureIndex]
        holds = (
            values <= node.branchFeatureValue if node.nodeBehavior == 0 else values == node.branchFeatureValue
        )
        holds = np.where(np.isnan(values), node.missingValueTracksTrueChild, holds)
        waiting += [(node.trueChildNodeId, here[holds]), (node.falseChildNodeId, here[~holds])]
    if waiting:
        raise Corrupted("the nodes of a tree lead in circles", hint=_AGAIN)


_STEPS: dict[str, Callable[[Any, list[Any]], Floats]] = {
    "categoricalMapping": _map_categories,
    "oneHotEncoder": _spread,
    "featureVectorizer": _join,
    "imputer": _impute,
    "scaler": _scale,
    "glmRegressor": _weigh,
    "glmClassifier": _weigh_classes,
    "treeEnsembleRegressor": _grow,
    "treeEnsembleClassifier": _grow,
}
