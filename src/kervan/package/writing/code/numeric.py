"""The functions that kernels call, in Python: like IEEE 754, and never an exception.

The writer of Python prints them as they stand here; every other language has its own.
"""

from __future__ import annotations

import math
from math import copysign, fabs, inf, isnan, nan, tanh
from struct import pack, unpack

__all__ = [
    "copysign",
    "exp",
    "expm1",
    "fabs",
    "floor",
    "inf",
    "isnan",
    "log",
    "log1p",
    "nan",
    "power",
    "quotient",
    "round32",
    "sqrt",
    "tanh",
]


def exp(x: float) -> float:
    """e to the power of x."""
    return math.exp(x) if not x > 709.0 else _grown(x)


def _grown(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    """exp(x) - 1, exact near 0."""
    return math.expm1(x) if not x > 709.0 else _grown(x)


def log(x: float) -> float:
    """The natural logarithm."""
    if x > 0.0:
        return math.log(x)
    return -inf if x == 0.0 else nan


def log1p(x: float) -> float:
    """log(1 + x), exact near 0."""
    if x > -1.0:
        return math.log1p(x)
    return -inf if x == -1.0 else nan


def sqrt(x: float) -> float:
    """The square root."""
    return nan if x < 0.0 else math.sqrt(x)


def floor(x: float) -> float:
    """The largest whole number that is at most x."""
    return float(math.floor(x)) if x - x == 0.0 else x


def power(x: float, exponent: float) -> float:
    """x to the power of the exponent; NaN for a broken power of a negative number."""
    try:
        return math.pow(x, exponent)
    except OverflowError:
        return -inf if x < 0.0 and exponent % 2.0 == 1.0 else inf
    except ValueError:
        if x == 0.0:
            return copysign(inf, x) if exponent % 2.0 == 1.0 else inf
        return nan


def quotient(a: float, b: float) -> float:
    """a / b, also where b is 0."""
    if b != 0.0:
        return a / b
    return nan if a == 0.0 or a != a else copysign(inf, a) * copysign(1.0, b)  # noqa: PLR0124


def round32(x: float) -> float:
    """The nearest float32, ties to even."""
    try:
        return float(unpack("f", pack("f", x))[0])
    except OverflowError:
        return copysign(inf, x)
