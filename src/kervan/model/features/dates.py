"""Dates and times in expressions: their parts, the time between two, and which is earlier."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kervan.core.expressions import Call, ExpressionError
from kervan.model.calendar import of_days, of_seconds
from kervan.model.features.parts import unfit
from kervan.model.features.values import Kind, Value
from kervan.package.encoding import days_of, moment_of
from kervan.package.writing.neutral.form import Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.core.expressions import Node
    from kervan.model.features.parts import Parts

_KINDS = {Kind.DATE, Kind.TIME}
_DAY = 86_400.0


def are_dates(parts: Parts, *nodes: Node) -> bool:
    """Say whether one of two parts is a date or a time, so that the other has to be one."""
    return any(parts.value(node).kind in _KINDS for node in nodes)


def since(parts: Parts, node: Call) -> Value:
    """left - right: in days between dates, in seconds where one of them is a time."""
    left, right = (_date(parts, each) for each in node.arguments)
    has_time = Kind.TIME in {left.kind, right.kind}
    return _number(_seconds(parts, left, right) if has_time else _days(parts, left, right))


def compared(parts: Parts, node: Call) -> int:
    """Return how far the left date is behind the right one."""
    return since(parts, node).parts[0]


def _between(parts: Parts, node: Call) -> Value:
    """From the first to the second, in seconds or in days."""
    start, end = (_date(parts, each) for each in node.arguments)
    if Kind.TIME not in {start.kind, end.kind}:
        days = _days(parts, end, start)
        return _number(days if node.function == "days_between" else parts.circuit.times(days, _DAY))
    seconds = _seconds(parts, end, start)
    is_seconds = node.function == "seconds_between"
    return _number(seconds if is_seconds else parts.circuit.quotient_by(seconds, _DAY))


def _part(parts: Parts, node: Call, place: int) -> Value:
    found = parts.value(node.arguments[0])
    if found.kind not in _KINDS:
        raise unfit(node.arguments[0], found, "a date or a time")
    return _number(of_days(parts.circuit.builder, found.parts[0])[place])


def _part_of_time(parts: Parts, node: Call, place: int) -> Value:
    found = parts.value(node.arguments[0])
    if found.kind is not Kind.TIME:
        raise unfit(node.arguments[0], found, "a time")
    return _number(of_seconds(parts.circuit.builder, found.parts[1])[place])


def _date(parts: Parts, node: Node) -> Value:
    found = parts.value(node)
    if isinstance(found.constant, str):
        return _written(parts, node, found.constant)
    if found.kind not in _KINDS:
        raise unfit(node, found, "a date or a time")
    return found


def _written(parts: Parts, node: Node, text: str) -> Value:
    """Read a date or time that is written out, as ISO 8601 says."""
    try:
        if len(text) <= len("2026-01-31"):
            return Value(kind=Kind.DATE, parts=(parts.circuit.constant(days_of(text)),))
        return Value(kind=Kind.TIME, parts=tuple(map(parts.circuit.constant, moment_of(text))))
    except ValueError as error:
        raise ExpressionError(
            f"{text!r} is no date or time", at=node.at, hint='write "2026-01-31" or "2026-01-31T08:30:00"'
        ) from error


def _days(parts: Parts, left: Value, right: Value) -> int:
    return parts.circuit.combine(left.parts[0], Operation.SUBTRACT, right.parts[0])


def _seconds(parts: Parts, left: Value, right: Value) -> int:
    """Days and seconds apart: neither loses a digit, however far from 1970 both are."""
    circuit = parts.circuit
    found = circuit.times(_days(parts, left, right), _DAY)
    if len(left.parts) > 1:
        found = circuit.combine(found, Operation.ADD, left.parts[1])
    if len(right.parts) > 1:
        found = circuit.combine(found, Operation.SUBTRACT, right.parts[1])
    return found


def _number(part: int) -> Value:
    return Value(kind=Kind.NUMBER, parts=(part,))


# What each function gives, and how many arguments it takes at least and at most.
DATES: dict[str, tuple[Callable[[Parts, Call], Value], int, int]] = {
    "year": (partial(_part, place=0), 1, 1),
    "month": (partial(_part, place=1), 1, 1),
    "day": (partial(_part, place=2), 1, 1),
    "weekday": (partial(_part, place=3), 1, 1),
    "hour": (partial(_part_of_time, place=0), 1, 1),
    "minute": (partial(_part_of_time, place=1), 1, 1),
    "days_between": (_between, 2, 2),
    "seconds_between": (_between, 2, 2),
}
