"""Each layer of the neutral form in tensor operations, the same for every framework."""

from __future__ import annotations

from functools import partial, reduce, singledispatch
from typing import TYPE_CHECKING, TypeVar

import numpy as np

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
from kervan.package.writing.tensor.trees import walk

if TYPE_CHECKING:
    from kervan.package.writing.neutral.form import Form
    from kervan.package.writing.tensor.ops import Ops

T = TypeVar("T")


def give(form: Form, ops: Ops[T], rows: T) -> T:
    """Return the answers of a form for encoded rows of numbers, shape (rows, inputs)."""
    values = [rows]
    for place, layer in enumerate(form.layers):
        ops.layer(place)
        values.append(write(layer, ops, *(values[source] for source in layer.sources)))
    return values[-1]


@singledispatch
def write(layer: Layer, ops: Ops[T], *sources: T) -> T:
    """Return what a layer gives for its sources, each of shape (rows, width)."""
    raise NotImplementedError(type(layer).__name__)


@write.register(Take)
def _(layer: Take, ops: Ops[T], *sources: T) -> T:
    joined = sources[0] if len(sources) == 1 else ops.joined(sources)
    return ops.columns(joined, layer.places)


@write.register(Arithmetic)
def _(layer: Arithmetic, ops: Ops[T], source: T) -> T:
    return ops.arithmetic(layer.operation, source, ops.numbers("constant", layer.constant))


@write.register(Combine)
def _(layer: Combine, ops: Ops[T], left: T, right: T) -> T:
    return ops.arithmetic(layer.operation, left, right)


@write.register(Power)
def _(layer: Power, ops: Ops[T], source: T) -> T:
    return ops.power(source, layer.exponent)


@write.register(Map)
def _(layer: Map, ops: Ops[T], source: T) -> T:
    if layer.function is Unary.POSITIVE:
        return ops.number(ops.below(ops.numbers("zero", np.zeros(1)), source))
    if layer.function is Unary.MISSING:
        return ops.number(ops.missing(source))
    return ops.unary(layer.function, source)


@write.register(Impute)
def _(layer: Impute, ops: Ops[T], source: T) -> T:
    return ops.where(ops.missing(source), ops.numbers("fill", layer.fill), source)


@write.register(Replace)
def _(_: Replace, ops: Ops[T], test: T, source: T, *instead: T) -> T:
    other = instead[0] if instead else ops.numbers("nothing", np.full(ops.width(source), np.nan))
    return ops.where(ops.equal(test, ops.numbers("one", np.ones(1))), other, source)


@write.register(Equal)
def _(layer: Equal, ops: Ops[T], source: T) -> T:
    return ops.number(ops.equal(ops.columns(source, layer.places), ops.numbers("values", layer.values)))


@write.register(AtLeast)
def _(layer: AtLeast, ops: Ops[T], source: T) -> T:
    values = layer.values if ops.exact else -rounded_down(-layer.values)
    return ops.number(ops.at_most(ops.numbers("values", values), ops.columns(source, layer.places)))


@write.register(Linear)
def _(layer: Linear, ops: Ops[T], source: T) -> T:
    return ops.affine("weights", source, layer.weights, layer.bias)


@write.register(Trees)
def _(layer: Trees, ops: Ops[T], source: T) -> T:
    nodes = walk(layer, ops, source)
    is_leaf = layer.place < 0
    reached = np.where(is_leaf[:, None], layer.leaves[np.where(is_leaf, layer.left, 0)], 0.0)
    leaves = [
        ops.looked_up(ops.numbers(f"leaves{column}", column_of), nodes)
        for column, column_of in enumerate(reached.T)
    ]
    base = ops.numbers("base", layer.base)
    if layer.target is None:
        totals = [ops.total(column) for column in leaves]
        return ops.arithmetic(Operation.ADD, totals[0] if len(totals) == 1 else ops.joined(totals), base)
    adds_to = (np.arange(len(layer.base))[:, None] == layer.target).astype(np.float64)
    return ops.affine("adds_to", leaves[0], adds_to, layer.base)


