"""A scorer for the graphs that `package.writing.formats.onnx_graph` writes for trees and linear models.

Trees are summed by compiled code, the little around them by NumPy. Anything else has none: then ONNX Runtime
scores. Arithmetic and its order are those of the graph, in float64, and what it rounds to float32 is rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, ServerFailed
from kervan.package.quick.kernel import LEAF, MOST_COLUMNS, NODE, Ensemble, library
from kervan.package.quick.proto import Graph, Node, read_graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

    Array = NDArray[Any]
    Step = Callable[..., Array]

_TO = {1: np.float32, 7: np.int64, 9: np.bool_, 11: np.float64}
ASK = "ask whoever made the package for one that answers its own sample rows"
_EQUAL, _LEAF = 1, 2
_KINDS = {b"BRANCH_LEQ": 0, b"BRANCH_EQ": _EQUAL, b"LEAF": _LEAF}


class QuickScorer:
    """Answers like the graph that it was made from."""

    def __init__(self, graph: Graph) -> None:
        self._constants = dict(graph.constants)
        self._input = graph.inputs[0]
        self._output = graph.outputs[0]
        self._steps = [(_step(node), node.inputs, node.outputs[0]) for node in graph.nodes]
        known = {*self._constants, self._input}
        for _, inputs, output in self._steps:
            if not known.issuperset(inputs):
                raise ValueError("a node asks for what no other gives")
            known.add(output)
        if self._output not in known:
            raise ValueError("no node gives the answer")

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs), or raise `ServerFailed` with the reason."""
        known: dict[str, Array] = {**self._constants, self._input: matrix}
        try:
            with np.errstate(all="ignore"):
                for step, inputs, output in self._steps:
                    known[output] = step(*[known[name] for name in inputs])
            return known[self._output].astype(np.float64)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ServerFailed(f"the graph fails when it runs: {error}", hint=ASK) from error


def quick_scorer(file: Path) -> QuickScorer | None:
    """Return a scorer for a graph, or None for one of a kind that is not known here.

    A graph of trees needs the compiled code. Raises `Corrupted` for a file that is no graph.
    """
    graph = read_graph(file.read_bytes())
    if any(node.kind == _TREES for node in graph.nodes) and library() is None:
        return None
    try:
        return QuickScorer(graph)
    except _UnknownStep:
        return None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise Corrupted(f"{file} is no usable graph: {error}", hint="fetch the package again") from error


class _UnknownStep(Exception):
    """A graph has something that is not known here."""


_TREES = "TreeEnsembleRegressor"


def _step(node: Node) -> Step:
    """Return a function that does what a node does."""
    if node.kind == _TREES:
        ensemble = _ensemble(node)
        # As ONNX Runtime gives it, whatever it adds up in.
        return lambda matrix: ensemble.sums(matrix).astype(np.float32)
    if node.kind == "Cast":
        kind = _TO.get(node.attributes["to"])
        if kind is None:
            raise _UnknownStep
        return lambda values: values.astype(kind, copy=False)
    if node.kind == "Gather" and node.attributes.get("axis") == 1:
        return lambda values, places: values[:, places]
    if node.kind == "Concat" and node.attributes.get("axis") == 1:
        return lambda *parts: np.concatenate(parts, axis=1)
    if node.kind == "ReduceSum" and node.attributes.get("keepdims") == 1:
        return lambda values, axes: values.sum(axis=tuple(axes.tolist()), keepdims=True)
    step = _PLAIN.get(node.kind)
    if step is None or node.attributes.keys() - {"axis"} or node.attributes.get("axis", -1) not in {-1, 1}:
        raise _UnknownStep
    return step


def _sigmoid(values: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-values))
    return found


def _softmax(values: Array) -> Array:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    found: Array = powers / powers.sum(axis=1, keepdims=True)
    return found


