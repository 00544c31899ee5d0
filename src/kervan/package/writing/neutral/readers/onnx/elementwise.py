"""Operators that work on each element: arithmetic, functions, activations."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import Impute, Operation, Power, Unary
from kervan.package.writing.neutral.readers.activations import (
    SELU_ALPHA,
    SELU_GAMMA,
    elu,
    gelu,
    hard_swish,
    leaky,
    mish,
    negated,
    positive_part,
    ramp,
    selu,
    softplus,
    softsign,
    swish,
)
from kervan.package.writing.neutral.readers.onnx.tensors import (
    Constant,
    Kind,
    Node,
    Rows,
    check_plain,
    operator,
)
from kervan.package.writing.neutral.rounding import FEW_ULPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.package.writing.neutral.build import Builder

_OPERATIONS = {
    "Add": Operation.ADD,
    "Sum": Operation.ADD,
    "Mean": Operation.ADD,
    "Sub": Operation.SUBTRACT,
    "Mul": Operation.MULTIPLY,
    "Div": Operation.DIVIDE,
    "Min": Operation.MINIMUM,
    "Max": Operation.MAXIMUM,
}
_NUMPY: dict[Operation, Any] = {
    Operation.ADD: np.add,
    Operation.SUBTRACT: np.subtract,
    Operation.MULTIPLY: np.multiply,
    Operation.DIVIDE: np.divide,
    Operation.MINIMUM: np.minimum,
    Operation.MAXIMUM: np.maximum,
}
_EXACT = {Operation.MINIMUM, Operation.MAXIMUM}
_FUNCTIONS = {
    "Exp": Unary.EXP,
    "Log": Unary.LOG,
    "Sqrt": Unary.SQRT,
    "Tanh": Unary.TANH,
    "Sigmoid": Unary.LOGISTIC,
    "Erf": Unary.ERF,
}


@operator("Add", "Sum", "Mean", "Sub", "Mul", "Div", "Min", "Max")
def _(node: Node) -> Rows | Constant:
    operation = _OPERATIONS[node.kind]
    tensors = [node.tensor(place) for place in range(len(node.inputs))]
    total = reduce(partial(combine, node, operation), tensors)
    if node.kind == "Mean":
        return combine(node, Operation.DIVIDE, total, np.float64(len(tensors)) * np.ones(()))
    return total


def combine(
    node: Node, operation: Operation, left: Rows | Constant, right: Rows | Constant
) -> Rows | Constant:
    """Combine two tensors element by element, as ONNX broadcasts."""
    if isinstance(left, Rows):
        return _combine_rows(node, operation, left, right)
    if not isinstance(right, Rows):
        return _combine_constants(node, operation, left, right)
    sides = node.common_sides(left, right)
    constant, rows = node.flat(left, sides), node.spread(right, sides)
    exact = operation in _EXACT
    if operation is Operation.SUBTRACT:
        return node.make([rows], lambda value: subtracted(node.builder, constant, value), exact=exact)
    if operation is Operation.DIVIDE:
        _check_division(node, rows)
        above = node.builder.constant(constant)
        return node.make([rows], lambda value: node.builder.combine(above, operation, value))
    return node.make([rows], lambda value: node.builder.arithmetic(value, operation, constant), exact=exact)


def _combine_rows(node: Node, operation: Operation, left: Rows, right: Rows | Constant) -> Rows:
    if operation is Operation.DIVIDE:
        _check_division(node, left)
    sides = node.common_sides(left, right)
    first, exact = node.spread(left, sides), operation in _EXACT
    if not isinstance(right, Rows):
        constant = node.flat(right, sides)
        return node.make(
            [first], lambda value: node.builder.arithmetic(value, operation, constant), exact=exact
        )
    second = right if right.width == 1 else node.spread(right, sides)
    return node.make(
        [first, second], lambda one, other: node.builder.combine(one, operation, other), exact=exact
    )


def _combine_constants(node: Node, operation: Operation, left: Constant, right: Constant) -> Constant:
    left, right = check_plain(left, node), check_plain(right, node)
    node.check_width(int(np.prod(np.broadcast_shapes(left.shape, right.shape), dtype=object)))
    is_whole = operation is Operation.DIVIDE and left.dtype.kind == "i"
    return np.asarray(left // right if is_whole else _NUMPY[operation](left, right))


def _check_division(node: Node, rows: Rows) -> None:
    if rows.kind in {Kind.WHOLE, Kind.TRUTH}:
        raise node.refused("it divides whole numbers")


def subtracted(builder: Builder, constant: Any, value: int) -> int:
    """Constant - x."""
    turned = builder.arithmetic(value, Operation.MULTIPLY, -1.0)
    return builder.arithmetic(turned, Operation.ADD, constant)


@operator("Exp", "Log", "Sqrt", "Tanh", "Sigmoid", "Erf")
def _(node: Node) -> Rows | Constant:
    function = _FUNCTIONS[node.kind]
    found = node.tensor()
    if not isinstance(found, Rows):
        return _of_constant(node, found)
    return node.make([found], lambda value: node.builder.map(value, function), steps=FEW_ULPS)


def _of_constant(node: Node, constant: Constant) -> Constant:
    known: dict[str, Any] = {"Exp": np.exp, "Log": np.log, "Sqrt": np.sqrt, "Tanh": np.tanh}
    if node.kind not in known:
        raise node.refused("its input does not hang on the row")
    found: Constant = known[node.kind](check_plain(constant, node)).astype(constant.dtype)
    return found


@operator("Abs", "Neg", "Floor", "Ceil", "Sign", "Reciprocal", "Relu")
def _(node: Node) -> Rows | Constant:
    found = node.tensor()
    if not isinstance(found, Rows):
        if node.kind == "Neg":
            return -check_plain(found, node)
        raise node.refused("its input does not hang on the row")
    builder = node.builder
    made: dict[str, Callable[[int], int]] = {
        "Abs": lambda value: builder.map(value, Unary.ABS),
        "Neg": lambda value: builder.arithmetic(value, Operation.MULTIPLY, -1.0),
        "Floor": lambda value: builder.map(value, Unary.FLOOR),
        "Ceil": lambda value: negated(builder, builder.map(negated(builder, value), Unary.FLOOR)),
        "Sign": lambda value: _sign(builder, value),
        "Relu": lambda value: positive_part(builder, value),
        "Reciprocal": lambda value: builder.combine(
            builder.constant(np.ones(builder.widths[value])), Operation.DIVIDE, value
        ),
    }
    is_sharp = node.kind in {"Floor", "Ceil", "Sign"}
    source = found.sharp if is_sharp else found
    return node.make([source], made[node.kind], exact=node.kind != "Reciprocal")


def _sign(builder: Builder, value: int) -> int:
    above = builder.map(value, Unary.POSITIVE)
    below = builder.map(negated(builder, value), Unary.POSITIVE)
    missing = builder.arithmetic(value, Operation.MULTIPLY, 0.0)  # stays missing
    return builder.combine(builder.combine(above, Operation.SUBTRACT, below), Operation.ADD, missing)


@operator("LeakyRelu", "PRelu", "ThresholdedRelu")
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    if node.kind == "ThresholdedRelu":
        return node.make([rows], lambda value: _above(builder, value, node.settings.get("alpha", 1.0)))
    slope: Any = node.settings.get("alpha", 0.01)
    if node.kind == "PRelu":
        slope = node.flat(node.constant(1), rows.sides)
    return node.make([rows], lambda value: leaky(builder, value, slope), steps=2)


def _above(builder: Builder, value: int, alpha: float) -> int:
    """X where x > alpha, else 0, also for NaN."""
    over = builder.map(builder.arithmetic(value, Operation.SUBTRACT, alpha), Unary.POSITIVE)
    known = builder.add(Impute(sources=(value,), fill=np.zeros(builder.widths[value])))
    return builder.combine(known, Operation.MULTIPLY, over)


@operator("Elu", "Selu", "Celu", "Softplus", "Softsign", "HardSigmoid", "HardSwish", "Gelu", "Mish", "Swish")
def _(node: Node) -> Rows:
    builder, settings = node.builder, node.settings
    alpha = settings.get("alpha", 1.0)
    made: dict[str, Callable[[int], int]] = {
        "Elu": lambda value: elu(builder, value, alpha),
        "Selu": lambda value: selu(
            builder, value, settings.get("alpha", SELU_ALPHA), settings.get("gamma", SELU_GAMMA)
        ),
        "Celu": lambda value: elu(builder, value, alpha, divisor=alpha),
        "Softplus": lambda value: softplus(builder, value),
        "Softsign": lambda value: softsign(builder, value),
        "HardSigmoid": lambda value: ramp(
            builder, value, settings.get("alpha", 0.2), settings.get("beta", 0.5)
        ),
        "HardSwish": lambda value: hard_swish(builder, value),
        "Gelu": lambda value: gelu(builder, value, is_tanh=settings.get("approximate") == "tanh"),
        "Mish": lambda value: mish(builder, value),
        "Swish": lambda value: swish(builder, value, alpha),
    }
    return node.make([node.rows()], made[node.kind], steps=FEW_ULPS)


@operator("Clip")
def _(node: Node) -> Rows:
    low = node.settings.get("min", node.constant(1))
    high = node.settings.get("max", node.constant(2))
    builder = node.builder

    def build(value: int) -> int:
        if low is not None:
            value = builder.arithmetic(value, Operation.MAXIMUM, float(np.asarray(low).item()))
        if high is not None:
            value = builder.arithmetic(value, Operation.MINIMUM, float(np.asarray(high).item()))
        return value

    return node.make([node.rows()], build, exact=True)


@operator("Pow")
def _(node: Node) -> Rows:
    rows, builder = node.rows(), node.builder
    exponents = check_plain(node.constant(1), node)
    sides = node.common_sides(rows, exponents)
    each = node.flat(exponents, sides)

    def build(value: int) -> int:
        if len(set(each.tolist())) == 1:
            return builder.add(Power(sources=(value,), exponent=float(each[0])))
        parts = [builder.take(value, [place]) for place in range(len(each))]
        powers = zip(parts, each.tolist(), strict=True)
        return builder.join([builder.add(Power(sources=(part,), exponent=power)) for part, power in powers])

    return node.make([node.spread(rows, sides)], build, steps=FEW_ULPS)
