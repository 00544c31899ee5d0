"""Activations of networks over a value, each by its formula."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING, Any

from kervan.package.writing.neutral.form import Operation, Power, Unary

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def positive_part(builder: Builder, value: int) -> int:
    """max(x, 0)."""
    return builder.arithmetic(value, Operation.MAXIMUM, 0.0)


def negative_part(builder: Builder, value: int) -> int:
    """min(x, 0)."""
    return builder.arithmetic(value, Operation.MINIMUM, 0.0)


def negated(builder: Builder, value: int) -> int:
    """-x."""
    return builder.arithmetic(value, Operation.MULTIPLY, -1.0)


def leaky(builder: Builder, value: int, slope: Any) -> int:
    """max(x, 0) + slope min(x, 0)."""
    below = builder.arithmetic(negative_part(builder, value), Operation.MULTIPLY, slope)
    return builder.combine(positive_part(builder, value), Operation.ADD, below)


def elu(builder: Builder, value: int, alpha: float = 1.0, *, divisor: float = 1.0) -> int:
    """max(x, 0) + alpha (exp(min(x, 0) / divisor) - 1)."""
    below = negative_part(builder, value)
    if divisor != 1:
        below = builder.arithmetic(below, Operation.DIVIDE, divisor)
    below = builder.arithmetic(builder.map(below, Unary.EXPM1), Operation.MULTIPLY, alpha)
    return builder.combine(positive_part(builder, value), Operation.ADD, below)


def selu(builder: Builder, value: int, alpha: float = SELU_ALPHA, gamma: float = SELU_GAMMA) -> int:
    """Gamma times the ELU of alpha."""
    return builder.arithmetic(elu(builder, value, alpha), Operation.MULTIPLY, gamma)


def softplus(builder: Builder, value: int) -> int:
    """log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)), which never overflows."""
    small = builder.map(negated(builder, builder.map(value, Unary.ABS)), Unary.EXP)
    return builder.combine(positive_part(builder, value), Operation.ADD, builder.map(small, Unary.LOG1P))


def softsign(builder: Builder, value: int) -> int:
    """X / (1 + |x|)."""
    length = builder.arithmetic(builder.map(value, Unary.ABS), Operation.ADD, 1.0)
    return builder.combine(value, Operation.DIVIDE, length)


def swish(builder: Builder, value: int, alpha: float = 1.0) -> int:
    """X / (1 + exp(-alpha x))."""
    inner = value if alpha == 1 else builder.arithmetic(value, Operation.MULTIPLY, alpha)
    return builder.combine(value, Operation.MULTIPLY, builder.map(inner, Unary.LOGISTIC))


def mish(builder: Builder, value: int) -> int:
    """X tanh(softplus(x))."""
    return builder.combine(value, Operation.MULTIPLY, builder.map(softplus(builder, value), Unary.TANH))


def gelu(builder: Builder, value: int, *, is_tanh: bool) -> int:
    """x / 2 * (1 + erf(x / sqrt(2))), or its approximation by tanh(sqrt(2 / pi) (x + 0.044715 x^3))."""
    if is_tanh:
        cube = builder.add(Power(sources=(value,), exponent=3.0))
        bent = builder.combine(value, Operation.ADD, builder.arithmetic(cube, Operation.MULTIPLY, 0.044715))
        inner = builder.map(builder.arithmetic(bent, Operation.MULTIPLY, sqrt(2 / pi)), Unary.TANH)
    else:
        inner = builder.map(builder.arithmetic(value, Operation.MULTIPLY, sqrt(0.5)), Unary.ERF)
    share = builder.arithmetic(builder.arithmetic(inner, Operation.ADD, 1.0), Operation.MULTIPLY, 0.5)
    return builder.combine(value, Operation.MULTIPLY, share)


def ramp(builder: Builder, value: int, slope: float = 1 / 6, offset: float = 0.5) -> int:
    """min(max(slope x + offset, 0), 1)."""
    line = builder.arithmetic(builder.arithmetic(value, Operation.MULTIPLY, slope), Operation.ADD, offset)
    return builder.arithmetic(positive_part(builder, line), Operation.MINIMUM, 1.0)


def hard_swish(builder: Builder, value: int) -> int:
    """X min(max(x / 6 + 1 / 2, 0), 1)."""
    return builder.combine(value, Operation.MULTIPLY, ramp(builder, value))