_PLAIN: dict[str, Step] = {
    "Abs": np.abs,
    "Add": np.add,
    "Div": np.divide,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Equal": np.equal,
    "IsNaN": np.isnan,
    "Log": np.log,
    "MatMul": np.matmul,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Sigmoid": _sigmoid,
    "Softmax": _softmax,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "Where": np.where,
}


def _ensemble(node: Node) -> Ensemble:
    """Lay the trees of a node out for the kernel: level by level, the two children of a node side by side."""
    told = node.attributes
    if told.get("aggregate_function", b"SUM") != b"SUM" or told.get("post_transform", b"NONE") != b"NONE":
        raise _UnknownStep
    if (
        not {*told["nodes_modes"]} <= _KINDS.keys()
        or max(told["nodes_featureids"], default=0) >= MOST_COLUMNS
    ):
        raise _UnknownStep
    trees = told["nodes_treeids"]
    keys = list(zip(trees, told["nodes_nodeids"], strict=True))
    place_of = {key: place for place, key in enumerate(keys)}
    kinds = [_KINDS[mode] for mode in told["nodes_modes"]]
    yes, no = told["nodes_truenodeids"], told["nodes_falsenodeids"]
    order = [place for place, tree in enumerate(trees) if place == 0 or trees[place - 1] != tree]  # roots
    roots = np.arange(len(order), dtype=np.int32)
    child = []
    for new, old in enumerate(order):  # grows while it is walked
        if kinds[old] == _LEAF:
            child.append(new)
            continue
        child.append(len(order))
        order += (place_of[trees[old], yes[old]], place_of[trees[old], no[old]])
        if len(order) > len(keys):
            raise ValueError("a node has two parents")
    nodes = np.zeros(len(order), dtype=NODE)
    is_leaf = np.array(kinds)[order] == _LEAF
    nodes["yes"] = child
    nodes["threshold"] = np.where(is_leaf, np.inf, _values(told, "nodes_values")[order])
    nodes["feature"] = np.where(is_leaf, 0, np.array(told["nodes_featureids"])[order])
    nodes["is_equal"] = np.array(kinds)[order] == _EQUAL
    missing = np.array(told.get("nodes_missing_value_tracks_true") or [0] * len(keys))[order]
    nodes["missing_yes"] = np.where(is_leaf, 1, missing)
    leaves, targets, weights = _leaves(told, place_of, order)
    base = _values(told, "base_values")
    if not 0 < told["n_targets"] <= MOST_COLUMNS:
        raise ValueError(f"{told['n_targets']} outputs are none")
    return Ensemble(
        nodes=nodes,
        leaves=leaves,
        roots=roots,
        targets=targets,
        weights=weights,
        base=base if len(base) else np.zeros(told["n_targets"]),
    )


def _leaves(
    told: dict[str, Any], place_of: dict[tuple[int, int], int], order: list[int]
) -> tuple[Array, NDArray[np.int32], NDArray[np.float64]]:
    """Return for each node where its pairs of target and weight are, and these."""
    new_of = {old: new for new, old in enumerate(order)}
    of = [new_of[place_of[key]] for key in zip(told["target_treeids"], told["target_nodeids"], strict=True)]
    sequence = np.argsort(of, kind="stable")
    leaf, counts = np.unique(np.array(of)[sequence], return_counts=True)
    leaves = np.zeros(len(order), dtype=LEAF)
    leaves["first"][leaf] = np.concatenate(([0], np.cumsum(counts)[:-1]))
    leaves["count"][leaf] = counts
    targets = np.array(told["target_ids"], dtype=np.int32)[sequence]
    return leaves, targets, _values(told, "target_weights")[sequence]


def _values(told: dict[str, Any], name: str) -> NDArray[np.float64]:
    """Return numbers that were written in 64 bits, or in 32."""
    found = told.get(f"{name}_as_tensor")
    return np.array(told.get(name, []) if found is None else found, dtype=np.float64).reshape(-1)
