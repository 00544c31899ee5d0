"""Operators that decide: casts, comparisons, choices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.form import AtLeast, Equal, Impute, Operation, Unary
from kervan.package.writing.neutral.readers.onnx.elementwise import combine, subtracted
from kervan.package.writing.neutral.readers.onnx.tensors import (
    ROWS,
    Constant,
    Kind,
    Node,
    Rows,
    Tensor,
    Texts,
    check_plain,
    operator,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

_CODES = {1: Kind.FLOAT, 11: Kind.DOUBLE, 9: Kind.TRUTH}  # as TensorProto numbers its types
_CODES |= dict.fromkeys((2, 3, 4, 5, 6, 7, 12, 13), Kind.WHOLE)
_NEVER = -2.0  # no category has this code
_LARGEST = float(np.finfo(np.float64).max)
_TYPES: dict[Kind, Any] = {
    Kind.FLOAT: np.float32,
    Kind.DOUBLE: np.float64,
    Kind.WHOLE: np.int64,
    Kind.TRUTH: np.bool_,
}


@operator("Cast", "CastLike")
def _(node: Node) -> Tensor:
    if node.kind == "CastLike":
        like = node.given(1)
        if not isinstance(like, Rows):
            raise node.refused("the type that it casts to does not hang on the row")
        kind: Kind | None = like.kind
    else:
        kind = _CODES.get(node.settings["to"])
    if kind is None:
        raise node.refused("it casts to texts or to numbers of 16 bits and less")
    found = node.tensor()
    return cast(node, found, kind)


def cast(node: Node, found: Rows | Constant, kind: Kind) -> Rows | Constant:
    """Convert numbers as C does: whole ones are cut towards zero, booleans are what is not 0."""
    if not isinstance(found, Rows):
        if (found.dtype.kind == "i" and (found == ROWS).any()) or found.dtype.kind not in "fiub":
            return found
        return found.astype(_TYPES[kind])
    builder = node.builder
    if kind is Kind.FLOAT and found.kind is Kind.DOUBLE:
        stepped = builder.map(found.stepped, Unary.ROUND32)
        return replace(found, stepped=stepped, kind=kind, steps=found.steps + 1)
    if kind in {Kind.FLOAT, Kind.DOUBLE} or found.kind in {kind, Kind.TRUTH}:
        return replace(found, kind=kind)
    if kind is Kind.WHOLE:
        return node.make([found.sharp], lambda value: cut(builder, value), kind=kind, exact=True)
    return node.make([found.sharp], lambda value: differs(builder, value), kind=kind, exact=True)


def cut(builder: Builder, value: int) -> int:
    """Cut towards zero: floor(max(x, 0)) - floor(max(-x, 0))."""
    above = builder.map(builder.arithmetic(value, Operation.MAXIMUM, 0.0), Unary.FLOOR)
    turned = builder.arithmetic(value, Operation.MULTIPLY, -1.0)
    below = builder.map(builder.arithmetic(turned, Operation.MAXIMUM, 0.0), Unary.FLOOR)
    return builder.combine(above, Operation.SUBTRACT, below)


def differs(builder: Builder, value: int) -> int:
    """1 where an element is not 0, else 0."""
    return _negated(builder, _equal(builder, value, 0.0))


def _equal(builder: Builder, value: int, constant: Any) -> int:
    width = builder.widths[value]
    values = np.broadcast_to(np.asarray(constant, dtype=np.float64), (width,)).copy()
    return builder.add(Equal(sources=(value,), places=np.arange(width), values=values))


def _at_least(builder: Builder, value: int, constant: Any) -> int:
    width = builder.widths[value]
    values = np.broadcast_to(np.asarray(constant, dtype=np.float64), (width,)).copy()
    return builder.add(AtLeast(sources=(value,), places=np.arange(width), values=values))


def _negated(builder: Builder, value: int) -> int:
    """1 - x."""
    return subtracted(builder, 1.0, value)


def _next(constant: Floats, kind: Kind) -> Floats:
    """Return the number after each one, of those that a tensor of this kind holds."""
    with np.errstate(over="ignore"):
        if kind is Kind.FLOAT:
            return np.nextafter(constant.astype(np.float32), np.float32(np.inf)).astype(np.float64)
        return np.nextafter(constant, np.inf)


@operator("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")
def _(node: Node) -> Rows | Constant:
    left, right = node.given(0), node.given(1)
    if isinstance(left, Texts) or isinstance(right, Texts):
        return _equal_texts(node, left, right)
    one, other, kind = node.tensor(0), node.tensor(1), node.kind
    if not isinstance(one, Rows):
        one, other = other, one
        turned = {"Greater": "Less", "Less": "Greater"}
        turned |= {"GreaterOrEqual": "LessOrEqual", "LessOrEqual": "GreaterOrEqual"}
        kind = turned.get(kind, kind)
    if not isinstance(one, Rows):
        return _compared(node)
    if not isinstance(other, Rows):
        return _compare_constant(node, kind, one, other)
    sides = node.common_sides(one, other)
    pair = [node.spread(one, sides).sharp, node.spread(other, sides).sharp]
    return _compare_rows(node, kind, pair)


def _compared(node: Node) -> Constant:
    compare: dict[str, Any] = {
        "Greater": np.greater,
        "GreaterOrEqual": np.greater_equal,
        "Less": np.less,
        "LessOrEqual": np.less_equal,
        "Equal": np.equal,
    }
    return np.asarray(compare[node.kind](node.constant(0), node.constant(1)))


def _compare_constant(node: Node, kind: str, rows: Rows, constant: Constant) -> Rows:
    """Compare with constants. A difference of two float64 is never 0 unless they are equal."""
    builder = node.builder
    sides = node.common_sides(rows, constant)
    source, told = node.spread(rows, sides).sharp, node.flat(constant, sides)

    def build(value: int) -> int:
        if kind == "Equal":
            return _equal(builder, value, told)
        if kind in {"Greater", "GreaterOrEqual"}:
            return _at_least(builder, value, _next(told, rows.kind) if kind == "Greater" else told)
        above = _next(told, rows.kind) if kind == "LessOrEqual" else told
        return builder.map(subtracted(builder, above, value), Unary.POSITIVE)

    return node.make([source], build, kind=Kind.TRUTH, exact=True)


def _compare_rows(node: Node, kind: str, pair: list[Rows]) -> Rows:
    builder = node.builder

    def build(one: int, other: int) -> int:
        if kind in {"Less", "LessOrEqual"}:
            one, other = other, one
        over = builder.combine(one, Operation.SUBTRACT, other)
        if kind == "Equal":
            return _equal(builder, over, 0.0)
        if kind in {"Greater", "Less"}:
            return builder.map(over, Unary.POSITIVE)
        return _at_least(builder, over, 0.0)

    return node.make(pair, build, kind=Kind.TRUTH, exact=True)


def _equal_texts(node: Node, left: Tensor | None, right: Tensor | None) -> Rows:
    texts, constant = (left, right) if isinstance(left, Texts) else (right, left)
    if not isinstance(texts, Texts) or not isinstance(constant, np.ndarray) or constant.size != 1:
        raise node.refused("it compares texts of the rows with each other")
    return replace(indicators(node, texts, [str(constant.item())]), sides=texts.sides, kind=Kind.TRUTH)


def indicators(node: Node, texts: Texts, told: Sequence[str]) -> Rows:
    """Return for each column one number for each text that is told: 1 where it is there, else 0."""
    node.check_width(len(texts.known) * len(told))
    places = np.repeat(np.arange(len(texts.known)), len(told))
    codes = [
        _code(text, known, other)
        for known, other in zip(texts.known, texts.other, strict=True)
        for text in told
    ]
    value = node.builder.add(Equal(sources=(texts.codes,), places=places, values=np.array(codes)))
    return Rows(value=value, stepped=value, sides=(*texts.sides, len(told)))


def _code(text: str, known: tuple[str, ...], other: str) -> float:
    if text in known:
        return float(known.index(text))
    return UNKNOWN if text == other else _NEVER


def lookup(node: Node, texts: Texts, place: int, answers: dict[str, float], default: float) -> Rows:
    """Return a number for each text of one column: [rows, 1]."""
    found = [answers.get(text, default) for text in texts.known[place]]
    return by_code(node, texts.codes, place, found, answers.get(texts.other[place], default))


def by_code(node: Node, codes: int, place: int, answers: list[float], other: float) -> Rows:
    """Return answers[code] for the code in one element of a value, and `other` for any other code."""
    builder = node.builder
    own = builder.take(codes, [place])
    if other == -1 and answers == list(range(len(answers))):  # the codes themselves
        return Rows(value=own, stepped=own, sides=(1,))
    steps = np.arange(len(answers))
    node.check_width(len(answers))
    if not len(steps):
        return node.same([other], (1,), Kind.FLOAT)
    known = builder.add(
        Equal(sources=(own,), places=np.zeros(len(steps), np.int64), values=steps.astype(np.float64))
    )
    value = builder.linear(known, np.asarray(answers) - other, other)
    return Rows(value=value, stepped=builder.map(value, Unary.ROUND32), sides=(1,), steps=1)


@operator("IsNaN")
def _(node: Node) -> Rows:
    builder = node.builder
    return node.make(
        [node.rows()], lambda value: builder.map(value, Unary.MISSING), kind=Kind.TRUTH, exact=True
    )


@operator("Not")
def _(node: Node) -> Rows:
    return node.make([node.rows()], lambda value: _negated(node.builder, value), exact=True)


@operator("And", "Or", "Xor")
def _(node: Node) -> Rows | Constant:
    if node.kind != "Xor":
        operation = Operation.MINIMUM if node.kind == "And" else Operation.MAXIMUM
        return combine(node, operation, node.tensor(0), node.tensor(1))
    apart = combine(node, Operation.SUBTRACT, node.rows(0), node.tensor(1))
    if not isinstance(apart, Rows):
        raise node.refused("its inputs do not hang on the row")
    return node.make([apart], lambda value: node.builder.map(value, Unary.ABS), exact=True)


@operator("Where")
def _(node: Node) -> Rows:
    """Give c a + (1 - c) b, with the NaN of the one that was chosen alone."""
    builder = node.builder
    condition, then, other = node.rows(0), node.tensor(1), node.tensor(2)
    filled = _imputed(node, condition, then, other)
    if filled is not None:
        return filled
    sides = node.common_sides(condition, then, other)
    chosen = node.spread(condition, sides)
    rows = [node.spread(each, sides) for each in (then, other) if isinstance(each, Rows)]
    constants = [None if isinstance(each, Rows) else _finite(node, each, sides) for each in (then, other)]

    def build(share: int, *values: int) -> int:
        waiting = list(values)
        total = -1
        for weight, constant in zip((share, _negated(builder, share)), constants, strict=True):
            if constant is None:
                part = _masked(builder, weight, waiting.pop(0))
            else:
                part = builder.arithmetic(weight, Operation.MULTIPLY, constant)
            total = part if total < 0 else builder.combine(total, Operation.ADD, part)
        return total

    kind = rows[0].kind if rows else _kind(then)
    return node.make([chosen, *rows], build, kind=kind, exact=True)


def _kind(tensor: Rows | Constant) -> Kind:
    if isinstance(tensor, Rows):
        return tensor.kind
    kinds = {"f4": Kind.FLOAT, "f8": Kind.DOUBLE, "b1": Kind.TRUTH}
    return kinds.get(tensor.dtype.str[1:], Kind.WHOLE)


def _finite(node: Node, constant: Constant, sides: tuple[int, ...]) -> Floats:
    found = node.flat(constant, sides)
    if not np.isfinite(found).all():
        raise node.refused("it chooses a constant that is no number")
    return found


def _masked(builder: Builder, weight: int, value: int) -> int:
    """Weight * value, where a NaN only shows if the weight is 1: 0 / (1 - weight * missing) brings it.

    An infinite value becomes the largest number, so that it is nothing where it was not chosen.
    """
    known = builder.add(Impute(sources=(value,), fill=np.zeros(builder.widths[value])))
    known = builder.arithmetic(known, Operation.MINIMUM, _LARGEST)
    known = builder.arithmetic(known, Operation.MAXIMUM, -_LARGEST)
    product = builder.combine(known, Operation.MULTIPLY, weight)
    missing = builder.combine(builder.map(value, Unary.MISSING), Operation.MULTIPLY, weight)
    kept = _negated(builder, missing)
    nothing = builder.arithmetic(kept, Operation.MULTIPLY, 0.0)
    return builder.combine(product, Operation.ADD, builder.combine(nothing, Operation.DIVIDE, kept))


def _imputed(node: Node, condition: Rows, then: Rows | Constant, other: Rows | Constant) -> Rows | None:
    """Return Where(IsNaN(x), constant, x) as what it is, else None."""
    if isinstance(then, Rows) or not isinstance(other, Rows) or condition.sides != other.sides:
        return None
    last = node.builder.layers[condition.value - 1]
    if getattr(last, "function", None) is not Unary.MISSING or last.sources != (other.value,):
        return None
    fill = _finite(node, check_plain(then, node), other.sides)
    return node.make([other], lambda value: node.builder.add(Impute(sources=(value,), fill=fill)), exact=True)
