"""Trees of a document: every node with its children becomes questions with two answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation
from kervan.package.writing.neutral.readers.trees import Tree, grow
from kervan.package.writing.pmml.document import texts_of
from kervan.package.writing.pmml.fields import EXPORT, Category, to_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats, Trees
    from kervan.package.writing.pmml.formulas import Fields

_PREDICATES = {"True", "False", "SimplePredicate", "SimpleSetPredicate", "CompoundPredicate"}
_STRATEGIES = {"none", "defaultChild", "lastPrediction", "nullPrediction"}
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A question: whether element `place` of the columns is at most `threshold`, or one of `members`."""

    place: int
    threshold: float = 0.0
    left: Split | Leaf
    right: Split | Leaf
    missing_left: bool = False
    members: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a row gets."""

    answer: Floats


@dataclass(slots=True)
class Columns:
    """What trees ask about, one after another: fields, and indicators of what cannot be asked at once."""

    fields: Fields
    values: list[int] = field(default_factory=list)

    def place(self, value: int) -> int:
        """Return the place of a value, at the end if it is new."""
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value)

    def joined(self, builder: Builder) -> int:
        """Return all of them as one value."""
        return builder.join(self.values or [builder.constant([0.0])])


class Reader:
    """Reads tree models over shared columns; each answers `outputs` numbers."""

    def __init__(self, columns: Columns, labels: tuple[str, ...], *, votes: bool = False) -> None:
        self._columns = columns
        self._fields = columns.fields
        self._labels = labels
        self._votes = votes

    def tree(self, model: Element, fields: Fields, weight: float = 1.0) -> Tree:
        """Read one tree, its answers times a weight."""
        strategy = model.get("missingValueStrategy", "none")
        if strategy not in _STRATEGIES:
            raise Refused(f"a tree treats what is missing by {strategy}", hint=EXPORT)
        top = model.find("Node")
        if top is None:
            raise Refused("a tree has no nodes", hint=EXPORT)
        self._fields = fields
        predicate = _predicate(top)
        whole = self._node(top, strategy, model.get("noTrueChildStrategy", "returnNullPrediction"))
        if predicate.tag != "True":
            whole = self._asked(predicate, whole, self._nothing(), False)
        return _laid(whole, weight)

    def _nothing(self) -> Leaf:
        return Leaf(answer=np.full(max(len(self._labels), 1), np.nan))

    def _node(self, told: Element, strategy: str, otherwise: str) -> Split | Leaf:
        children = told.findall("Node")
        if not children:
            return self._leaf(told)
        rest: Split | Leaf = self._nothing() if otherwise == "returnNullPrediction" else self._leaf(told)
        if strategy == "defaultChild":
            _check_one_field(children)
        default = told.get("defaultChild")
        for child in reversed(children):
            inner = self._node(child, strategy, otherwise)
            goes_there = strategy == "defaultChild" and default is not None and child.get("id") == default
            rest = self._asked(_predicate(child), inner, rest, goes_there)
        if strategy in {"lastPrediction", "nullPrediction"}:
            unknown = self._leaf(told) if strategy == "lastPrediction" else self._nothing()
            return self._unless_missing(children, rest, unknown)
        return rest

    def _unless_missing(self, children: list[Element], known: Split | Leaf, unknown: Leaf) -> Split | Leaf:
        """Give an answer of its own where a field is missing that the children ask about."""
        for name in sorted(_fields_of(children)):
            value = self._fields.missing(self._fields.field(name))
            known = Split(place=self._columns.place(value), threshold=0.5, left=known, right=unknown)
        return known

    def _leaf(self, told: Element) -> Leaf:
        if not self._labels:
            score = told.get("score")
            return Leaf(answer=np.array([np.nan if score is None else to_number(score)]))
        shares = {
            share.get("value", ""): to_number(share.get("probability") or share.get("recordCount"))
            for share in told.findall("ScoreDistribution")
        }
        if not shares or self._votes:
            shares = {told.get("score") or max(shares, key=lambda label: shares[label], default=""): 1.0}
        answer = np.array([shares.get(label, 0.0) for label in self._labels])
        total = answer.sum()
        return Leaf(answer=answer / total) if total > 0 and np.isfinite(total) else self._nothing()

    def _asked(
        self, told: Element, yes: Split | Leaf, no: Split | Leaf, unknown_is_yes: bool
    ) -> Split | Leaf:
        if told.tag == "True":
            return yes
        if told.tag == "False":
            return no
        if told.tag == "SimplePredicate":
            return self._simple(told, yes, no, unknown_is_yes)
        merged = _or_missing(told)
        if merged is not None:
            return self._simple(merged, yes, no, True)
        if told.tag == "SimpleSetPredicate":
            found = self._set(told, yes, no, unknown_is_yes)
            if found is not None:
                return found
        if unknown_is_yes:
            raise Refused("a node sends what is missing to a child with a compound question", hint=EXPORT)
        place = self._columns.place(self.indicator(told))
        return Split(place=place, threshold=0.5, left=no, right=yes)

    def _simple(self, told: Element, yes: Split | Leaf, no: Split | Leaf, unknown_is_yes: bool) -> Split:
        operator, name = told.get("operator", ""), told.get("field", "")
        asked = self._fields.field(name)
        if operator in {"isMissing", "isNotMissing"}:
            left, right = (no, yes) if operator == "isMissing" else (yes, no)
            place = self._columns.place(self._fields.missing(asked))
            return Split(place=place, threshold=0.5, left=left, right=right)
        if isinstance(asked, Category):
            return self._choice(
                asked, [told.get("value", "")], operator == "notEqual", yes, no, unknown_is_yes
            )
        place, threshold = self._columns.place(asked.value), to_number(told.get("value"))
        before = float(np.nextafter(threshold, -np.inf))
        if operator in {"lessOrEqual", "lessThan"}:
            edge = threshold if operator == "lessOrEqual" else before
            return Split(place=place, threshold=edge, left=yes, right=no, missing_left=unknown_is_yes)
        if operator in {"greaterThan", "greaterOrEqual"}:
            edge = threshold if operator == "greaterThan" else before
            return Split(place=place, threshold=edge, left=no, right=yes, missing_left=not unknown_is_yes)
        if operator not in {"equal", "notEqual"}:
            raise Refused(f"a node asks {operator!r}", hint=EXPORT)
        equal = self._columns.place(self._fields.equal(asked.value, threshold))
        same, other = (yes, no) if operator == "equal" else (no, yes)
        known = Split(place=equal, threshold=0.5, left=other, right=same)
        missing = self._columns.place(self._fields.missing(asked))
        return Split(place=missing, threshold=0.5, left=known, right=yes if unknown_is_yes else no)

    def _set(self, told: Element, yes: Split | Leaf, no: Split | Leaf, unknown_is_yes: bool) -> Split | None:
        asked = self._fields.field(told.get("field", ""))
        if not isinstance(asked, Category):
            return None
        is_not = told.get("booleanOperator") == "isNotIn"
        return self._choice(asked, texts_of(told), is_not, yes, no, unknown_is_yes)

    def _choice(
        self,
        asked: Category,
        texts: list[str],
        is_not: bool,
        yes: Split | Leaf,
        no: Split | Leaf,
        unknown_is_yes: bool,
    ) -> Split:
        members = np.array([text in texts for text in asked.known] or [False])
        members = ~members if is_not else members
        place = self._columns.place(asked.value)
        return Split(place=place, left=yes, right=no, members=members, missing_left=unknown_is_yes)

    def indicator(self, told: Element) -> int:
        """Return 1 where a question is answered yes, else 0, also where it cannot be answered."""
        fields, builder = self._fields, self._fields.builder
        if told.tag in {"True", "False"}:
            return builder.constant([float(told.tag == "True")])
        if told.tag == "CompoundPredicate":
            operations = {"and": Operation.MINIMUM, "or": Operation.MAXIMUM}
            operation = operations.get(told.get("booleanOperator", ""))
            parts = [self.indicator(part) for part in told if part.tag in _PREDICATES]
            if operation is None or not parts:
                raise Refused(f"a question joined by {told.get('booleanOperator')}", hint=EXPORT)
            total = parts[0]
            for part in parts[1:]:
                total = builder.combine(total, operation, part)
            return total
        asked, operator = fields.field(told.get("field", "")), told.get("operator", "")
        if told.tag == "SimpleSetPredicate":
            found = builder.constant([0.0])
            for text in texts_of(told):
                found = builder.combine(found, Operation.ADD, fields.is_text(asked, text))
            operator = "notEqual" if told.get("booleanOperator") == "isNotIn" else "equal"
        elif operator in {"isMissing", "isNotMissing"}:
            missing = fields.missing(asked)
            return missing if operator == "isMissing" else fields.turned(missing)
        elif operator in {"equal", "notEqual"}:
            found = fields.is_text(asked, told.get("value", ""))
        else:
            number = fields.number(told.get("field", ""))
            return fields.compared(operator, number, builder.constant([to_number(told.get("value"))]))
        if operator == "equal":
            return found
        return builder.combine(fields.turned(found), Operation.SUBTRACT, fields.missing(asked))


def grown(builder: Builder, columns: Columns, trees: list[Tree], outputs: int) -> Trees:
    """Return the sum of trees over their columns."""
    return grow(columns.joined(builder), trees, np.zeros(outputs))


def _predicate(node: Element) -> Element:
    for part in node:
        if part.tag in _PREDICATES:
            return part
    raise Refused("a node has no question", hint=EXPORT)


def _fields_of(children: list[Element]) -> set[str]:
    return {
        part.get("field", "")
        for child in children
        for part in _predicate(child).iter()
        if part.tag in {"SimplePredicate", "SimpleSetPredicate"}
    }


def _check_one_field(children: list[Element]) -> None:
    if len(_fields_of(children)) > 1:
        raise Refused("a node sends what is missing to a child, and asks about several fields", hint=EXPORT)


def _or_missing(told: Element) -> Element | None:
    """Return x <= t of a question "x <= t, or x is missing", else None."""
    parts = [part for part in told if part.tag in _PREDICATES]
    if told.tag != "CompoundPredicate" or told.get("booleanOperator") != "or" or len(parts) != 2:
        return None
    asked = [part for part in parts if part.get("operator") != "isMissing"]
    same = {part.get("field") for part in parts}
    plain = all(part.tag == "SimplePredicate" for part in parts)
    return (
        asked[0]
        if plain and len(asked) == 1 and len(same) == 1 and asked[0].get("value") is not None
        else None
    )


def _laid(top: Split | Leaf, weight: float) -> Tree:
    """Number the nodes of a tree, parents first."""
    found: list[Split | Leaf] = []
    children: dict[int, tuple[int, int]] = {}
    waiting: list[tuple[Split | Leaf, int, int]] = [(top, -1, 0)]
    while waiting:
        at, parent, side = waiting.pop()
        number = len(found)
        found.append(at)
        if parent >= 0:
            pair = children[parent]
            children[parent] = (number, pair[1]) if side == 0 else (pair[0], number)
        if isinstance(at, Split):
            children[number] = (0, 0)
            waiting += [(at.right, number, 1), (at.left, number, 0)]
    sets = [at.members for at in found if isinstance(at, Split) and at.members is not None]
    numbers = np.cumsum([isinstance(at, Split) and at.members is not None for at in found]) - 1
    width = next(len(at.answer) for at in found if isinstance(at, Leaf))
    return Tree(
        place=np.array([at.place if isinstance(at, Split) else -1 for at in found]),
        threshold=np.array([min(at.threshold, _LARGEST) if isinstance(at, Split) else 0.0 for at in found]),
        left=np.array([children.get(number, (0, 0))[0] for number in range(len(found))]),
        right=np.array([children.get(number, (0, 0))[1] for number in range(len(found))]),
        missing_left=np.array([isinstance(at, Split) and at.missing_left for at in found]),
        leaves=np.array([at.answer * weight if isinstance(at, Leaf) else np.zeros(width) for at in found]),
        members=np.array(
            [
                numbers[number] if isinstance(at, Split) and at.members is not None else -1
                for number, at in enumerate(found)
            ]
        ),
        sets=tuple(sets),
    )
