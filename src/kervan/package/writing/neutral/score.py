"""Scores rows by the neutral form, with NumPy alone: the definition of what every layer means."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import (
    Arithmetic,
    AtLeast,
    Choose,
    Combine,
    Distances,
    Equal,
    Form,
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.package.writing.neutral.form import Floats

    Moved = Callable[..., Floats]

_CHUNK = 1024  # rows scored at once: bounds the memory of distances and trees


class FormPredictor:
    """Answers for a form."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        return score(self._form, matrix)


def score(form: Form, matrix: NDArray[Any], moved: Moved | None = None) -> Floats:
    """Score an encoded matrix of shape (rows, inputs), as float32 or float64; (rows, outputs) comes back.

    `moved` is asked what to go on with instead of what a layer gives, from that and the layer's sources.
    """
    exact = np.asarray(matrix, dtype=np.float64)
    parts = [_score(form, exact[at : at + _CHUNK], moved) for at in range(0, max(len(exact), 1), _CHUNK)]
    return np.concatenate(parts)


def _score(form: Form, rows: Floats, moved: Moved | None) -> Floats:
    values = [rows]
    with np.errstate(all="ignore"):  # infinities and NaN are answers like others; the caller judges them
        for layer in form.layers:
            sources = [values[source] for source in layer.sources]
            given = give(layer, *sources)
            values.append(moved(layer, given, *sources) if moved else given)
    return values[-1]


@singledispatch
def give(layer: Layer, *sources: Floats) -> Floats:
    """Return what a layer gives for the values of its sources, each of shape (rows, width)."""
    raise NotImplementedError(type(layer).__name__)


_OPERATIONS: dict[Operation, Callable[[Floats, Floats], Floats]] = {
    Operation.ADD: np.add,
    Operation.SUBTRACT: np.subtract,
    Operation.MULTIPLY: np.multiply,
    Operation.DIVIDE: np.divide,
    Operation.MINIMUM: np.minimum,
    Operation.MAXIMUM: np.maximum,
}


def _erf(values: Floats) -> Floats:
    from math import erf

    found: Floats = np.vectorize(erf, otypes=[np.float64])(values)
    return found


