"""What functions ask of their arguments: numbers, truths, categories, each as a value of the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.expressions import ExpressionError, Literal, Name, Node
from kervan.model.features.values import Kind, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.model.features.circuit import Circuit
    from kervan.package.writing.neutral.form import Floats

_NUMBERS = {Kind.NUMBER, Kind.TRUTH}


class Parts:
    """The arguments of functions. `value` reads a part of an expression, `edges` learns where bins part."""

    def __init__(
        self,
        circuit: Circuit,
        value: Callable[[Node], Value],
        edges: Callable[[int, int], Floats | Sequence[float]],
    ) -> None:
        self.circuit = circuit
        self.value = value
        self.edges = edges

    def number(self, node: Node) -> Value:
        """Return a part that has to be a number, or a truth, which counts 0 or 1."""
        found = self.value(node)
        if found.kind not in _NUMBERS:
            raise unfit(node, found, "a number")
        if isinstance(found.constant, bool):
            return Value(kind=Kind.NUMBER, constant=float(found.constant))
        return found

    def numbers(self, nodes: Sequence[Node]) -> list[int]:
        """Return parts that have to be numbers, as values of the form."""
        return [self.part(self.number(node)) for node in nodes]

    def truth(self, node: Node) -> int:
        """Return a part that has to be true or false."""
        found = self.value(node)
        if found.kind is not Kind.TRUTH:
            raise unfit(node, found, "true or false", hint="compare it with something, such as `age > 30`")
        return self.part(found)

    def part(self, value: Value) -> int:
        """Return where a number or truth is computed, also of a constant."""
        if value.constant is not None and not isinstance(value.constant, str):
            return self.circuit.constant(float(value.constant))
        return value.parts[0]

    def code(self, value: Value, labels: Sequence[str]) -> int:
        """Return the place of a category in a list of them, -1 where it is missing."""
        if isinstance(value.constant, str):
            return self.circuit.constant(float(labels.index(value.constant)))
        if list(value.labels) == list(labels):
            return value.parts[0]
        return self.circuit.recoded(value.parts[0], [float(labels.index(each)) for each in value.labels])

    def missing(self, value: Value) -> int:
        """Say whether a part of any kind is missing."""
        if value.is_constant or value.kind is Kind.WORDS:
            return self.circuit.constant(0.0)
        if value.kind is Kind.CATEGORY:
            return self.circuit.equals(value.parts[0], -1.0)
        return self.circuit.missing(value.parts[0])


def labels_of(*values: Value) -> tuple[str, ...]:
    """Return the categories of values, each once, in the order in which they come."""
    found: dict[str, None] = {}
    for value in values:
        given = [value.constant] if isinstance(value.constant, str) else value.labels
        found.update(dict.fromkeys(given))
    return tuple(found)


def unfit(node: Node, value: Value, wanted: str, hint: str = "") -> ExpressionError:
    """Return the error of a part that is of another kind than is wanted."""
    kind = "a text" if isinstance(value.constant, str) else value.kind
    return ExpressionError(f"{shown(node)} is {kind}, where {wanted} is needed", at=node.at, hint=hint)


def shown(node: Node) -> str:
    """Return how a message calls a part of an expression."""
    if isinstance(node, Name):
        return repr(node.name)
    return repr(node.value) if isinstance(node, Literal) else "this"


def text_of(node: Node) -> str:
    """Return a text that has to be written out, or raise `ExpressionError`."""
    if isinstance(node, Literal) and isinstance(node.value, str):
        return node.value
    raise ExpressionError(f"{shown(node)} is no text in quotes", at=node.at, hint='write it like "Ankara"')


def constant_of(node: Node) -> float:
    """Return a number that has to be written out, or raise `ExpressionError`."""
    if isinstance(node, Literal) and isinstance(node.value, float):
        return node.value
    raise ExpressionError(f"{shown(node)} is no number that is written out", at=node.at)
