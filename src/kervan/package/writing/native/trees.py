"""Decision trees: made again from their nodes only if no path through them can leave the arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.native.arrays import records

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAF = -1
_MOST = 1 << 31


def take_tree(tree: Any) -> tuple[Any, ...]:
    """Take a `sklearn.tree._tree.Tree` apart: inputs, classes of each output, depth, nodes, values."""
    _, (inputs, classes, _), state = tree.__reduce__()
    return int(inputs), np.asarray(classes), int(state["max_depth"]), state["nodes"], state["values"]


def make_tree(inputs: int, classes: Any, depth: int, nodes: Any, values: Any) -> Any:
    """Make the tree again, or raise `Corrupted`."""
    with extras_named():
        from sklearn.tree._tree import Tree

    _expect(type(inputs) is int and 0 < inputs < _MOST and type(depth) is int and 0 <= depth < _MOST)
    _expect(isinstance(classes, np.ndarray) and classes.ndim == 1 and classes.dtype == np.int64)
    _expect(classes.size > 0 and classes.min() > 0 and classes.max() < _MOST)
    _expect(isinstance(nodes, np.ndarray) and nodes.dtype == records()["tree"] and nodes.ndim == 1)
    _expect(nodes.size > 0 and isinstance(values, np.ndarray) and values.dtype == np.float64)
    _expect(values.shape == (nodes.size, classes.size, int(classes.max())))
    _check_paths(nodes, nodes["left_child"], nodes["right_child"], nodes["left_child"] == _LEAF)
    inner = nodes["feature"][nodes["left_child"] != _LEAF]
    _expect(not inner.size or (inner.min() >= 0 and inner.max() < inputs))
    tree = Tree(inputs, classes, classes.size)
    tree.__setstate__(
        {
            "max_depth": depth,
            "node_count": nodes.size,
            "nodes": np.ascontiguousarray(nodes),
            "values": np.ascontiguousarray(values),
        }
    )
    return tree


def check_boosted(predictor: Any, categorical: NDArray[np.bool_]) -> None:
    """Check one tree of histogram boosting over inputs of which some are `categorical`, shape (inputs,)."""
    nodes, bits = predictor.nodes, predictor.raw_left_cat_bitsets
    _expect(isinstance(nodes, np.ndarray) and nodes.dtype == records()["boosting"] and nodes.ndim == 1)
    _expect(
        isinstance(bits, np.ndarray) and bits.dtype == np.uint32 and bits.ndim == 2 and bits.shape[1] == 8
    )
    _expect(
        nodes.size > 0 and bool((nodes["is_leaf"] <= 1).all()) and bool((nodes["is_categorical"] <= 1).all())
    )
    leaf = nodes["is_leaf"] == 1
    _check_paths(nodes, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), leaf)
    features = nodes["feature_idx"][~leaf]
    _expect(not features.size or (features.min() >= 0 and features.max() < categorical.size))
    chooses = ~leaf & (nodes["is_categorical"] == 1)
    _expect(bool(categorical[nodes["feature_idx"][chooses]].all()))
    _expect(bool((nodes["bitset_idx"][chooses] < len(bits)).all()))


def _check_paths(nodes: Any, left: NDArray[Any], right: NDArray[Any], leaf: NDArray[np.bool_]) -> None:
    """Every inner node leads to two later ones, so that every path ends."""
    places = np.arange(nodes.size)
    for child in (left, right):
        _expect(bool(((child > places) & (child < nodes.size))[~leaf].all()))


def _expect(holds: bool) -> None:
    if not holds:
        raise Corrupted("the model holds a broken tree", hint="fetch the package again")
