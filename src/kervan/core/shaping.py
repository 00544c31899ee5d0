"""How a table is shaped before a model sees it: `[[data.steps]]`, one dataclass for each verb.

A table step runs once, when a Dataset is made: whoever asks the model later gives what came out of it. A row
step means the same for one row alone, so it is part of the model and travels in every written format; what
it learns, such as a median to fill with, it learns from the training part.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import isnan
from typing import Any, TypeAlias, get_args

from kervan.core.errors import InvalidConfig
from kervan.core.reading import composed


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStep:
    """A step that makes the table."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            object.__setattr__(self, entry.name, _composed(getattr(self, entry.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(TableStep):
    """Give columns other names: old = new."""

    rename: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(TableStep):
    """Leave columns out."""

    drop: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(TableStep):
    """Keep these columns alone, in this order."""

    select: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(TableStep):
    """Write other texts for some values of a column: old = new."""

    replace: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse(TableStep):
    """Read texts as numbers, dates or times.

    `to` is "number", "date" or "datetime". Of numbers `decimal` is the mark, by default what the column
    proves, and `units` what one of each unit is worth. Of dates `format` is a pattern of strftime, "epoch" or
    "epoch ms", `day_first` how 01.02.2024 is meant, `zone` the time zone of the times.
    """

    parse: tuple[str, ...]
    to: str = "number"
    decimal: str = ""
    units: dict[str, float] = field(default_factory=dict)
    format: str = ""
    day_first: bool | None = None
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract(TableStep):
    """Take parts of a text by the named groups of a regular expression; each becomes a column."""

    extract: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Combine(TableStep):
    """Write columns one behind the other into a new one."""

    combine: tuple[str, ...]
    into: str
    between: str = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(TableStep):
    """Keep the rows for which an SQL expression is true."""

    filter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Derive(TableStep):
    """Compute columns by SQL expressions: name = expression."""

    derive: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(TableStep):
    """One row for each group of `by`: name = SQL expression, such as sum(amount)."""

    aggregate: dict[str, str]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(TableStep):
    """Add figures over the earlier rows of the same entity: name = SQL expression, such as avg(amount).

    `by` says whose rows, `at` is a column of dates or times. Only rows before a row's own time are looked at,
    at most `over` old, such as "30d"; without it all of them.
    """

    window: dict[str, str]
    by: tuple[str, ...]
    at: str
    over: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivot(TableStep):
    """One column for each value of a column: from long to wide; `function` joins what falls together."""

    pivot: str
    values: str
    by: tuple[str, ...]
    function: str = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpivot(TableStep):
    """One row for each of some columns: from wide to long."""

    unpivot: tuple[str, ...]
    into: str
    values: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(TableStep):
    """Add the columns of another table where `on` is equal.

    `how` is "left", "inner" or "full". With `as_of`, a column of times in both, the row is added that was the
    newest at that time, never a later one, and at most `within` old, such as "7d".
    """

    join: str
    on: tuple[str, ...] = ()
    how: str = "left"
    as_of: str = ""
    within: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduplicate(TableStep):
    """Keep one row of those that are equal in some columns ([] for all): the "first", "last", or "none".

    With `by` they are in the order of that column.
    """

    deduplicate: tuple[str, ...]
    keep: str = "first"
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers(TableStep):
    """Leave out rows of the training part in which one of some numbers lies far from the others.

    `detector` is "iqr", "zscore", "mad" or "isolation"; `limit` is in its own measure.
    """

    outliers: tuple[str, ...]
    detector: str = "iqr"
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql(TableStep):
    """Make the table by a query over `data`, in the SQL of Polars."""

    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(TableStep):
    """Make the table by a function marked `@transform`: "shaping.py:clean"."""

    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStep:
    """A step that means the same for one row: it is part of the model.

    `fill` puts something in the place of missing values: `value`, or the "mean", "median" or "mode" of the
    training part. `clip` brings numbers between `least` and `most`, or between two `quantiles` of the
    training part.
    """

    fill: tuple[str, ...] = ()
    clip: tuple[str, ...] = ()
    by: str = ""
    value: float | str | None = None
    least: float | None = None
    most: float | None = None
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("fill", "clip", "value"):
            object.__setattr__(self, name, _composed(getattr(self, name)))
        self._check_fill() if self.fill else self._check_clip()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it changes."""
        return self.fill or self.clip

    def _check_fill(self) -> None:
        if (self.value is None) == (not self.by):
            raise InvalidConfig(
                f"[[data.steps]] {told(self)}: say what to fill with",
                hint='by = "median" (or "mean", "mode"), or value = 0',
            )
        if self.by not in {"", "mean", "median", "mode"}:
            raise InvalidConfig(
                f"[[data.steps]] {told(self)}: by = {self.by!r} is none of mean, median, mode"
            )
        if self.least is not None or self.most is not None or self.quantiles or self.clip:
            raise InvalidConfig(f"[[data.steps]] {told(self)}: fills and clips", hint="write two steps")

    def _check_clip(self) -> None:
        has_limits = self.least is not None or self.most is not None
        if has_limits == bool(self.quantiles) or self.by or self.value is not None:
            raise InvalidConfig(
                f"[[data.steps]] {told(self)}: say between what",
                hint="least = 0, most = 100; or quantiles = [0.01, 0.99]",
            )
        if self.quantiles and (
            len(self.quantiles) != 2 or not 0 <= self.quantiles[0] < self.quantiles[1] <= 1
        ):
            raise InvalidConfig(
                f"[[data.steps]] {told(self)}: {list(self.quantiles)} are no two quantiles from 0 to 1"
            )
        limits = [each for each in (self.least, self.most) if each is not None]
        if any(map(isnan, limits)):
            raise InvalidConfig(f"[[data.steps]] {told(self)}: nan is no limit", hint="write a number")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise InvalidConfig(f"[[data.steps]] {told(self)}: {self.least:g} to {self.most:g} is no range")


Step: TypeAlias = (
    Rename
    | Drop
    | Select
    | Replace
    | Parse
    | Extract
    | Combine
    | Filter
    | Derive
    | Aggregate
    | Window
    | Pivot
    | Unpivot
    | Join
    | Deduplicate
    | Outliers
    | Sql
    | Call
    | RowStep
)

ROW_VERBS = ("fill", "clip")
VERBS: dict[str, type[Any]] = {
    **{fields(kind)[0].name: kind for kind in get_args(Step) if kind is not RowStep},
    **dict.fromkeys(ROW_VERBS, RowStep),
}


def verb_of(step: Step) -> str:
    """Return the verb by which a step is written.

    >>> verb_of(Drop(drop=("note",)))
    'drop'
    """
    if isinstance(step, RowStep):
        return "fill" if step.fill else "clip"
    return fields(step)[0].name


def told(step: Step) -> str:
    """Say in a few words what a step does.

    >>> told(Rename(rename={"yaş": "age"})), told(Filter(filter="age > 17"))
    ('rename yaş', 'filter age > 17')
    >>> told(RowStep(fill=("age",), by="median")), told(RowStep(clip=("age",), least=0))
    ('fill age by median', 'clip age from 0')
    """
    verb = verb_of(step)
    what = getattr(step, verb)
    shown = what if isinstance(what, str) else ", ".join(what)
    how = _how(step) if isinstance(step, RowStep) else ""
    return f"{verb} {shown} {how}".strip()


def _how(step: RowStep) -> str:
    if step.fill:
        return f"by {step.by}" if step.by else "" if step.value is None else f"with {step.value}"
    if step.quantiles:
        return "between the quantiles {:g} and {:g}".format(*step.quantiles)
    least = [] if step.least is None else [f"from {step.least:g}"]
    most = [] if step.most is None else [f"to {step.most:g}"]
    return " ".join(least + most)


def _composed(value: Any) -> Any:
    if isinstance(value, str):
        return composed(value)
    if isinstance(value, tuple | list):
        return tuple(map(_composed, value))
    if isinstance(value, dict):
        return {composed(key): _composed(each) for key, each in value.items()}
    return value
