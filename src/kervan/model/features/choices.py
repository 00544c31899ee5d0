"""Choosing between values, and asking whether they are the same."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from kervan.core.errors import did_you_mean
from kervan.core.expressions import Call, ExpressionError, Items, Node
from kervan.model.features.dates import are_dates, compared
from kervan.model.features.parts import constant_of, labels_of, text_of, unfit
from kervan.model.features.values import Kind, Value
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.form import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.model.features.parts import Parts

_NUMBERS = {Kind.NUMBER, Kind.TRUTH}


def is_equal(parts: Parts, node: Call) -> Value:
    """Whether two values are the same; missing where one is."""
    left, right = node.arguments
    if are_dates(parts, left, right):
        apart = compared(parts, node)
        return _truth(parts.circuit.known(parts.circuit.equals(apart, 0.0), apart))
    one, other = parts.value(left), parts.value(right)
    if one.is_constant:
        one, other, left, right = other, one, right, left
    if one.is_constant:
        raise ExpressionError("this compares two constants", at=node.at)
    if one.kind is Kind.CATEGORY:
        return _truth(_is_category(parts, one, other, right))
    value = parts.part(parts.number(left))
    if other.kind not in _NUMBERS:
        raise unfit(right, other, "a number")
    if other.is_constant:
        return _truth(parts.circuit.known(parts.circuit.equals(value, float(other.constant or 0)), value))
    apart = parts.circuit.combine(value, Operation.SUBTRACT, parts.part(other))
    return _truth(parts.circuit.known(parts.circuit.equals(apart, 0.0), apart))


def is_unequal(parts: Parts, node: Call) -> Value:
    """Whether two values differ; missing where one is."""
    return _truth(parts.circuit.opposite(is_equal(parts, node).parts[0]))


def is_among(parts: Parts, node: Call) -> Value:
    """Whether a value is in a list; missing where it is."""
    value, listed = node.arguments
    if not isinstance(listed, Items) or not listed.items:
        raise ExpressionError('`in` needs a list, such as ["a", "b"]', at=listed.at)
    found = parts.value(value)
    circuit = parts.circuit
    if found.kind is Kind.CATEGORY and not found.is_constant:
        wanted = {_known_label(found, each) for each in listed.items}
        return _truth(circuit.looked_up(found.parts[0], [float(each in wanted) for each in found.labels]))
    number = parts.part(parts.number(value))
    equal = [circuit.equals(number, constant_of(each)) for each in listed.items]
    any_of = reduce(lambda one, other: circuit.combine(one, Operation.MAXIMUM, other), equal)
    return _truth(circuit.known(any_of, number))


def picked(parts: Parts, node: Call) -> Value:
    """The second argument where the first is true, the third where it is false."""
    test, *branches = node.arguments
    chosen = parts.truth(test)
    values = [parts.value(each) for each in branches]
    kind = _common(branches, values)
    circuit = parts.circuit
    if kind is Kind.CATEGORY:
        labels = labels_of(*values)
        then, other = (parts.code(each, labels) for each in values)
        code = circuit.filled(circuit.chosen(chosen, then, other), UNKNOWN)
        return Value(kind=kind, parts=(code,), labels=labels)
    then, other = map(parts.part, values)
    return Value(kind=kind, parts=(circuit.chosen(chosen, then, other),))


def coalesce(parts: Parts, node: Call) -> Value:
    """The first argument that is not missing."""
    values = [parts.value(each) for each in node.arguments]
    kind = _common(node.arguments, values)
    labels = labels_of(*values) if kind is Kind.CATEGORY else ()

    def either(first: int, second: int) -> int:
        is_missing = parts.circuit.equals(first, UNKNOWN) if labels else parts.circuit.missing(first)
        return parts.circuit.builder.replace(is_missing, first, second)

    given = [parts.code(each, labels) if labels else parts.part(each) for each in values]
    return Value(kind=kind, parts=(reduce(either, given),), labels=labels)


def _is_category(parts: Parts, one: Value, other: Value, node: Node) -> int:
    circuit = parts.circuit
    if other.is_constant:
        wanted = _known_label(one, node)
        return circuit.looked_up(one.parts[0], [float(label == wanted) for label in one.labels])
    if other.kind is not Kind.CATEGORY:
        raise unfit(node, other, "a category")
    labels = labels_of(one, other)
    codes = [parts.code(each, labels) for each in (one, other)]
    left, right = (circuit.unless(circuit.equals(code, UNKNOWN), code) for code in codes)
    apart = circuit.combine(left, Operation.SUBTRACT, right)
    return circuit.known(circuit.equals(apart, 0.0), apart)


def _known_label(value: Value, node: Node) -> str:
    """Return a text that is one of a column's categories, or raise `ExpressionError`."""
    wanted = text_of(node)
    if wanted not in value.labels:
        raise ExpressionError(
            f"there is no category {wanted!r}", at=node.at, hint=did_you_mean(wanted, value.labels)
        )
    return wanted


def _common(nodes: Sequence[Node], values: Sequence[Value]) -> Kind:
    """Return of which kind all values are; truths among numbers count 0 and 1."""
    kinds = {value.kind for value in values}
    if kinds <= _NUMBERS:
        return Kind.TRUTH if kinds == {Kind.TRUTH} else Kind.NUMBER
    for node, value in zip(nodes, values, strict=True):
        if value.kind not in {*_NUMBERS, Kind.CATEGORY}:
            raise unfit(node, value, "a number or a category")
    if kinds == {Kind.CATEGORY}:
        return Kind.CATEGORY
    odd = next(place for place, value in enumerate(values) if value.kind is not values[0].kind)
    wanted = "a category" if values[0].kind is Kind.CATEGORY else "a number"
    raise unfit(nodes[odd], values[odd], wanted)


def _truth(part: int) -> Value:
    return Value(kind=Kind.TRUTH, parts=(part,))