def _logistic(values: Floats) -> Floats:
    """Never overflows: exp is only taken of what is not positive."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small))


_FUNCTIONS: dict[Unary, Callable[[Floats], Floats]] = {
    Unary.ROUND32: lambda values: values.astype(np.float32).astype(np.float64),
    Unary.EXP: np.exp,
    Unary.LOG: np.log,
    Unary.LOG1P: np.log1p,
    Unary.EXPM1: np.expm1,
    Unary.SQRT: np.sqrt,
    Unary.ABS: np.abs,
    Unary.TANH: np.tanh,
    Unary.LOGISTIC: _logistic,
    Unary.ERF: _erf,
    Unary.FLOOR: np.floor,
    Unary.POSITIVE: lambda values: (values > 0).astype(np.float64),
    Unary.MISSING: lambda values: np.isnan(values).astype(np.float64),
}


@give.register(Take)
def _(layer: Take, *sources: Floats) -> Floats:
    return np.concatenate(sources, axis=1)[:, layer.places]


@give.register(Arithmetic)
def _(layer: Arithmetic, values: Floats) -> Floats:
    return _OPERATIONS[layer.operation](values, layer.constant)


@give.register(Combine)
def _(layer: Combine, left: Floats, right: Floats) -> Floats:
    return _OPERATIONS[layer.operation](left, right)


@give.register(Power)
def _(layer: Power, values: Floats) -> Floats:
    return np.power(values, layer.exponent)


@give.register(Map)
def _(layer: Map, values: Floats) -> Floats:
    return _FUNCTIONS[layer.function](values)


@give.register(Impute)
def _(layer: Impute, values: Floats) -> Floats:
    return np.where(np.isnan(values), layer.fill, values)


@give.register(Replace)
def _(_: Replace, test: Floats, values: Floats, *instead: Floats) -> Floats:
    return np.where(test == 1, instead[0] if instead else np.nan, values)


@give.register(Equal)
def _(layer: Equal, values: Floats) -> Floats:
    found: Floats = (values[:, layer.places] == layer.values).astype(np.float64)
    return found


@give.register(AtLeast)
def _(layer: AtLeast, values: Floats) -> Floats:
    return (values[:, layer.places] >= layer.values).astype(np.float64)


@give.register(Linear)
def _(layer: Linear, values: Floats) -> Floats:
    return values @ layer.weights.T + layer.bias


@give.register(Trees)
def _(layer: Trees, values: Floats) -> Floats:
    total = np.tile(layer.base, (len(values), 1))
    for tree, root in enumerate(layer.roots):
        leaves = layer.leaves[_leaves(layer, int(root), values)]
        if layer.target is None:
            total += leaves
        else:
            total[:, layer.target[tree]] += leaves[:, 0]
    return total


@give.register(Softmax)
def _(_: Softmax, values: Floats) -> Floats:
    grown = np.exp(values - values.max(axis=1, keepdims=True))
    found: Floats = grown / grown.sum(axis=1, keepdims=True)
    return found


@give.register(Normalise)
def _(_: Normalise, values: Floats) -> Floats:
    total = values.sum(axis=1, keepdims=True)
    found: Floats = np.where(total == 0, 1 / values.shape[1], values / total)
    return found


@give.register(Choose)
def _(_: Choose, values: Floats) -> Floats:
    found: Floats = (values.argmax(axis=1)[:, None] == np.arange(values.shape[1])).astype(np.float64)
    return found


@give.register(Distances)
def _(layer: Distances, values: Floats) -> Floats:
    distances = np.zeros((len(values), len(layer.rows)))
    for place in range(values.shape[1]):
        distances += (values[:, place : place + 1] - layer.rows[:, place]) ** 2
    return distances


@give.register(Nearest)
def _(layer: Nearest, distances: Floats, *own: Floats) -> Floats:
    found: Floats
    if layer.ties < 0:
        order = np.argsort(distances, axis=1, kind="stable")[:, : layer.count]
        found = layer.answers[order].sum(axis=1) / layer.count
        return found
    farthest = np.partition(distances, layer.count - 1, axis=1)[:, layer.count - 1 : layer.count]
    near = distances <= farthest + (farthest + own[0]) * layer.ties
    found = (near @ layer.answers) / near.sum(axis=1, keepdims=True)
    return found


@give.register(Interpolate)
def _(layer: Interpolate, values: Floats) -> Floats:
    return np.interp(values, layer.xs, layer.ys)


@give.register(WeightedMedian)
def _(layer: WeightedMedian, values: Floats) -> Floats:
    order = np.argsort(values, axis=1, kind="stable")
    held = layer.weights[order].cumsum(axis=1)
    place = (held >= 0.5 * held[:, -1:]).argmax(axis=1)
    rows = np.arange(len(values))
    found: Floats = values[rows, order[rows, place]][:, None]
    return found


def _leaves(layer: Trees, root: int, values: Floats) -> NDArray[np.int64]:
    """Return for every row which leaf of one tree it reaches."""
    nodes = np.full(len(values), root)
    walking = np.flatnonzero(layer.place[nodes] >= 0)
    while walking.size:
        at = nodes[walking]
        element = values[walking, layer.place[at]]
        goes_left = np.where(np.isnan(element), layer.missing_left[at], element <= layer.threshold[at])
        choices = np.flatnonzero(layer.members[at] >= 0)
        if choices.size:
            goes_left[choices] = _are_chosen(layer, at[choices], element[choices])
        nodes[walking] = np.where(goes_left, layer.left[at], layer.right[at])
        walking = walking[layer.place[nodes[walking]] >= 0]
    found: NDArray[np.int64] = layer.left[nodes]
    return found


def _are_chosen(layer: Trees, nodes: NDArray[np.int64], codes: Floats) -> NDArray[np.bool_]:
    """Say for each node that is a choice whether the code beside it goes left."""
    goes_left = layer.missing_left[nodes].copy()
    for member in np.unique(layer.members[nodes]):
        chosen = layer.sets[member]
        known = (codes >= 0) & (codes < len(chosen)) & (codes == np.floor(codes))
        here = np.flatnonzero((layer.members[nodes] == member) & known)
        goes_left[here] = chosen[codes[here].astype(np.int64)]
    return goes_left