@write.register(Softmax)
def _(_: Softmax, ops: Ops[T], source: T) -> T:
    behind = ops.arithmetic(Operation.SUBTRACT, source, ops.largest(source))
    grown = ops.unary(Unary.EXP, behind)
    return ops.arithmetic(Operation.DIVIDE, grown, ops.total(grown))


@write.register(Normalise)
def _(_: Normalise, ops: Ops[T], source: T) -> T:
    total = ops.total(source)
    is_empty = ops.equal(total, ops.numbers("zero", np.zeros(1)))
    even = ops.numbers("even", np.full(ops.width(source), 1 / ops.width(source)))
    return ops.where(is_empty, even, ops.arithmetic(Operation.DIVIDE, source, total))


@write.register(Choose)
def _(_: Choose, ops: Ops[T], source: T) -> T:
    return ops.number(ops.equal(ops.best(source), ops.places("columns", np.arange(ops.width(source)))))


@write.register(Distances)
def _(layer: Distances, ops: Ops[T], source: T) -> T:
    squares = []
    for place, column in enumerate(layer.rows.T):
        behind = ops.arithmetic(
            Operation.SUBTRACT, ops.columns(source, np.array([place])), ops.numbers(f"column{place}", column)
        )
        squares.append(ops.arithmetic(Operation.MULTIPLY, behind, behind))
    return reduce(partial(ops.arithmetic, Operation.ADD), squares)


@write.register(Nearest)
def _(layer: Nearest, ops: Ops[T], distances: T, *own: T) -> T:
    count = ops.numbers("count", np.array([float(layer.count)]))
    known = ops.where(ops.missing(distances), ops.numbers("infinite", np.array([np.inf])), distances)
    values, _ = ops.smallest(known, layer.count)
    farthest = ops.columns(values, np.array([layer.count - 1]))
    if layer.ties < 0:
        nearest = _first_of_equals(ops, known, farthest, count)
        return ops.arithmetic(Operation.DIVIDE, ops.affine("answers", nearest, layer.answers.T), count)
    reach = ops.arithmetic(Operation.ADD, farthest, own[0])
    slack = ops.arithmetic(Operation.MULTIPLY, reach, ops.numbers("ties", np.array([layer.ties])))
    near = ops.number(ops.at_most(distances, ops.arithmetic(Operation.ADD, farthest, slack)))
    return ops.arithmetic(Operation.DIVIDE, ops.affine("answers", near, layer.answers.T), ops.total(near))


def _first_of_equals(ops: Ops[T], distances: T, farthest: T, count: T) -> T:
    """Return 1 for what is nearer than the farthest that counts, and for the first of those as far as it."""
    nearer = ops.number(ops.below(distances, farthest))
    equal = ops.equal(distances, farthest)
    place = ops.arithmetic(Operation.ADD, ops.summed_up(ops.number(equal)), ops.total(nearer))
    chosen = ops.number(ops.both(equal, ops.at_most(place, count)))
    return ops.arithmetic(Operation.ADD, nearer, chosen)


@write.register(Interpolate)
def _(layer: Interpolate, ops: Ops[T], source: T) -> T:
    """Start at the first y and climb each segment as far as x has come."""
    lengths = np.diff(layer.xs)
    come = ops.arithmetic(Operation.SUBTRACT, source, ops.numbers("starts", layer.xs[:-1]))
    forward = ops.arithmetic(Operation.MAXIMUM, come, ops.numbers("zero", np.zeros(1)))
    within = ops.arithmetic(Operation.MINIMUM, forward, ops.numbers("lengths", lengths))
    return ops.affine("slopes", within, (np.diff(layer.ys) / lengths)[None, :], layer.ys[:1])


@write.register(WeightedMedian)
def _(layer: WeightedMedian, ops: Ops[T], source: T) -> T:
    last = len(layer.weights) - 1
    values, places = ops.smallest(source, len(layer.weights))
    held_weight = ops.summed_up(ops.looked_up(ops.numbers("weights", layer.weights), places))
    half = ops.arithmetic(
        Operation.MULTIPLY, ops.columns(held_weight, np.array([last])), ops.numbers("half", np.array([0.5]))
    )
    return ops.picked(values, ops.best(ops.number(ops.at_most(half, held_weight))))
