"""The language of features once more, as plain Python over one row: what compiled features are compared with.

A missing value is None. Nothing is shared with the compiler but the parser.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

from kervan.core.expressions import Call, Items, Literal, Name, Node

LARGEST, SMALLEST = 3.4028234663852886e38, 1.1754943508222875e-38


def evaluate(node: Node, row: dict[str, Any]) -> Any:
    """Return what an expression says of a row."""
    match node:
        case Literal(value=value):
            return value
        case Name(name=name):
            return row[name]
        case Items(items=items):
            return [evaluate(each, row) for each in items]
        case Call(function=name, arguments=arguments):
            given = [evaluate(each, row) for each in arguments]
            if name in LAZY:
                return LAZY[name](*given)
            return None if None in given else FUNCTIONS[name](*given)


def _held(value: float) -> float | None:
    return None if math.isnan(value) or abs(value) > LARGEST else value


def _and(left: bool | None, right: bool | None) -> bool | None:
    return False if left is False or right is False else None if None in {left, right} else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    return True if left is True or right is True else None if None in {left, right} else False


def _minus(left: Any, right: Any) -> float:
    return float((left - right).days) if isinstance(left, date) else left - right


def _power(base: float, exponent: float) -> float | None:
    if exponent in {2.0, 3.0}:
        square = _held(base * base)
        return square if exponent == 2.0 or square is None else _held(square * base)
    if base < 0 and exponent != int(exponent):
        return None
    if exponent < 0 and not base:
        return None
    try:
        return _held(math.pow(base, exponent))
    except OverflowError:
        return None


def _round(value: float, digits: float = 0.0) -> float | None:
    if not digits:
        return math.floor(value + 0.5)
    scale = 10.0**digits
    grown = _held(value * scale) if abs(value) * scale <= LARGEST else None
    return None if grown is None else float(math.floor(grown + 0.5)) / scale


LAZY: dict[str, Callable[..., Any]] = {
    "and": _and,
    "or": _or,
    "if": lambda test, then, other: None if test is None else then if test else other,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "missing": lambda value: value is None,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": lambda left, right: left + right,
    "-": _minus,
    "*": lambda left, right: _held(left * right),
    "/": lambda left, right: None if abs(right) < SMALLEST else _held(left / right),
    "**": _power,
    "negative": lambda value: -value,
    "not": lambda value: not value,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= (date.fromisoformat(right) if isinstance(right, str) else right),
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "in": lambda value, listed: value in listed,
    "abs": abs,
    "floor": lambda value: float(math.floor(value)),
    "round": _round,
    "min": min,
    "max": max,
    "sum": lambda *values: sum(values),
    "mean": lambda *values: sum(values) / len(values),
    "exp": lambda value: None if value >= 88.72 else math.exp(value),
    "log": lambda value: None if value <= 0 else math.log(value),
    "log1p": lambda value: None if value <= -1 else math.log1p(value),
    "sqrt": lambda value: None if value < 0 else math.sqrt(value),
    "bin": lambda value, edges: float(sum(value >= edge for edge in edges)),
    "lower": lambda text: text.lower().replace("i\u0307", "i"),
    "upper": str.upper,
    "length": lambda text: float(len(text)),
    "contains": lambda text, part: part in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "year": lambda day: float(day.year),
    "month": lambda day: float(day.month),
    "day": lambda day: float(day.day),
    "weekday": lambda day: float(day.weekday()),
    "days_between": lambda start, end: float((end - start).days),
}
