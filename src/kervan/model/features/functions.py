"""The functions and operators of expressions, each with how many arguments it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from math import inf, isfinite
from typing import TYPE_CHECKING

from kervan.core.errors import did_you_mean
from kervan.core.expressions import ExpressionError
from kervan.model.features.bins import binned
from kervan.model.features.choices import coalesce, is_among, is_equal, is_unequal, picked
from kervan.model.features.dates import DATES, are_dates, compared, since
from kervan.model.features.parts import constant_of
from kervan.model.features.texts import TEXTS
from kervan.model.features.values import Kind, Value
from kervan.package.encoding import LARGEST
from kervan.package.writing.neutral.form import Operation, Unary

if TYPE_CHECKING:
    from kervan.core.expressions import Call, Node
    from kervan.model.features.parts import Parts

Give = Callable[["Parts", "Call"], Value]


@dataclass(frozen=True, slots=True)
class Function:
    """What a function gives, how many arguments it takes at least and at most, and which by name."""

    give: Give
    least: int = 1
    most: float = 1
    named: tuple[str, ...] = ()


def called(parts: Parts, node: Call) -> Value:
    """Return what a function gives, or raise `ExpressionError`."""
    known = FUNCTIONS.get(node.function)
    if known is None:
        names = [name for name in FUNCTIONS if name.isidentifier()]
        raise ExpressionError(
            f"there is no function {node.function!r}", at=node.at, hint=did_you_mean(node.function, names)
        )
    for name, _ in node.named:
        if name not in known.named:
            hint = did_you_mean(name, known.named) if known.named else ""
            raise ExpressionError(f"{node.function} takes no `{name}`", at=node.at, hint=hint)
    if not known.least <= len(node.arguments) <= known.most:
        many = f"{known.least}" if known.most == known.least else f"at least {known.least}"
        raise ExpressionError(
            f"{node.function} takes {many} arguments, not {len(node.arguments)}", at=node.at
        )
    return known.give(parts, node)


def _number(part: int) -> Value:
    return Value(kind=Kind.NUMBER, parts=(part,))


def _truth(part: int) -> Value:
    return Value(kind=Kind.TRUTH, parts=(part,))


def _checked(number: float, node: Node) -> Value:
    if not isfinite(number) or abs(number) > LARGEST:
        raise ExpressionError("the numbers here have no result", at=node.at)
    return Value(kind=Kind.NUMBER, constant=number)


def _added(parts: Parts, node: Call, operation: Operation) -> Value:
    left, right = node.arguments
    if operation is Operation.SUBTRACT and are_dates(parts, left, right):
        return since(parts, node)
    one, other = parts.number(left), parts.number(right)
    sign = 1.0 if operation is Operation.ADD else -1.0
    if one.is_constant and other.is_constant:
        return _checked(float(one.constant or 0) + sign * float(other.constant or 0), node)
    circuit = parts.circuit
    if other.is_constant:
        return _number(circuit.shifted(parts.part(one), sign * float(other.constant or 0)))
    if one.is_constant:
        turned = parts.part(other) if sign > 0 else circuit.times(parts.part(other), -1.0)
        return _number(circuit.shifted(turned, float(one.constant or 0)))
    return _number(circuit.combine(parts.part(one), operation, parts.part(other)))


def _multiplied(parts: Parts, node: Call) -> Value:
    one, other = (parts.number(each) for each in node.arguments)
    if one.is_constant and other.is_constant:
        return _checked(float(one.constant or 0) * float(other.constant or 0), node)
    if one.is_constant:
        one, other = other, one
    if other.is_constant:
        return _number(
            parts.circuit.limited(parts.circuit.times(parts.part(one), float(other.constant or 0)))
        )
    return _number(parts.circuit.product(parts.part(one), parts.part(other)))


def _divided(parts: Parts, node: Call) -> Value:
    one, other = (parts.number(each) for each in node.arguments)
    if other.is_constant:
        divisor = float(other.constant or 0)
        if not divisor:
            raise ExpressionError("this divides by zero", at=node.at)
        if one.is_constant:
            return _checked(float(one.constant or 0) / divisor, node)
        return _number(parts.circuit.quotient_by(parts.part(one), divisor))
    return _number(parts.circuit.quotient(parts.part(one), parts.part(other)))


def _remainder(parts: Parts, node: Call) -> Value:
    """x - floor(x / d) * d."""
    value = parts.part(parts.number(node.arguments[0]))
    divisor = constant_of(node.arguments[1])
    if divisor <= 0:
        raise ExpressionError("the remainder is of a division by a number above 0", at=node.at)
    circuit = parts.circuit
    times = circuit.times(circuit.floor(circuit.quotient_by(value, divisor)), divisor)
    return _number(circuit.limited(circuit.combine(value, Operation.SUBTRACT, times)))


def _negative(parts: Parts, node: Call) -> Value:
    found = parts.number(node.arguments[0])
    if found.is_constant:
        return _checked(-float(found.constant or 0), node)
    return _number(parts.circuit.times(parts.part(found), -1.0))


def _power(parts: Parts, node: Call) -> Value:
    base = parts.number(node.arguments[0])
    exponent = parts.number(node.arguments[1])
    if not exponent.is_constant:
        raise ExpressionError("the exponent has to be a number that is written out", at=node.at)
    wanted = float(exponent.constant or 0)
    if base.is_constant:
        raise ExpressionError("this power is the same in every row", at=node.at)
    if not wanted or abs(wanted) > 16:
        raise ExpressionError(f"{wanted:g} is no exponent here", at=node.at, hint="from -16 to 16, and not 0")
    return _number(parts.part(base) if wanted == 1 else parts.circuit.power(parts.part(base), wanted))


def _mapped(parts: Parts, node: Call, function: Unary) -> Value:
    return _number(parts.circuit.builder.map(parts.part(parts.number(node.arguments[0])), function))


def _guarded(parts: Parts, node: Call) -> Value:
    guarded: Callable[[int], int] = getattr(parts.circuit, node.function)
    return _number(guarded(parts.part(parts.number(node.arguments[0]))))


def _rounded(parts: Parts, node: Call) -> Value:
    """floor(x * 10 ** digits + 0.5) / 10 ** digits: halves go up."""
    value = parts.part(parts.number(node.arguments[0]))
    digits = constant_of(node.arguments[1]) if len(node.arguments) > 1 else 0.0
    if digits != int(digits) or abs(digits) > 9:
        raise ExpressionError("the digits are a whole number from -9 to 9", at=node.at)
    circuit, scale = parts.circuit, 10.0 ** abs(digits)
    larger, smaller = (
        (circuit.times, circuit.quotient_by) if digits >= 0 else (circuit.quotient_by, circuit.times)
    )
    whole = circuit.floor(circuit.shifted(larger(value, scale) if digits else value, 0.5))
    return _number(circuit.limited(smaller(whole, scale)) if digits else whole)


def _folded(parts: Parts, node: Call, operation: Operation) -> Value:
    found = parts.numbers(node.arguments)
    return _number(reduce(lambda left, right: parts.circuit.combine(left, operation, right), found))


def _total(parts: Parts, node: Call, *, is_mean: bool) -> Value:
    found = parts.numbers(node.arguments)
    share = 1.0 / len(found) if is_mean else 1.0
    joined = parts.circuit.builder.join(found)
    return _number(parts.circuit.builder.linear(joined, [share] * len(found), 0.0))


def _ordered(parts: Parts, node: Call) -> Value:
    """<, <=, > and >=, of numbers or of dates."""
    left, right = node.arguments
    circuit, operator = parts.circuit, node.function
    if are_dates(parts, left, right):
        apart = compared(parts, node)
    else:
        one, other = parts.number(left), parts.number(right)
        if one.is_constant and other.is_constant:
            raise ExpressionError("this compares two constants", at=node.at)
        if other.is_constant and operator in {">=", "<"}:
            value = parts.part(one)
            reached = circuit.reaches(value, float(other.constant or 0))
            return _truth(circuit.known(reached if operator == ">=" else circuit.opposite(reached), value))
        if other.is_constant:
            value = circuit.times(parts.part(one), -1.0)
            reached = circuit.reaches(value, -float(other.constant or 0))
            return _truth(circuit.known(reached if operator == "<=" else circuit.opposite(reached), value))
        apart = circuit.combine(parts.part(one), Operation.SUBTRACT, parts.part(other))
    if operator in {"<=", ">"}:
        apart = circuit.times(apart, -1.0)
    reached = circuit.reaches(apart, 0.0)
    found = reached if operator in {">=", "<="} else circuit.opposite(reached)
    return _truth(circuit.known(found, apart))


def _logical(parts: Parts, node: Call) -> Value:
    truths = [parts.truth(each) for each in node.arguments]
    if node.function == "not":
        return _truth(parts.circuit.opposite(truths[0]))
    together = parts.circuit.all_of if node.function == "and" else parts.circuit.any_of
    return _truth(together(truths))


def _missing(parts: Parts, node: Call) -> Value:
    found = parts.value(node.arguments[0])
    if found.is_constant:
        return Value(kind=Kind.TRUTH, constant=False)
    return _truth(parts.missing(found))


FUNCTIONS: Mapping[str, Function] = {
    "+": Function(partial(_added, operation=Operation.ADD), 2, 2),
    "-": Function(partial(_added, operation=Operation.SUBTRACT), 2, 2),
    "*": Function(_multiplied, 2, 2),
    "/": Function(_divided, 2, 2),
    "%": Function(_remainder, 2, 2),
    "**": Function(_power, 2, 2),
    "negative": Function(_negative),
    "abs": Function(partial(_mapped, function=Unary.ABS)),
    "floor": Function(partial(_mapped, function=Unary.FLOOR)),
    "round": Function(_rounded, 1, 2),
    "exp": Function(_guarded),
    "log": Function(_guarded),
    "log1p": Function(_guarded),
    "sqrt": Function(_guarded),
    "min": Function(partial(_folded, operation=Operation.MINIMUM), 2, inf),
    "max": Function(partial(_folded, operation=Operation.MAXIMUM), 2, inf),
    "sum": Function(partial(_total, is_mean=False), 2, inf),
    "mean": Function(partial(_total, is_mean=True), 2, inf),
    "<": Function(_ordered, 2, 2),
    "<=": Function(_ordered, 2, 2),
    ">": Function(_ordered, 2, 2),
    ">=": Function(_ordered, 2, 2),
    "==": Function(is_equal, 2, 2),
    "!=": Function(is_unequal, 2, 2),
    "in": Function(is_among, 2, 2),
    "and": Function(_logical, 2, 2),
    "or": Function(_logical, 2, 2),
    "not": Function(_logical),
    "if": Function(picked, 3, 3),
    "missing": Function(_missing),
    "coalesce": Function(coalesce, 2, inf),
    "bin": Function(binned, 1, 2, ("quantiles",)),
    **{name: Function(give, least, most) for name, (give, least, most) in {**TEXTS, **DATES}.items()},
}
