"""The functions of PFA that the scorer knows; floating point as IEEE 754 has it, so that nothing raises."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _power(base: float, exponent: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.power(base, exponent))


def _smaller(left: float, right: float) -> float:
    return math.nan if math.isnan(left) or math.isnan(right) else min(left, right)


def _larger(left: float, right: float) -> float:
    return math.nan if math.isnan(left) or math.isnan(right) else max(left, right)


def _quiet(function: Callable[[float], Any]) -> Callable[[float], float]:
    def apply(value: float) -> float:
        with np.errstate(all="ignore"):
            return float(function(value))

    return apply


def _index(values: list[Any], value: Any) -> int:
    return values.index(value) if value in values else -1


def _first_largest(values: list[float]) -> int:
    return max(range(len(values)), key=lambda place: (values[place], -place))


def _first_smallest(values: list[float]) -> int:
    return min(range(len(values)), key=values.__getitem__)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "**": _power,
    "min": _smaller,
    "max": _larger,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "!": operator.not_,
    "m.abs": abs,
    "m.exp": _quiet(np.exp),
    "m.expm1": _quiet(np.expm1),
    "m.floor": _quiet(np.floor),
    "m.ln": _quiet(np.log),
    "m.ln1p": _quiet(np.log1p),
    "m.sqrt": _quiet(np.sqrt),
    "m.tanh": math.tanh,
    "cast.double": float,
    "cast.float": _quiet(np.float32),
    "impute.isnan": math.isnan,
    "a.argmax": _first_largest,
    "a.argmin": _first_smallest,
    "a.contains": operator.contains,
    "a.index": _index,
    "a.map": lambda values, function: [function(value) for value in values],
    "a.sum": sum,
}
