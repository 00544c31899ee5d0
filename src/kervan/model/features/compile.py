"""From expressions to layers, with types checked on the way: what compiles has a meaning for every row."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.expressions import Call, ExpressionError, Items, Literal, Name, Node, names_in, parse
from kervan.model.features.circuit import Circuit
from kervan.model.features.functions import called
from kervan.model.features.parts import Parts
from kervan.model.features.values import Kind, Value
from kervan.package.encoding import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kervan.core.features import Feature
    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

    Learn = Callable[[Builder, int, int], Floats | Sequence[float]]


class Compiler:
    """Compiles features over columns; each feature once, whichever order they stand in.

    `learn` is asked for the edges of bins that hang on the training rows: from the builder, a value in it and
    the number of bins. `unread` are columns that no feature may read, with the reason.
    """

    def __init__(
        self,
        builder: Builder,
        columns: Mapping[str, Value],
        features: Sequence[Feature],
        learn: Learn,
        unread: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._unread = unread
        self._columns = columns
        self._features = {feature.name: feature for feature in features}
        self._found: dict[str, Value] = {}
        self._open: list[str] = []
        self._read: dict[int, tuple[Node, Value]] = {}  # by the identity of nodes, which are held here
        self._parts = Parts(Circuit(builder), self._value, lambda value, bins: learn(builder, value, bins))

    def feature(self, name: str) -> Value:
        """Return a feature, or raise `InvalidConfig` that says what of its expression has no meaning."""
        if name not in self._found:
            formula = self._features[name].formula
            self._open.append(name)
            try:
                self._found[name] = self._value(parse(formula))
            except ExpressionError as error:
                raise InvalidConfig(
                    f"[[model.features]] {name!r}, at character {error.at + 1} of `{formula}`: {error}",
                    hint=error.hint,
                ) from error
            self._open.pop()
        return self._found[name]

    def column(self, name: str) -> Value:
        """Return a feature as a column: a number, a truth or a category that is not the same in every row."""
        found = self.feature(name)
        place = f"[[model.features]] {name!r}"
        if found.is_constant:
            raise InvalidConfig(f"{place}: it is the same in every row", hint="let it read a column")
        if found.kind in {Kind.DATE, Kind.TIME}:
            raise InvalidConfig(
                f"{place}: it is {found.kind}, no number or category",
                hint="take a part, such as year(…), or a difference of two",
            )
        if found.kind is Kind.WORDS:
            raise InvalidConfig(f"{place}: it is {found.kind}", hint='count a word: count(note, "late")')
        return found

    def _value(self, node: Node) -> Value:
        """Return what a part of an expression is: each part once, whoever asks."""
        known = self._read.get(id(node))
        if known is None:
            known = self._read[id(node)] = (node, self._compiled(node))
        return known[1]

    def _compiled(self, node: Node) -> Value:
        match node:
            case Literal():
                return _constant(node)
            case Name():
                return self._named(node)
            case Items():
                raise ExpressionError("a list stands only behind `in` and in `bin`", at=node.at)
            case Call():
                return called(self._parts, node)

    def _named(self, node: Name) -> Value:
        if node.name in self._open:
            circle = " → ".join([*self._open[self._open.index(node.name) :], node.name])
            raise ExpressionError(f"the features go round in a circle: {circle}", at=node.at)
        if node.name in self._features:
            return self.feature(node.name)
        if node.name in self._columns:
            return self._columns[node.name]
        if node.name in self._unread:
            raise ExpressionError(f"{node.name!r} cannot be read: {self._unread[node.name]}", at=node.at)
        raise ExpressionError(
            f"the model takes no column {node.name!r}",
            at=node.at,
            hint=did_you_mean(node.name, [*self._columns, *self._features]),
        )


def _constant(node: Literal) -> Value:
    if isinstance(node.value, str):
        return Value(kind=Kind.CATEGORY, constant=node.value)
    if isinstance(node.value, bool):
        return Value(kind=Kind.TRUTH, constant=node.value)
    if abs(node.value) > LARGEST:
        raise ExpressionError("the number is out of range", at=node.at, hint="models hold numbers up to 3e38")
    return Value(kind=Kind.NUMBER, constant=node.value)


def reads_of(feature: Feature, features: Mapping[str, Feature]) -> set[str]:
    """Return the columns that a feature reads, also by way of others."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [feature]
    while waiting:
        one = waiting.pop()
        if one.name not in seen:
            seen.add(one.name)
            names = one.of or names_in(parse(one.formula))
            waiting += [features[name] for name in names if name in features]
            found |= {name for name in names if name not in features}
    return found
