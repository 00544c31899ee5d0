"""Each layer of the neutral form as ONNX nodes: in float64, where nothing is lost, or in float32."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import (
    Arithmetic,
    AtLeast,
    Choose,
    Combine,
    Distances,
    Equal,
    Impute,
    Interpolate,
    Layer,
    Linear,
    Map,
    Nearest,
    Normalise,
    Operation,
    Power,
    Replace,
    Softmax,
    Take,
    Trees,
    Unary,
    WeightedMedian,
)
from kervan.package.writing.neutral.narrow import rounded_down

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_OPERATIONS = {
    Operation.ADD: "Add",
    Operation.SUBTRACT: "Sub",
    Operation.MULTIPLY: "Mul",
    Operation.DIVIDE: "Div",
    Operation.MINIMUM: "Min",
    Operation.MAXIMUM: "Max",
}
_FUNCTIONS = {
    Unary.EXP: "Exp",
    Unary.LOG: "Log",
    Unary.SQRT: "Sqrt",
    Unary.ABS: "Abs",
    Unary.TANH: "Tanh",
    Unary.LOGISTIC: "Sigmoid",
    Unary.FLOOR: "Floor",
}


class Graph:
    """Nodes and constants so far. Its numbers are float64 if it is `exact`, else float32."""

    def __init__(self, *, exact: bool = True) -> None:
        self.exact = exact
        self.kind = np.float64 if exact else np.float32
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node and return the name of its first output; the others are `name_1`, `name_2`, …"""
        from onnx import helper

        name = f"n{len(self.nodes)}"
        names = [name, *(f"{name}_{place}" for place in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return name

    def constant(self, values: ArrayLike, kind: Any = None) -> str:
        """Add a constant of a NumPy type, by default that of the graph's numbers."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=kind or self.kind), name))
        return name

    def number(self, name: str) -> str:
        """Convert to the graph's numbers."""
        from onnx import TensorProto

        return self.node("Cast", name, to=TensorProto.DOUBLE if self.exact else TensorProto.FLOAT)

    def single(self, name: str) -> str:
        """Convert to float32."""
        from onnx import TensorProto

        return self.node("Cast", name, to=TensorProto.FLOAT)

    def gather(self, name: str, places: ArrayLike) -> str:
        """Pick columns."""
        return self.node("Gather", name, self.constant(places, np.int64), axis=1)

    def total(self, name: str) -> str:
        """Add the columns up, as one column."""
        return self.node("ReduceSum", name, self.constant([1], np.int64), keepdims=1)


@singledispatch
def write(layer: Layer, graph: Graph, *sources: str) -> str:
    """Add a layer's nodes over the names of its sources, each [rows, width], and return its output's name."""
    raise NotImplementedError(type(layer).__name__)


@write.register(Take)
def _(layer: Take, graph: Graph, *sources: str) -> str:
    joined = sources[0] if len(sources) == 1 else graph.node("Concat", *sources, axis=1)
    return graph.gather(joined, layer.places)


@write.register(Arithmetic)
def _(layer: Arithmetic, graph: Graph, source: str) -> str:
    return graph.node(_OPERATIONS[layer.operation], source, graph.constant(layer.constant))


@write.register(Combine)
def _(layer: Combine, graph: Graph, left: str, right: str) -> str:
    return graph.node(_OPERATIONS[layer.operation], left, right)


@write.register(Power)
def _(layer: Power, graph: Graph, source: str) -> str:
    return graph.node("Pow", source, graph.constant(layer.exponent))


@write.register(Map)
def _(layer: Map, graph: Graph, source: str) -> str:
    function = layer.function
    if function in _FUNCTIONS:
        return graph.node(_FUNCTIONS[function], source)
    if function is Unary.ROUND32:
        return graph.number(graph.single(source))
    if function is Unary.POSITIVE:
        return graph.number(graph.node("Greater", source, graph.constant(0.0)))
    if function is Unary.MISSING:
        return graph.number(graph.node("IsNaN", source))
    if function is Unary.LOG1P:
        return graph.node("Log", graph.node("Add", source, graph.constant(1.0)))
    if function is Unary.EXPM1:
        return graph.node("Sub", graph.node("Exp", source), graph.constant(1.0))
    raise Refused(
        f"ONNX Runtime has no exact {function}", hint="choose another family, or the format `native`"
    )


@write.register(Impute)
def _(layer: Impute, graph: Graph, source: str) -> str:
    return graph.node("Where", graph.node("IsNaN", source), graph.constant(layer.fill), source)


@write.register(Replace)
def _(_: Replace, graph: Graph, test: str, source: str, *instead: str) -> str:
    other = instead[0] if instead else graph.constant(np.nan)
    return graph.node("Where", graph.node("Equal", test, graph.constant(1.0)), other, source)


@write.register(Equal)
def _(layer: Equal, graph: Graph, source: str) -> str:
    picked = graph.gather(source, layer.places)
    return graph.number(graph.node("Equal", picked, graph.constant(layer.values)))


@write.register(AtLeast)
def _(layer: AtLeast, graph: Graph, source: str) -> str:
    picked = graph.gather(source, layer.places)
    return graph.number(graph.node("GreaterOrEqual", picked, graph.constant(layer.values)))


@write.register(Linear)
def _(layer: Linear, graph: Graph, source: str) -> str:
    product = graph.node("MatMul", source, graph.constant(layer.weights.T))
    return graph.node("Add", product, graph.constant(layer.bias)) if layer.bias.any() else product


@write.register(Trees)
def _(layer: Trees, graph: Graph, source: str) -> str:
    width = int(layer.place.max(initial=0)) + 1
    place, threshold, source = _choices_as_columns(layer, graph, source, width)
    ensemble = _ensemble(layer, place, threshold, graph)
    return graph.number(graph.node("TreeEnsembleRegressor", source, domain="ai.onnx.ml", **ensemble))


@write.register(Softmax)
def _(_: Softmax, graph: Graph, source: str) -> str:
    return graph.node("Softmax", source, axis=1)


@write.register(Normalise)
def _(_: Normalise, graph: Graph, source: str) -> str:
    total = graph.total(source)
    empty = graph.node("Equal", total, graph.constant(0.0))
    shares = graph.node("Div", source, total)
    ones = graph.node("Equal", source, source)  # all that meets an empty row: as many as it has columns
    even = graph.node("Div", graph.number(ones), graph.total(graph.number(ones)))
    return graph.node("Where", empty, even, shares)


@write.register(Choose)
def _(_: Choose, graph: Graph, source: str) -> str:
    best = graph.node("ArgMax", source, axis=1, keepdims=1)
    width = graph.node("Gather", graph.node("Shape", source), graph.constant(1, np.int64))
    places = graph.node("Range", graph.constant(0, np.int64), width, graph.constant(1, np.int64))
    return graph.number(graph.node("Equal", best, places))


@write.register(Distances)
def _(layer: Distances, graph: Graph, source: str) -> str:
    own = graph.total(graph.node("Mul", source, source))
    products = graph.node("MatMul", source, graph.constant(-2.0 * layer.rows.T))
    squares = graph.node("Add", products, graph.constant((layer.rows**2).sum(axis=1)))
    return graph.node("Max", graph.node("Add", squares, own), graph.constant(0.0))


@write.register(Nearest)
def _(layer: Nearest, graph: Graph, distances: str, *own: str) -> str:
    count = graph.constant([layer.count], np.int64)
    nearest = graph.node("TopK", distances, count, outputs=2, axis=1, largest=0, sorted=1)
    if layer.ties < 0:
        answers = graph.node("Gather", graph.constant(layer.answers), f"{nearest}_1", axis=0)
        total = graph.node("ReduceSum", answers, graph.constant([1], np.int64), keepdims=0)
        return graph.node("Div", total, graph.constant(float(layer.count)))
    farthest = graph.gather(nearest, [layer.count - 1])
    slack = graph.node("Mul", graph.node("Add", farthest, own[0]), graph.constant(layer.ties))
    near = graph.number(graph.node("LessOrEqual", distances, graph.node("Add", farthest, slack)))
    return graph.node("Div", graph.node("MatMul", near, graph.constant(layer.answers)), graph.total(near))


@write.register(Interpolate)
def _(layer: Interpolate, graph: Graph, source: str) -> str:
    """Start at the first y and climb each segment as far as x has come."""
    lengths = np.diff(layer.xs)
    come = graph.node("Sub", source, graph.constant(layer.xs[:-1]))
    within = graph.node("Min", graph.node("Max", come, graph.constant(0.0)), graph.constant(lengths))
    slopes = (np.diff(layer.ys) / lengths).reshape(-1, 1)
    return graph.node(
        "Add", graph.node("MatMul", within, graph.constant(slopes)), graph.constant(layer.ys[:1])
    )


@write.register(WeightedMedian)
def _(layer: WeightedMedian, graph: Graph, source: str) -> str:
    size = graph.constant([len(layer.weights)], np.int64)
    rising = graph.node("TopK", source, size, outputs=2, axis=1, largest=0, sorted=1)
    weights = graph.node("Gather", graph.constant(layer.weights), f"{rising}_1", axis=0)
    held = graph.node("CumSum", weights, graph.constant(1, np.int64))
    last = graph.gather(held, [len(layer.weights) - 1])
    enough = graph.node("GreaterOrEqual", held, graph.node("Mul", last, graph.constant(0.5)))
    place = graph.node("ArgMax", graph.single(enough), axis=1, keepdims=1)
    return graph.node("GatherElements", rising, place, axis=1)


def _choices_as_columns(layer: Trees, graph: Graph, source: str, width: int) -> tuple[Any, Any, str]:
    """Put a column behind the inputs for every choice of categories, 0 where it goes left and 1 elsewhere."""
    nodes = np.flatnonzero(layer.members >= 0)
    place, threshold = layer.place.copy(), layer.threshold.copy()
    if not nodes.size:
        return place, threshold, source
    columns: dict[tuple[Any, ...], int] = {}
    for node in nodes:
        chosen = layer.sets[layer.members[node]]
        key = (int(layer.place[node]), chosen.tobytes(), bool(layer.missing_left[node]))
        place[node] = width + columns.setdefault(key, len(columns))
        threshold[node] = 0.5
    parts = []
    for element in sorted({key[0] for key in columns}):
        kept = [(at, key) for key, at in columns.items() if key[0] == element]
        sets = [np.frombuffer(key[1], dtype=bool) for _, key in kept]
        codes = max(len(chosen) for chosen in sets)
        right = np.ones((codes + 1, len(columns)))
        for (at, key), chosen in zip(kept, sets, strict=True):
            right[:, at] = not key[2]
            right[: len(chosen), at] = ~chosen
        right[:, [at for at in range(len(columns)) if at not in {place for place, _ in kept}]] = 0.0
        picked = graph.gather(source, np.full(codes, element))
        known = graph.number(graph.node("Equal", picked, graph.constant(np.arange(codes, dtype=np.float64))))
        other = graph.node("Sub", graph.constant(1.0), graph.total(known))
        parts.append(graph.node("MatMul", graph.node("Concat", known, other, axis=1), graph.constant(right)))
    sides = parts[0]
    for part in parts[1:]:
        sides = graph.node("Add", sides, part)
    inputs = graph.gather(source, np.arange(width))
    return place, threshold, graph.node("Concat", inputs, sides, axis=1)


def _ensemble(layer: Trees, place: Any, threshold: Any, graph: Graph) -> dict[str, Any]:
    """Return the attributes of the operator for ensembles of trees."""
    from onnx import numpy_helper

    ends = np.append(layer.roots[1:], len(place))
    tree = np.repeat(np.arange(len(layer.roots)), ends - layer.roots)
    local = np.arange(len(place)) - layer.roots[tree]
    is_leaf = layer.place < 0
    start = layer.roots[tree]
    leaves = np.flatnonzero(is_leaf)
    rows = layer.leaves[layer.left[leaves]]
    if layer.target is None:
        outputs = rows.shape[1]
        ids = np.tile(np.arange(outputs), len(leaves))
        weights, trees, nodes = (
            rows.ravel(),
            np.repeat(tree[leaves], outputs),
            np.repeat(local[leaves], outputs),
        )
    else:
        ids, weights = layer.target[tree[leaves]], rows[:, 0]
        trees, nodes = tree[leaves], local[leaves]
    held = threshold if graph.exact else rounded_down(threshold).astype(np.float32)
    return {
        "n_targets": len(layer.base),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values_as_tensor": numpy_helper.from_array(layer.base.astype(graph.kind), "base"),
        "nodes_treeids": tree.tolist(),
        "nodes_nodeids": local.tolist(),
        "nodes_featureids": np.where(is_leaf, 0, place).tolist(),
        "nodes_values_as_tensor": numpy_helper.from_array(held, "thresholds"),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(is_leaf, 0, layer.left - start).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, layer.right - start).tolist(),
        "nodes_missing_value_tracks_true": (layer.missing_left & (layer.members < 0)).astype(int).tolist(),
        "target_treeids": trees.tolist(),
        "target_nodeids": nodes.tolist(),
        "target_ids": ids.tolist(),
        "target_weights_as_tensor": numpy_helper.from_array(weights.astype(graph.kind), "weights"),
    }
