"""Runs found by what is known of them, in one question to the database: no run is read that is not shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa

from kervan.core.nouns import Code, Status
from kervan.store.tables import edges, records, results, traits
from kervan.store.traits import PARAMETER, SECONDS

_RUNS = records.c.kind == "run"


class Known(StrEnum):
    """Where a field of a run is: a column, a metric's last value, a parameter, the seconds it took."""

    COLUMN = "column"
    METRIC = "metric"
    PARAMETER = "parameter"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Field:
    """Something by which runs are searched and sorted."""

    known: Known
    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared by one of `= != > >= < <= ~ !~`; `number` is the value where it can be one."""

    field: Field
    operator: str
    text: str
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions of which all, or any, hold."""

    parts: tuple[Condition, ...]
    all: bool = True


Condition = Comparison | Junction


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run in short, as a row of a table; `metrics` are the last values, also while it goes on."""

    id: str
    name: str
    status: Status
    creator: str
    time: float
    ended: float | None = None
    code: Code
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, None where it goes on or nobody knows."""
        return None if self.ended is None else self.ended - self.time


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Runs under a condition; those that came of another one in the role `without` are left out."""

    condition: Condition | None = None
    without: str = ""

    @property
    def clauses(self) -> list[sa.ColumnElement[bool]]:
        """What has to hold of their records."""
        found = [_RUNS, *_where(self.condition)]
        if self.without:
            came = (edges.c.child == records.c.id) & (edges.c.role == self.without)
            found.append(~sa.exists().where(came))
        return found


def count_runs(connection: sa.Connection, wanted: Wanted) -> int:
    """Return how many runs are wanted."""
    query = sa.select(sa.func.count()).select_from(records).where(*wanted.clauses)
    return connection.scalar(query) or 0


def find_runs(
    connection: sa.Connection, wanted: Wanted, order: Field, *, ascending: bool, place: slice
) -> list[RunRow]:
    """Return the runs at a place of the order; those without its field last, of equals the newest first."""
    source, key = _ordered(order)
    keys = [key.is_(None), key.asc() if ascending else key.desc()]
    if order.known is Known.PARAMETER:  # first those that are numbers, then the texts
        keys.append(traits.c.text.asc() if ascending else traits.c.text.desc())
    query = sa.select(records.c.id).select_from(source).where(*wanted.clauses)
    query = query.order_by(*keys, records.c.id.desc())
    query = query.limit(place.stop - place.start).offset(place.start)
    return rows_of(connection, list(connection.scalars(query)))


def rows_of(connection: sa.Connection, runs: Sequence[str]) -> list[RunRow]:
    """Return the rows of runs with these ids, in their order."""
    bodies = sa.select(records.c.id, records.c.body).where(_RUNS, records.c.id.in_(runs))
    found = {row.id: row.body for row in connection.execute(bodies)}
    last: dict[str, dict[str, float]] = {run: {} for run in runs}
    for row in connection.execute(sa.select(results).where(results.c.run.in_(runs))):
        last[row.run][row.name] = row.value
    rows = [msgspec.json.decode(found[run], type=RunRow) for run in runs if run in found]
    return [replace(row, metrics=last[row.id]) for row in rows]


def known_names(connection: sa.Connection) -> tuple[list[str], list[str]]:
    """Return the names of all metrics and of all parameters that any run has."""
    parameters = [name.removeprefix(PARAMETER) for name in _distinct(connection, traits.c.name)]
    return _distinct(connection, results.c.name), [name for name in parameters if name != SECONDS]


def _distinct(connection: sa.Connection, column: sa.Column[str]) -> list[str]:
    """Ask for the next name as often as there are names: for DISTINCT a database would read every row."""
    names = sa.select(sa.func.min(column).label("name")).cte("names", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > names.c.name).scalar_subquery()
    names = names.union_all(sa.select(following).where(names.c.name.is_not(None)))
    return sorted(connection.scalars(sa.select(names.c.name).where(names.c.name.is_not(None))))


def _ordered(order: Field) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
    if order.known is Known.COLUMN:
        return records, records.c[order.name]
    if order.known is Known.METRIC:
        mine = (results.c.run == records.c.id) & (results.c.name == order.name)
        return records.outerjoin(results, mine), results.c.value
    mine = (traits.c.run == records.c.id) & (traits.c.name == _trait(order))
    return records.outerjoin(traits, mine), traits.c.number


def _trait(field: Field) -> str:
    return SECONDS if field.known is Known.SECONDS else PARAMETER + field.name


def _where(condition: Condition | None) -> list[sa.ColumnElement[bool]]:
    if condition is None:
        return []
    if isinstance(condition, Junction):
        parts = [clause for part in condition.parts for clause in _where(part)]
        return [sa.and_(*parts) if condition.all else sa.or_(*parts)]
    field = condition.field
    if field.known is Known.COLUMN:
        return [_compared(records.c[field.name], condition)]
    if field.known is Known.METRIC:
        having = sa.select(results.c.run).where(
            results.c.name == field.name, _compared(results.c.value, condition)
        )
    else:
        having = sa.select(traits.c.run).where(traits.c.name == _trait(field), _trait_compared(condition))
    return [records.c.id.in_(having)]


def _trait_compared(condition: Comparison) -> sa.ColumnElement[bool]:
    """A parameter is a number in one run and a text in another: both are compared with what was written."""
    as_text = Comparison(condition.field, condition.operator, condition.text)
    if condition.number is None or condition.operator in {"~", "!~"}:
        return _compared(traits.c.text, as_text)
    as_number = _compared(traits.c.number, condition)
    if condition.operator == "=":
        return as_number | _compared(traits.c.text, as_text)
    if condition.operator == "!=":
        return (as_number | traits.c.number.is_(None)) & _compared(traits.c.text, as_text)
    return as_number


def _compared(column: sa.ColumnElement[Any], condition: Comparison) -> sa.ColumnElement[bool]:
    value: Any = condition.text if condition.number is None else condition.number
    clauses: dict[str, sa.ColumnElement[bool]] = {
        "=": column == value,
        "!=": column != value,
        ">": column > value,
        ">=": column >= value,
        "<": column < value,
        "<=": column <= value,
    }
    if condition.operator in clauses:
        return clauses[condition.operator]
    contains = column.icontains(condition.text, autoescape=True)
    return ~contains if condition.operator == "!~" else contains
