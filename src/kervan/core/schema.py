"""What a table's columns are, what they may hold, and how far two schemas fit together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.features import Feature
from kervan.core.identity import Bump
from kervan.core.naming import Naming
from kervan.core.reading import AS_WRITTEN, Reading
from kervan.core.shaping import RowStep

if TYPE_CHECKING:
    from collections.abc import Iterator


class Type(StrEnum):
    """What one value of a column is."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
    DATETIME = "datetime"

    @property
    def is_numeric(self) -> bool:
        """Whether values are numbers (a boolean counts as 0 and 1)."""
        return self in {Type.INTEGER, Type.NUMBER, Type.BOOLEAN}


class Unseen(StrEnum):
    """What happens to a category that was not there in training."""

    AS_MISSING = "as_missing"
    REFUSE = "refuse"


def number_text(value: float) -> str:
    """Return the text by which a number is known as a class or category.

    >>> number_text(1.0), number_text(0.5)
    ('1', '0.5')
    """
    return str(int(value)) if value == int(value) else repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its type and what it may hold.

    `allowed` lists the categories in a fixed order: a value's code is its place there. `words` are those
    that are counted in a free text (see `kervan.core.words`), in a fixed order too. `minimum` and
    `maximum` are limits that somebody set, not extremes that were seen; both ends are allowed.
    """

    name: str
    type: Type
    nullable: bool = False
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    unseen: Unseen = Unseen.AS_MISSING
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidInput("a column has no name", hint="give every column a name")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise InvalidInput(f"column {self.name!r}: {self.minimum} to {self.maximum} is no range")
        if self.type is Type.CATEGORY and len(set(self.allowed)) != len(self.allowed):
            raise InvalidInput(f"column {self.name!r} lists a category twice")


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, in order, each name once.

    >>> Schema((Column(name="age", type=Type.INTEGER),)).names
    ('age',)
    """

    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for name in self.names:
            if name in seen:
                raise InvalidInput(f"two columns are called {name!r}", hint="rename one of them")
            seen.add(name)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise InvalidInput(f"there is no column {name!r}", hint=did_you_mean(name, self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def without(self, *names: str) -> Schema:
        """Return the schema without some columns."""
        return Schema(tuple(column for column in self.columns if column.name not in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model takes and gives: `inputs` in the order of its matrix, and the column that it predicts.

    An `output` of type category has its classes in `allowed`, in the order of the probabilities.
    `reading` are the rules by which the values of its table were read, which hold for requests too. `steps`
    are what the model does to a row before all else, `features` what it then computes from it; both are
    written in its files. Of two classes the last is named from the probability `threshold` on; by `costs`, a
    row for each true class and in it a cost for each one named, both in the order of the classes, it is the
    class that is expected to cost least; without either the most probable is.
    """

    inputs: Schema
    output: Column
    reading: Reading = AS_WRITTEN
    steps: tuple[RowStep, ...] = ()
    features: tuple[Feature, ...] = ()
    threshold: float | None = None
    costs: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.costs:
            self._check_costs()
        if self.threshold is None:
            return
        if len(self.output.allowed) != 2 or self.output.type is not Type.CATEGORY:
            raise InvalidInput(
                f"column {self.output.name!r} has no two classes, so that no threshold names one of them",
                hint="leave the threshold out",
            )
        if not 0 <= self.threshold <= 1:
            raise InvalidInput(f"the threshold {self.threshold:g} is no probability", hint="give 0 to 1")

    def _check_costs(self) -> None:
        if self.threshold is not None:
            raise InvalidInput(
                "a threshold and costs both say which class is named", hint="leave one of the two out"
            )
        count = len(self.output.allowed) if self.is_classification else 0
        if {len(self.costs), *map(len, self.costs)} != {count}:
            raise InvalidInput(
                f"the costs are no {count} rows of {count}, which the classes of {self.output.name!r} want",
                hint="give a row for each true class, in it a cost for each class named",
            )
        if not all(isfinite(cost) for row in self.costs for cost in row):
            raise InvalidInput("a cost is not finite", hint="give numbers")

    @property
    def is_classification(self) -> bool:
        """Whether the answer is one of several classes."""
        return self.output.type is Type.CATEGORY

    @property
    def naming(self) -> Naming:
        """The rule by which probabilities name a class."""
        return Naming(threshold=self.threshold, costs=self.costs)


class Effect(StrEnum):
    """What a difference means for somebody who calls the model."""

    BREAKS = "breaks"
    EXTENDS = "extends"
    HARMLESS = "harmless"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two schemas, in words, with what it means for a caller."""

    column: str
    what: str
    effect: Effect


def difference(old: Signature, new: Signature) -> tuple[Difference, ...]:
    """List how `new` differs from `old`, as a caller of the model would feel it."""
    found = [*_inputs_difference(old.inputs, new.inputs), *_reading_difference(old.reading, new.reading)]
    if old.features != new.features:
        found.append(Difference("", "computes other features from its inputs", Effect.HARMLESS))
    before, after = old.output, new.output
    if before.name != after.name:
        found.append(Difference(after.name, f"the output {before.name!r} was renamed", Effect.BREAKS))
    if before.type is not after.type:
        found.append(Difference(after.name, f"the output is {after.type}, was {before.type}", Effect.BREAKS))
    elif removed := [label for label in before.allowed if label not in after.allowed]:
        found.append(Difference(after.name, f"never answers {', '.join(removed)} any more", Effect.BREAKS))
    elif set(before.allowed) != set(after.allowed):
        found.append(Difference(after.name, "answers more classes", Effect.EXTENDS))
    if old.naming != new.naming:
        found.append(
            Difference(after.name, f"is named {_named_from(new)}, was {_named_from(old)}", Effect.HARMLESS)
        )
    return tuple(found)


def _named_from(signature: Signature) -> str:
    told = signature.naming.told
    return told if signature.threshold is None else f"{signature.output.allowed[-1]!r} {told}"


def smallest_bump(old: Signature, new: Signature) -> Bump:
    """Return the smallest version step that tells callers the truth.

    MAJOR where a request or a reader of answers that worked may stop working, MINOR where more is
    possible than before, PATCH where callers notice nothing.
    """
    effects = {found.effect for found in difference(old, new)}
    if Effect.BREAKS in effects:
        return Bump.MAJOR
    return Bump.MINOR if Effect.EXTENDS in effects else Bump.PATCH


def _reading_difference(old: Reading, new: Reading) -> Iterator[Difference]:
    if gone := [text for text in old.missing if text not in new.missing]:
        yield Difference("", f"{gone[0]!r} no longer means missing", Effect.BREAKS)
    if (old.strip and not new.strip) or (old.form and not new.form):
        yield Difference("", "texts are taken as they are written", Effect.BREAKS)
    elif old != new and not gone:
        yield Difference("", "more ways to write a value are understood", Effect.EXTENDS)


def _inputs_difference(old: Schema, new: Schema) -> Iterator[Difference]:
    before = {column.name: column for column in old}
    after = {column.name: column for column in new}
    for column in old:
        if column.name not in after:
            yield Difference(column.name, "was removed", Effect.BREAKS)
        else:
            yield from _column_difference(column, after[column.name])
    for column in new:
        if column.name not in before:
            optional = column.nullable
            what = "was added, optional" if optional else "was added, required"
            yield Difference(column.name, what, Effect.EXTENDS if optional else Effect.BREAKS)


def _column_difference(old: Column, new: Column) -> Iterator[Difference]:
    name = old.name
    if old.type is not new.type:
        yield Difference(name, f"is {new.type}, was {old.type}", Effect.BREAKS)
    if old.unit != new.unit:
        yield Difference(name, f"is in {new.unit or 'no unit'}, was {old.unit or 'no unit'}", Effect.BREAKS)
    if old.words != new.words:
        yield Difference(name, "other words of it are counted", Effect.HARMLESS)
    if old.nullable != new.nullable:
        what = "may be missing" if new.nullable else "may no longer be missing"
        yield Difference(name, what, Effect.EXTENDS if new.nullable else Effect.BREAKS)
    yield from _limits_difference(old, new)
    yield from _categories_difference(old, new)


def _limits_difference(old: Column, new: Column) -> Iterator[Difference]:
    lowest, highest = float("-inf"), float("inf")
    before = (lowest if old.minimum is None else old.minimum, highest if old.maximum is None else old.maximum)
    after = (lowest if new.minimum is None else new.minimum, highest if new.maximum is None else new.maximum)
    if before == after:
        return
    narrower = after[0] > before[0] or after[1] < before[1]
    what = "allows a narrower range" if narrower else "allows a wider range"
    yield Difference(old.name, what, Effect.BREAKS if narrower else Effect.EXTENDS)


def _categories_difference(old: Column, new: Column) -> Iterator[Difference]:
    refuses = new.unseen is Unseen.REFUSE
    if refuses and old.unseen is not Unseen.REFUSE:
        yield Difference(old.name, "refuses categories that it did not see", Effect.BREAKS)
    elif old.unseen is Unseen.REFUSE and not refuses:
        yield Difference(old.name, "accepts categories that it did not see", Effect.EXTENDS)
    removed = set(old.allowed) - set(new.allowed)
    added = set(new.allowed) - set(old.allowed)
    if removed:
        what = f"no longer knows {len(removed)} categories"
        yield Difference(old.name, what, Effect.BREAKS if refuses else Effect.HARMLESS)
    if added:
        what = f"knows {len(added)} more categories"
        yield Difference(old.name, what, Effect.EXTENDS if refuses else Effect.HARMLESS)
