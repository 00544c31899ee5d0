"""The operators of `ai.onnx.ml` but for trees: scalers, encoders, linear models, support vectors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import Distances, Equal, Impute, Operation, Power, Unary
from kervan.package.writing.neutral.readers.onnx.algebra import halved, product
from kervan.package.writing.neutral.readers.onnx.logic import cast, indicators, lookup
from kervan.package.writing.neutral.readers.onnx.tensors import Kind, Node, Rows, Texts, operator
from kervan.package.writing.neutral.rounding import FEW_ULPS

if TYPE_CHECKING:
    from collections.abc import Callable

_POSTS = {"LOGISTIC", "SOFTMAX", "NONE"}


@operator("Scaler", ml=True)
def _(node: Node) -> Rows:
    """(x - offset) * scale."""
    rows, builder = _single(node), node.builder
    offset = _per_column(node, "offset", rows, 0.0)
    scale = _per_column(node, "scale", rows, 1.0)
    moved = node.make([rows], lambda value: builder.arithmetic(value, Operation.SUBTRACT, offset))
    return node.make([moved], lambda value: builder.arithmetic(value, Operation.MULTIPLY, scale))


def _single(node: Node) -> Rows:
    """Return the input as float32, as these operators compute."""
    found = cast(node, node.rows(), Kind.FLOAT)
    if not isinstance(found, Rows):
        raise node.refused("its input does not hang on the row")
    return replace(found, value=found.stepped) if node.rows().kind is Kind.DOUBLE else found


def _per_column(node: Node, name: str, rows: Rows, default: float) -> Any:
    told = np.ravel(node.settings.get(name, default)).astype(np.float64)
    return np.broadcast_to(told if len(told) else default, (rows.width,))


@operator("Imputer", ml=True)
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    names = ("imputed_value_int64s", "replaced_value_int64")
    if rows.kind in {Kind.FLOAT, Kind.DOUBLE}:
        names = ("imputed_value_floats", "replaced_value_float")
    fill = _per_column(node, names[0], rows, 0.0)
    replaced = float(node.settings.get(names[1], 0.0))
    if np.isnan(replaced):
        return node.make([rows], lambda value: builder.add(Impute(sources=(value,), fill=fill)), exact=True)
    if not np.isfinite([replaced, *fill]).all():
        raise node.refused("it replaces what is infinite")
    places, values = np.arange(rows.width), np.full(rows.width, replaced)

    def build(value: int) -> int:
        is_it = builder.add(Equal(sources=(value,), places=places, values=values))
        return builder.combine(
            value, Operation.ADD, builder.arithmetic(is_it, Operation.MULTIPLY, fill - replaced)
        )

    return node.make([rows.sharp], build)


@operator("Binarizer", ml=True)
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    threshold = node.settings.get("threshold", 0.0)

    def build(value: int) -> int:
        return builder.map(builder.arithmetic(value, Operation.SUBTRACT, threshold), Unary.POSITIVE)

    return node.make([rows.sharp], build, exact=True)


@operator("Normalizer", ml=True)
def _(node: Node) -> Rows:
    """Divide a row by its length; where that is 0, it is left alone."""
    rows, builder = _single(node), node.builder
    norm = node.settings.get("norm", "MAX")
    if len(rows.sides) != 1:
        raise node.refused("it works on several parts of a row")
    everything = np.arange(rows.width).reshape(1, -1)
    ones = np.ones((1, rows.width))

    def build(value: int) -> int:
        if norm == "MAX":
            length = halved(builder, value, everything, Operation.MAXIMUM)
        elif norm == "L1":
            length = builder.linear(builder.map(value, Unary.ABS), ones, 0.0)
        else:
            squares = builder.linear(builder.combine(value, Operation.MULTIPLY, value), ones, 0.0)
            length = builder.map(squares, Unary.SQRT)
        empty = builder.add(Equal(sources=(length,), places=np.zeros(1, np.int64), values=np.zeros(1)))
        return builder.combine(value, Operation.DIVIDE, builder.combine(length, Operation.ADD, empty))

    return node.make([rows], build, steps=rows.width + 4)


@operator("OneHotEncoder", ml=True)
def _(node: Node) -> Rows:
    """1 for each category that is there; what is none of them gives zeros, or ends the graph."""
    found = node.given(0)
    if isinstance(found, Texts):
        return indicators(node, found, node.settings.get("cats_strings", ()))
    rows = cast(node, node.rows(), Kind.WHOLE)
    told = np.array(node.settings.get("cats_int64s", ()), dtype=np.float64)
    if not isinstance(rows, Rows) or not len(told):
        raise node.refused("it names no categories")
    node.check_width(rows.width * len(told))
    places, values = np.repeat(np.arange(rows.width), len(told)), np.tile(told, rows.width)

    def build(value: int) -> int:
        return node.builder.add(Equal(sources=(value,), places=places, values=values))

    return node.make([rows], build, sides=(*rows.sides, len(told)), kind=Kind.FLOAT, exact=True)


@operator("LabelEncoder", "CategoryMapper", ml=True)
def _(node: Node) -> Rows | Texts:
    found = node.given(0)
    if node.kind == "CategoryMapper" or node.version < 2:
        return _old_labels(node, found)
    keys = _table(node, "keys")
    answers = _table(node, "values")
    if isinstance(answers[0], str) or len(keys) != len(answers):
        raise node.refused("it gives texts")
    default = _default(node)
    if isinstance(found, Texts):
        return _coded(node, found, dict(zip(keys, map(float, answers), strict=True)), default)
    return _recoded(node, node.rows(), keys, answers, default)


def _default(node: Node) -> float:
    """Return what a LabelEncoder gives for a key that it does not know."""
    if "default_tensor" in node.settings:
        return float(node.settings["default_tensor"].item())
    if "values_int64s" in node.settings:
        return float(node.settings.get("default_int64", -1))
    return float(node.settings.get("default_float", -0.0))


def _old_labels(node: Node, found: Any) -> Rows:
    """Read the first form: texts by their places, or by numbers of their own."""
    texts = node.settings.get("classes_strings") or node.settings.get("cats_strings") or ()
    numbers = node.settings.get("cats_int64s", range(len(texts)))
    if not isinstance(found, Texts):
        raise node.refused("it gives texts")
    answers = dict(zip(texts, map(float, numbers), strict=True))
    return replace(
        _coded(node, found, answers, float(node.settings.get("default_int64", -1))), kind=Kind.WHOLE
    )


def _table(node: Node, side: str) -> list[Any]:
    for ending in ("strings", "int64s", "floats", "tensor"):
        told = node.settings.get(f"{side}_{ending}")
        if told is not None and len(told):
            return [
                entry.decode() if isinstance(entry, bytes) else entry for entry in np.ravel(told).tolist()
            ]
    raise node.refused(f"it has no {side}")


def _coded(node: Node, texts: Texts, answers: dict[str, float], default: float) -> Rows:
    parts = [lookup(node, texts, place, answers, default) for place in range(len(texts.known))]
    kind = Kind.WHOLE if "values_int64s" in node.settings else Kind.FLOAT
    return replace(node.join(parts), sides=texts.sides, kind=kind)


def _recoded(node: Node, rows: Rows, keys: list[Any], answers: list[Any], default: float) -> Rows:
    """Give a number for each number."""
    known = np.array(keys, dtype=np.float64)
    if np.isnan(known).any() or len(known) * rows.width > 1 << 20:
        raise node.refused("it gives a number for a missing one, or has a large table")
    places = np.repeat(np.arange(rows.width), len(known))
    weights = np.kron(np.eye(rows.width), np.array(answers, dtype=np.float64) - default)
    builder = node.builder

    def build(value: int) -> int:
        equal = builder.add(Equal(sources=(value,), places=places, values=np.tile(known, rows.width)))
        return builder.linear(equal, weights, np.full(rows.width, default))

    kind = Kind.WHOLE if "values_int64s" in node.settings else Kind.FLOAT
    return node.make([rows.sharp], build, kind=kind)


@operator("LinearRegressor", ml=True)
def _(node: Node) -> Rows:
    rows, targets = _single(node), int(node.settings.get("targets", 1))
    weights = np.array(node.settings["coefficients"], dtype=np.float64).reshape(targets, -1).T
    found = product(node, rows, weights, node.settings.get("intercepts", 0.0))
    return transformed(node, found, False) if targets > 1 else found  # ONNX Runtime leaves a single one alone


@operator("LinearClassifier", ml=True)
def _(node: Node) -> tuple[None, Rows]:
    rows = _single(node)
    offsets = np.array(node.settings.get("intercepts", [0.0]), dtype=np.float64)
    weights = np.array(node.settings["coefficients"], dtype=np.float64).reshape(len(offsets), -1).T
    return None, transformed(node, product(node, rows, weights, offsets), True)


def transformed(node: Node, scores: Rows, is_share: bool) -> Rows:
    """Return scores after the operator's last step, as ONNX Runtime does it.

    A single score of a classifier is that of the second of two classes: the first has the rest, if the score
    `is_share` of 1, else its opposite; it is softened by LOGISTIC, and by nothing else.
    """
    post, builder = node.settings.get("post_transform", "NONE"), node.builder
    if post not in _POSTS:
        raise node.refused(f"its last step is {post}")
    made: Callable[[int], int] | None = None
    if scores.width == 1 and node.kind.endswith("Classifier"):
        turned = [[-1.0], [1.0]]
        if post == "LOGISTIC":
            made = lambda value: builder.map(builder.linear(value, turned, 0.0), Unary.LOGISTIC)  # noqa: E731
        else:
            offsets = [1.0, 0.0] if is_share else [0.0, 0.0]
            made = lambda value: builder.linear(value, turned, offsets)  # noqa: E731
        return node.make([scores], made, sides=(2,), steps=FEW_ULPS)
    if post == "LOGISTIC":
        return node.make([scores], lambda value: builder.map(value, Unary.LOGISTIC), steps=FEW_ULPS)
    if post == "SOFTMAX":
        return node.make([scores], builder.softmax, steps=scores.width + FEW_ULPS)
    return scores


@operator("SVMRegressor", ml=True)
def _(node: Node) -> Rows:
    """The sum of kernels with the support vectors, plus rho."""
    rows, settings = _single(node), node.settings
    weights = np.array(settings["coefficients"], dtype=np.float64).reshape(1, -1)
    rho = float(settings["rho"][0])
    count = int(settings.get("n_supports", 0))
    if settings.get("one_class") or settings.get("post_transform", "NONE") != "NONE" or len(rows.sides) != 1:
        raise node.refused("it looks for outliers, or has a last step")
    if not count:
        return product(node, rows, weights.T, rho)
    vectors = np.array(settings["support_vectors"], dtype=np.float64).reshape(count, rows.width)
    found = _kernel(node, rows, vectors)
    return product(node, found, weights.T, rho)


def _kernel(node: Node, rows: Rows, vectors: Any) -> Rows:
    """Return a row's kernel with each support vector: parameters are gamma, coef0 and degree."""
    kind, builder = node.settings.get("kernel_type", "LINEAR"), node.builder
    gamma, offset, degree = (*node.settings.get("kernel_params", ()), 0.0, 0.0, 0.0)[:3]

    def build(value: int) -> int:
        if kind == "RBF":
            apart = builder.add(Distances(sources=(value,), rows=vectors))
            return builder.map(builder.arithmetic(apart, Operation.MULTIPLY, -gamma), Unary.EXP)
        if kind == "LINEAR":
            return builder.linear(value, vectors, 0.0)
        inner = builder.linear(value, gamma * vectors, offset)
        if kind == "SIGMOID":
            return builder.map(inner, Unary.TANH)
        return builder.add(Power(sources=(inner,), exponent=float(degree)))

    return node.make([rows], build, sides=(len(vectors),), steps=rows.width + FEW_ULPS)
