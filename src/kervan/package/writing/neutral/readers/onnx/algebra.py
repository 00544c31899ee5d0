"""Operators over several elements of a row: products with matrices, sums, shares, the largest."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import Nearest, Operation, Unary
from kervan.package.writing.neutral.readers.onnx.tensors import (
    LARGEST,
    Constant,
    Kind,
    Node,
    Rows,
    Smallest,
    check_plain,
    operator,
)
from kervan.package.writing.neutral.rounding import FEW_ULPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

_HALVED = {
    "ReduceMax": Operation.MAXIMUM,
    "ReduceMin": Operation.MINIMUM,
    "ReduceProd": Operation.MULTIPLY,
}


def product(node: Node, rows: Rows, weights: Floats, bias: Any = 0.0) -> Rows:
    """Return rows @ weights + bias over the last side, weights of shape (inputs, outputs)."""
    repeats = prod(rows.sides[:-1])
    inputs, outputs = weights.shape
    if rows.sides[-1] != inputs:
        raise node.refused(f"it multiplies {rows.sides[-1]} numbers by a matrix over {inputs}")
    if repeats * repeats * weights.size > LARGEST:
        raise node.refused("it multiplies a long sequence")
    matrix = weights.T if repeats == 1 else np.kron(np.eye(repeats), weights.T)
    offsets = np.broadcast_to(np.asarray(bias, dtype=np.float64), (repeats, outputs)).ravel()
    return node.make(
        [rows],
        lambda value: node.builder.linear(value, matrix, offsets),
        sides=(*rows.sides[:-1], outputs),
        steps=inputs,
    )


def matrix_of(node: Node, place: int) -> Floats:
    """Return a constant with two sides."""
    found = check_plain(node.constant(place), node).astype(np.float64)
    if found.ndim != 2:
        raise node.refused("it multiplies by what is no matrix")
    return found


@operator("MatMul")
def _(node: Node) -> Rows:
    told = node.given(1)
    if isinstance(told, np.ndarray) and told.ndim == 1:
        found = product(node, node.rows(), check_plain(told, node).astype(np.float64).reshape(-1, 1))
        return replace(found, sides=found.sides[:-1])
    return product(node, node.rows(), matrix_of(node, 1))


@operator("Gemm")
def _(node: Node) -> Rows:
    settings = node.settings
    rows, weights = node.rows(), matrix_of(node, 1)
    if settings.get("transA"):
        raise node.refused("it turns rows into columns")
    weights = weights.T if settings.get("transB") else weights
    offsets: Any = 0.0
    if node.given(2) is not None:
        offsets = node.flat(node.constant(2), (weights.shape[1],)) * settings.get("beta", 1.0)
    return product(node, rows, weights * settings.get("alpha", 1.0), offsets)


@operator("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")
@operator("ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")
def _(node: Node) -> Rows | Constant:
    near = node.given(0)
    if node.kind == "ReduceSum" and isinstance(near, Smallest):
        return _summed(node, near)
    if isinstance(near, np.ndarray):
        return _of_constant(node, near)
    axes, rows = node.numbers("axes", 1), node.rows()
    if not axes:
        if node.settings.get("noop_with_empty_axes"):
            return rows
        raise node.refused("it works across rows")
    gone = sorted({node.axis(axis, rows) for axis in axes})
    kept = [side for side in range(len(rows.sides)) if side not in gone]
    grid = np.arange(rows.width).reshape(rows.sides).transpose([*kept, *gone])
    sides = tuple(rows.sides[side] for side in kept)
    groups = grid.reshape(prod(sides), -1)
    if node.settings.get("keepdims", 1):
        sides = tuple(1 if at in gone else side for at, side in enumerate(rows.sides))
    return replace(_reduced(node, rows, groups), sides=sides)


def _reduced(node: Node, rows: Rows, groups: NDArray[np.int64]) -> Rows:
    builder, kind = node.builder, node.kind
    if kind in _HALVED:
        return node.make(
            [rows],
            lambda value: halved(builder, value, groups, _HALVED[kind]),
            sides=(len(groups),),
            exact=kind != "ReduceProd",
            steps=groups.shape[1],
        )
    if groups.size * len(groups) > LARGEST:
        raise node.refused("it adds up a wide tensor")
    weights = np.zeros((len(groups), rows.width))
    weights[np.arange(len(groups))[:, None], groups] = 1 / groups.shape[1] if kind == "ReduceMean" else 1.0
    offsets = np.zeros(len(groups))

    def build(value: int) -> int:
        if kind == "ReduceLogSumExp":
            return _logarithm(builder, value, groups, weights)
        if kind == "ReduceL1":
            value = builder.map(value, Unary.ABS)
        elif kind in {"ReduceL2", "ReduceSumSquare"}:
            value = builder.combine(value, Operation.MULTIPLY, value)
        total = builder.linear(value, weights, offsets)
        return builder.map(total, Unary.SQRT) if kind == "ReduceL2" else total

    return node.make([rows], build, sides=(len(groups),), steps=groups.shape[1] + FEW_ULPS)


def _logarithm(builder: Builder, value: int, groups: NDArray[np.int64], weights: Floats) -> int:
    """max + log(sum(exp(x - max))) of each group, which never overflows."""
    largest = halved(builder, value, groups, Operation.MAXIMUM)
    own = np.zeros(weights.shape[1], dtype=np.int64)
    own[groups] = np.arange(len(groups))[:, None]
    below = builder.combine(value, Operation.SUBTRACT, builder.take(largest, own))
    total = builder.linear(builder.map(below, Unary.EXP), weights, 0.0)
    return builder.combine(largest, Operation.ADD, builder.map(total, Unary.LOG))


def halved(builder: Builder, value: int, groups: NDArray[np.int64], operation: Operation) -> int:
    """Combine the elements of each group of places, halving the groups until one element is left."""
    found, width = builder.take(value, groups.T.ravel()), groups.shape[1]
    count = len(groups)
    while width > 1:
        half = width // 2
        first = builder.take(found, np.arange(half * count))
        second = builder.take(found, np.arange(half * count, 2 * half * count))
        combined = builder.combine(first, operation, second)
        rest = builder.take(found, np.arange(2 * half * count, width * count))
        found = builder.join([combined, rest]) if width % 2 else combined
        width -= half
    return found


def _of_constant(node: Node, constant: Constant) -> Constant:
    known: dict[str, Any] = {"ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceMax": np.max}
    known |= {"ReduceMin": np.min, "ReduceProd": np.prod}
    if node.kind not in known:
        raise node.refused("its input does not hang on the row")
    axes = node.numbers("axes", 1)
    keeps = bool(node.settings.get("keepdims", 1))
    found: Constant = known[node.kind](check_plain(constant, node), axis=axes, keepdims=keeps)
    return np.asarray(found, dtype=constant.dtype)


@operator("Softmax", "LogSoftmax")
def _(node: Node) -> Rows:
    rows = node.rows()
    axis = node.axis(node.settings.get("axis", -1 if node.version >= 13 else 1), rows)
    if rows.width != rows.sides[axis]:
        raise node.refused("it works on several parts of a row")
    builder = node.builder

    def build(value: int) -> int:
        found = builder.softmax(value)
        return builder.map(found, Unary.LOG) if node.kind == "LogSoftmax" else found

    return node.make([rows], build, steps=rows.width + FEW_ULPS)


@operator("BatchNormalization")
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    if node.settings.get("training_mode") or len(rows.sides) != 1:
        raise node.refused("it is set to train, or reads more than one side")
    scale, offset, mean, variance = (node.flat(node.constant(place), rows.sides) for place in range(1, 5))
    slope = scale / np.sqrt(variance + node.settings.get("epsilon", 1e-5))

    def build(value: int) -> int:
        value = builder.arithmetic(value, Operation.SUBTRACT, mean)
        value = builder.arithmetic(value, Operation.MULTIPLY, slope)
        return builder.arithmetic(value, Operation.ADD, offset)

    return node.make([rows], build, steps=4)


@operator("LayerNormalization")
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    if len(rows.sides) != 1 or node.axis(node.settings.get("axis", -1), rows) != 0:
        raise node.refused("it works on several parts of a row")
    width = rows.width
    scale = node.flat(node.constant(1), rows.sides)
    offset = None if node.given(2) is None else node.flat(node.constant(2), rows.sides)
    shares = np.full((1, width), 1 / width)

    def build(value: int) -> int:
        apart = builder.combine(value, Operation.SUBTRACT, builder.linear(value, shares, 0.0))
        squares = builder.combine(apart, Operation.MULTIPLY, apart)
        variance = builder.linear(squares, shares, node.settings.get("epsilon", 1e-5))
        found = builder.combine(apart, Operation.DIVIDE, builder.map(variance, Unary.SQRT))
        found = builder.arithmetic(found, Operation.MULTIPLY, scale)
        return found if offset is None else builder.arithmetic(found, Operation.ADD, offset)

    return node.make([rows], build, steps=2 * width + FEW_ULPS)


@operator("ArgMax", "ArgMin")
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    axis = node.axis(node.settings.get("axis", 0), rows)
    if node.settings.get("select_last_index") or rows.width != rows.sides[axis]:
        raise node.refused("it chooses the last of several, or in several parts of a row")

    def build(value: int) -> int:
        if node.kind == "ArgMin":
            value = builder.arithmetic(value, Operation.MULTIPLY, -1.0)
        return builder.linear(builder.choose(value), np.arange(rows.width), 0.0)

    sides = [side for place, side in enumerate(rows.sides) if place != axis]
    if node.settings.get("keepdims", 1):
        sides.insert(axis, 1)
    return node.make([rows.sharp], build, sides=tuple(sides), kind=Kind.WHOLE, exact=True)


@operator("TopK")
def _(node: Node) -> tuple[Rows | None, Smallest]:
    """Give the places of the smallest elements alone: what is picked by them is a mean of the nearest."""
    rows = node.rows()
    count = int(node.constant(1).item())
    if node.settings.get("largest", 1) or len(rows.sides) != 1 or not 1 <= count <= rows.width:
        raise node.refused("it sorts, and not for the nearest")
    return None, Smallest(source=rows, count=count)


def _summed(node: Node, near: Smallest) -> Rows:
    """Return the sum of the answers of the nearest."""
    answers, count = near.answers, near.count
    if answers is None or node.numbers("axes", 1) not in {(1,), (-2,)} or node.settings.get("keepdims", 1):
        raise node.refused("it adds up what was sorted")
    builder = node.builder

    def build(value: int) -> int:
        mean = builder.add(Nearest(sources=(value,), count=count, answers=answers))
        return builder.arithmetic(mean, Operation.MULTIPLY, float(count))

    return node.make([near.source.sharp], build, sides=(answers.shape[1],), steps=count)
