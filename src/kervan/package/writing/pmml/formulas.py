"""Formulas of a document: derived fields, and the functions that they are made of.

Sums, products and their like are those of what is not missing, as PMML4S has it.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.neutral.form import Equal, Impute, Operation, Power, Unary
from kervan.package.writing.pmml.fields import EXPORT, Category, Field, Number, Questions, to_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from xml.etree.ElementTree import Element

    from kervan.package.writing.neutral.build import Builder

_FOLDED = {
    "+": Operation.ADD,
    "-": Operation.SUBTRACT,
    "*": Operation.MULTIPLY,
    "/": Operation.DIVIDE,
    "and": Operation.MINIMUM,
    "or": Operation.MAXIMUM,
}
_LARGEST = float(np.finfo(np.float64).max)
_OF_KNOWN = {  # what stands for a missing one, so that it changes nothing
    "sum": (Operation.ADD, 0.0),
    "avg": (Operation.ADD, 0.0),
    "product": (Operation.MULTIPLY, 1.0),
    "min": (Operation.MINIMUM, _LARGEST),
    "max": (Operation.MAXIMUM, -_LARGEST),
}
_FUNCTIONS = {
    "exp": Unary.EXP,
    "ln": Unary.LOG,
    "sqrt": Unary.SQRT,
    "abs": Unary.ABS,
    "floor": Unary.FLOOR,
    "expm1": Unary.EXPM1,
    "ln1p": Unary.LOG1P,
    "tanh": Unary.TANH,
}
_COMPARISONS = {"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"}


class Fields(Questions):
    """The fields that a model can name: those given, and those derived from them when they are asked for."""

    def __init__(
        self,
        builder: Builder,
        known: Mapping[str, Field],
        derived: Mapping[str, Element],
        above: Fields | None = None,
    ) -> None:
        super().__init__(builder)
        self._known = dict(known)
        self._derived = dict(derived)
        self._above = above
        self._asked: set[str] = set()

    def add(self, name: str, field: Field) -> None:
        """Add a field, such as one that an earlier model of a chain gives."""
        self._known[name] = field

    def field(self, name: str) -> Field:
        """Return a field by its name. Raises `Corrupted` where there is none, or it hangs on itself."""
        if name in self._known:
            return self._known[name]
        if name in self._derived:
            if name in self._asked:
                raise Corrupted(
                    f"the derived field {name!r} hangs on itself", hint="fetch the document again"
                )
            self._asked.add(name)
            self._known[name] = self._derive(self._derived[name])
            return self._known[name]
        if self._above is None:
            raise Corrupted(f"the document has no field {name!r}", hint="fetch it again")
        return self._above.field(name)

    def number(self, name: str) -> int:
        """Return the value of a field of numbers."""
        found = self.field(name)
        if isinstance(found, Category):
            raise Refused(f"the field {name!r} holds texts where numbers are asked for", hint=EXPORT)
        return found.value

    def _derive(self, told: Element) -> Field:
        found = self.formula(_only(told))
        if told.get("dataType") == "float" and isinstance(found, Number):
            # Readers do not agree whether such a field is rounded; the standard says that it is.
            self.builder.in_single(1)
            return Number(value=self.builder.map(found.value, Unary.ROUND32))
        return found

    def formula(self, told: Element) -> Field:
        """Return what a formula gives. Raises `Refused` that names one which is not known here."""
        if told.tag == "FieldRef":
            return self._reference(told)
        if told.tag == "Constant":
            return Number(value=self.builder.constant([to_number(told.text or "")]))
        if told.tag == "NormDiscrete":
            return Number(value=self._indicator(told))
        read = {
            "NormContinuous": self._norm_continuous,
            "Discretize": self._discretize,
            "MapValues": self._map_values,
            "Apply": self._apply,
        }.get(told.tag)
        if read is None:
            raise Refused(f"the formula {told.tag} is not read here", hint=EXPORT)
        return Number(value=read(told))

    def _reference(self, told: Element) -> Field:
        found, default = self.field(told.get("field", "")), told.get("mapMissingTo")
        return found if default is None else self.replaced(found, default)

    def _indicator(self, told: Element) -> int:
        field = self.field(told.get("field", ""))
        found = self.is_text(field, told.get("value", ""))
        default = told.get("mapMissingTo")
        if default is None:
            return self.missing_where(found, [self.missing(field)])
        added = self.builder.arithmetic(self.missing(field), Operation.MULTIPLY, to_number(default))
        return self.builder.combine(found, Operation.ADD, added)

    def _norm_continuous(self, told: Element) -> int:
        """Follow the lines between points; outside, the first and the last go on unless they end there."""
        builder, value = self.builder, self.number(told.get("field", ""))
        points = [
            (to_number(point.get("orig")), to_number(point.get("norm"))) for point in told.iter("LinearNorm")
        ]
        xs, ys = np.array(points).T
        outliers = told.get("outliers", "asIs")
        if len(points) < 2 or (np.diff(xs) <= 0).any() or outliers == "asMissingValues":
            raise Refused("a NormContinuous has no rising points, or hides what is outside", hint=EXPORT)
        found = builder.interpolate(value, xs, ys)
        if outliers == "asIs":
            ends = np.diff(ys)[[0, -1]] / np.diff(xs)[[0, -1]]
            below = builder.arithmetic(
                builder.arithmetic(value, Operation.SUBTRACT, xs[0]), Operation.MINIMUM, 0.0
            )
            above = builder.arithmetic(
                builder.arithmetic(value, Operation.SUBTRACT, xs[-1]), Operation.MAXIMUM, 0.0
            )
            for part, slope in ((below, ends[0]), (above, ends[1])):
                found = builder.combine(
                    found, Operation.ADD, builder.arithmetic(part, Operation.MULTIPLY, slope)
                )
        return self._defaulted(found, told)

    def _defaulted(self, value: int, told: Element) -> int:
        default = told.get("mapMissingTo")
        if default is None:
            return value
        return self.builder.add(Impute(sources=(value,), fill=np.array([to_number(default)])))

    def _discretize(self, told: Element) -> int:
        """Return the number of the bin that a number lies in."""
        value, builder = self.number(told.get("field", "")), self.builder
        total = builder.arithmetic(value, Operation.MULTIPLY, 0.0)  # stays missing
        inside = builder.arithmetic(total, Operation.ADD, 1.0)
        rest = builder.arithmetic(total, Operation.ADD, 1.0)
        for told_bin in told.iterfind("DiscretizeBin"):
            interval = told_bin.find("Interval")
            if interval is None:
                raise Corrupted("a bin has no interval", hint="fetch the document again")
            closure = interval.get("closure", "closedClosed")
            found = inside
            for side, is_low in (("leftMargin", True), ("rightMargin", False)):
                margin = to_number(interval.get(side, str(-inf if is_low else inf)))
                if np.isfinite(margin):
                    is_closed = closure.startswith("closed") if is_low else closure.endswith("Closed")
                    operator = ("greater" if is_low else "less") + ("OrEqual" if is_closed else "Than")
                    found = builder.combine(
                        found, Operation.MINIMUM, self.compared(operator, value, builder.constant([margin]))
                    )
            answer = to_number(told_bin.get("binValue"))
            total = builder.combine(
                total, Operation.ADD, builder.arithmetic(found, Operation.MULTIPLY, answer)
            )
            rest = builder.combine(rest, Operation.SUBTRACT, found)
        default = told.get("defaultValue")
        if default is None:
            total = self.missing_where(total, [builder.arithmetic(rest, Operation.MAXIMUM, 0.0)])
        else:
            total = builder.combine(
                total, Operation.ADD, builder.arithmetic(rest, Operation.MULTIPLY, to_number(default))
            )
        return self._defaulted(total, told)

    def _map_values(self, told: Element) -> int:
        """Return the number that stands beside a text or number in a table."""
        pairs = told.findall("FieldColumnPair")
        rows = told.findall("InlineTable/row")
        if len(pairs) != 1 or not rows:
            raise Refused("a MapValues over several fields, or without a table, is not read", hint=EXPORT)
        field, builder = self.field(pairs[0].get("field", "")), self.builder
        column, output = pairs[0].get("column", ""), told.get("outputColumn", "")
        total = builder.constant([0.0])
        rest = self.turned(self.missing(field))
        for row in rows:
            found = self.is_text(field, _cell(row, column))
            answer = to_number(_cell(row, output))
            total = builder.combine(
                total, Operation.ADD, builder.arithmetic(found, Operation.MULTIPLY, answer)
            )
            rest = builder.combine(rest, Operation.SUBTRACT, found)
        default, missing = told.get("defaultValue"), told.get("mapMissingTo")
        for flag, answer_text in ((rest, default), (self.missing(field), missing)):
            if answer_text is None:
                total = self.missing_where(total, [flag])
            else:
                weighted = builder.arithmetic(flag, Operation.MULTIPLY, to_number(answer_text))
                total = builder.combine(total, Operation.ADD, weighted)
        return total

    def _apply(self, told: Element) -> int:
        name, parts = told.get("function", ""), [part for part in told if part.tag != "Extension"]
        if name in {"isMissing", "isNotMissing"}:
            found = self.missing(self.formula(parts[0]))
            return found if name == "isMissing" else self.turned(found)
        if name in _COMPARISONS:
            return self._comparison(name, parts)
        if name in {"isIn", "isNotIn"}:
            return self._membership(name, parts)
        values = [self._number(part) for part in parts]
        return self._defaulted(self._called(name, values), told)

    def _number(self, told: Element) -> int:
        found = self.formula(told)
        if isinstance(found, Category):
            raise Refused("a formula computes with texts", hint=EXPORT)
        return found.value

    def _comparison(self, name: str, parts: list[Element]) -> int:
        constants = [part for part in parts if part.tag == "Constant"]
        others = [self.formula(part) for part in parts if part.tag != "Constant"]
        if any(isinstance(other, Category) for other in others):
            if name not in {"equal", "notEqual"} or len(constants) != 1:
                raise Refused("texts are compared with each other", hint=EXPORT)
            found = self.is_text(others[0], constants[0].text or "")
            return found if name == "equal" else self.turned(found)
        one, other = (self._number(part) for part in parts)
        return self.compared(name, one, other)

    def _membership(self, name: str, parts: list[Element]) -> int:
        field = self.formula(parts[0])
        total = self.builder.constant([0.0])
        for part in parts[1:]:
            total = self.builder.combine(total, Operation.ADD, self.is_text(field, part.text or ""))
        return self.turned(total) if name == "isNotIn" else total

    def _called(self, name: str, values: list[int]) -> int:
        builder = self.builder
        if name in _FUNCTIONS and len(values) == 1:
            return builder.map(values[0], _FUNCTIONS[name])
        plain: dict[str, Callable[[], int]] = {
            "not": lambda: self.turned(values[0]),
            "ceil": lambda: self._opposite(builder.map(self._opposite(values[0]), Unary.FLOOR)),
            "log10": lambda: builder.arithmetic(
                builder.map(values[0], Unary.LOG), Operation.DIVIDE, np.log(10.0)
            ),
            "if": lambda: self._if(*values),
            "pow": lambda: self._power(values),
            "threshold": lambda: self.compared("greaterThan", values[0], values[1]),
        }
        if name in plain:
            return plain[name]()
        if name in _OF_KNOWN and values:
            return self._of_known(name, values)
        if name == "-" and len(values) == 1:
            return self._opposite(values[0])
        if name not in _FOLDED or not values:
            raise Refused(f"the function {name!r} is not read here", hint=EXPORT)
        total = values[0]
        for value in values[1:]:
            total = builder.combine(total, _FOLDED[name], value)
        return total

    def _if(self, condition: int, then: int, other: int = -1) -> int:
        if other < 0:
            other = self.builder.map(self.builder.constant([-1.0]), Unary.LOG)  # nothing
        return self.chosen(condition, then, other)

    def _of_known(self, name: str, values: list[int]) -> int:
        """Combine what is not missing; nothing, if everything is."""
        builder = self.builder
        operation, nothing = _OF_KNOWN[name]
        known = [builder.add(Impute(sources=(value,), fill=np.array([nothing]))) for value in values]
        flags = builder.join([builder.map(value, Unary.MISSING) for value in values])
        total = known[0]
        for value in known[1:]:
            total = builder.combine(total, operation, value)
        width = len(values)
        if name == "avg":
            return builder.combine(
                total, Operation.DIVIDE, builder.linear(flags, [-1.0] * width, float(width))
            )
        empty = builder.add(
            Equal(
                sources=(builder.linear(flags, [1.0] * width, 0.0),),
                places=np.zeros(1, np.int64),
                values=np.array([float(width)]),
            )
        )
        return self.missing_where(total, [empty])

    def _opposite(self, value: int) -> int:
        return self.builder.arithmetic(value, Operation.MULTIPLY, -1.0)

    def _power(self, values: list[int]) -> int:
        """Raise to a power that is a constant."""
        layer: Any = self.builder.layers[values[1] - 1]
        weights = getattr(layer, "weights", None)
        if weights is None or weights.any():
            raise Refused("a power hangs on the row", hint=EXPORT)
        return self.builder.add(Power(sources=(values[0],), exponent=float(layer.bias[0])))


def _cell(row: Element, column: str) -> str:
    for cell in row:
        if cell.tag == column:
            return cell.text or ""
    return ""


def _only(told: Element) -> Element:
    for part in told:
        if part.tag != "Extension":
            return part
    raise Corrupted(f"the field {told.get('name')!r} has no formula", hint="fetch the document again")
