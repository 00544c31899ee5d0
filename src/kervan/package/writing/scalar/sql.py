"""A model as one SQL query, level by level, with its trees as choices, as arrays or in a table beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.package.writing.scalar.expressions import Name, expected_costs
from kervan.package.writing.scalar.grove import Grove
from kervan.package.writing.scalar.lower import lower, names_in, uses_in
from kervan.package.writing.scalar.sql_arrays import ArrayWalk
from kervan.package.writing.scalar.sql_formulas import Printer
from kervan.package.writing.scalar.sql_trees import Forest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Form
    from kervan.package.writing.scalar.dialects import Dialect
    from kervan.package.writing.scalar.expressions import Expression
    from kervan.package.writing.scalar.lower import Formulas

TABLE = "input"
LARGEST = 1_000_000  # characters of arithmetic: databases take many seconds to plan larger queries
_LARGEST_ARRAYS = 8_000_000  # characters: Spark's driver, with its usual 1 GB, takes 10 million and not 17
_AGAIN = 20_000  # characters of formulas that a step may repeat by being put wherever it is used
_HEAD = "-- Scores the table `input`. Every column of it may be added to the last SELECT, such as its key.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A query over the table `input`, and the statements that make the tables of nodes that it walks."""

    query: str
    nodes: tuple[str, ...] = ()

    def keyed(self, column: str) -> Script:
        """Add a column of the table to the last SELECT, as its first, as users add their key."""
        before, last, columns = self.query.rpartition("\nSELECT\n")
        return replace(self, query=f"{before}{last}  {column},\n{columns}")


def write_script(form: Form, dialect: Dialect) -> Script:
    """Write a query over the table `input`: its columns, `prediction`, and one probability for each class.

    Trees are choices within the query if that is short enough to be planned in time, and not too deep for the
    database's parser, else arrays or rows of a table that the query walks through. Raises `Refused`
    for a form that needs sorting or searching, and for one that is too large without its trees.
    """
    query = _query(lower(form), dialect, [])
    formulas = lower(form, keeps_trees=True)
    if len(query) <= dialect.planned and not _is_too_deep(formulas, dialect):
        return Script(query=query)
    if dialect.lambdas and formulas.ensembles:
        query = _query(formulas, dialect, [ArrayWalk(ensemble) for ensemble in formulas.ensembles])
        return Script(query=_checked(query, _LARGEST_ARRAYS))
    forests = [Forest(ensemble) for ensemble in formulas.ensembles]
    return Script(
        query=_checked(_query(formulas, dialect, forests), LARGEST),
        nodes=tuple(statement for forest in forests for statement in forest.statements(dialect)),
    )


def _is_too_deep(formulas: Formulas, dialect: Dialect) -> bool:
    depths = [max(Grove(each).depths, default=0) for each in formulas.ensembles if dialect.deepest]
    return max(depths, default=0) > dialect.deepest


def _checked(query: str, largest: int) -> str:
    if len(query) > largest:
        raise Refused(
            f"the query would have {len(query):,} characters; databases plan up to {largest:,} in time",
            hint="choose a smaller model, or score outside of the database",
        )
    return query


def _query(formulas: Formulas, dialect: Dialect, forests: Sequence[Forest | ArrayWalk]) -> str:
    printer = Printer(formulas, dialect)
    steps = _Steps(printer, forests)
    costs = _costs(printer, formulas.signature)
    repeated = _Repeated(formulas, costs)
    for level in _levels(formulas):
        steps.walk_before(level)
        columns = printer.columns(level)
        steps.add(["*", *columns], once=repeated.is_long(level, columns))
    answers = [(name, formula) for name, formula in zip(printer.answers, formulas.answers, strict=True)]
    steps.walk_before(answers)
    columns = printer.columns(answers)
    steps.add(["*", *columns], once=repeated.is_long(answers, columns))
    if costs:
        columns = printer.columns(costs)
        steps.add(["*", *columns], once=repeated.is_long(costs, columns))
    output = formulas.signature.output
    columns = [dialect.identifier(column.name) for column in formulas.signature.inputs]
    given = [dialect.identifier(name) for name in printer.answers]
    if formulas.signature.is_classification:
        texts = [dialect.literal(label) for label in output.allowed]
        label = _label(given, texts, formulas.signature.threshold)
        if costs:
            label = _first([printer.named(name) for name, _ in costs], texts, "<=")
        columns.append(f"{label} AS {dialect.identifier(printer.prediction)}")
    return steps.ended([*columns, *given])


def _costs(printer: Printer, signature: Signature) -> list[tuple[str, Expression]]:
    """Return what naming each class is expected to cost, by names; nothing where costs name no class."""
    chances = [Name(name) for name in printer.answers]
    return [
        (f"cost_{place}", formula) for place, formula in enumerate(expected_costs(chances, signature.costs))
    ]


class _Repeated:
    """How long a query becomes where steps are put into each other, as databases do that are told nothing."""

    def __init__(self, formulas: Formulas, costs: Sequence[tuple[str, Expression]]) -> None:
        every = [formula for level in (*formulas.levels, costs) for _, formula in level]
        every += [element for ensemble in formulas.ensembles for element in ensemble.asked]
        self._uses = uses_in(*every, *formulas.answers)
        self._label_uses = len(formulas.answers)  # it compares each answer with the others
        self._lengths: Counter[str] = Counter()

    def is_long(self, level: Sequence[tuple[str, Expression]], columns: Sequence[str]) -> bool:
        """Say whether a level's formulas would be repeated at a length that is worth a step of their own."""
        lengths = {
            name: len(column) + sum(self._lengths[used] * count for used, count in uses_in(formula).items())
            for (name, formula), column in zip(level, columns, strict=True)
        }
        more = sum(length * (self._uses.get(name, self._label_uses) - 1) for name, length in lengths.items())
        if more <= _AGAIN:
            self._lengths.update(lengths)
        return more > _AGAIN


def _levels(formulas: Formulas) -> list[list[tuple[str, Expression]]]:
    """Return the named formulas in as few levels as can be.

    Databases plan long queries better than deep ones, and Spark gives up on hundreds of levels.
    """
    used = {name: names_in(formula) for level in formulas.levels for name, formula in level}
    for ensemble in formulas.ensembles:
        used |= dict.fromkeys(ensemble.names, names_in(*ensemble.asked))

    @cache
    def depth(name: str) -> int:
        return 1 + max(map(depth, used[name]), default=0)

    found: dict[int, list[tuple[str, Expression]]] = {}
    for level in formulas.levels:
        for name, formula in level:
            found.setdefault(depth(name), []).append((name, formula))
    return [found[place] for place in sorted(found)]


class _Steps:
    """The query so far: named steps, each over the one before it."""

    def __init__(self, printer: Printer, forests: Sequence[Forest | ArrayWalk]) -> None:
        self._printer = printer
        self._waiting = list(forests)
        self._steps: list[str] = []
        self._forests = 0
        self._head = "WITH"
        self._before = printer.dialect.identifier(TABLE)

    def add(self, columns: list[str], *, once: bool = False) -> None:
        """Add a step with some columns, computed once for all that use them if that is asked for."""
        dialect = self._printer.dialect
        named = dialect.identifier(f"step_{len(self._steps) + 1}")
        step = _selection(columns, self._before)
        self._steps.append(f"{named} AS {dialect.once.format(step=step) if once else f'({step})'}")
        self._before = named

    def walk_before(self, level: Iterable[tuple[str, Expression]]) -> None:
        """Add the steps that walk through the forests whose answers a level uses."""
        used = names_in(*(formula for _, formula in level))
        needed = [each for each in self._waiting if used & set(each.names)]
        if not needed:
            return
        self.walk_before([("", element) for each in needed for element in each.asked])  # about each other
        left = [each for each in needed if each in self._waiting]
        self._waiting = [each for each in self._waiting if each not in left]
        self._walk_arrays([each for each in left if isinstance(each, ArrayWalk)])
        for forest in left:
            if isinstance(forest, Forest):
                self._walk_table(forest)

    def _walk_arrays(self, groves: Sequence[ArrayWalk]) -> None:
        """Walk through groves side by side."""
        levels = [grove.levels(self._printer, self._forests + place) for place, grove in enumerate(groves, 1)]
        self._forests += len(groves)
        for parts in zip(*levels, strict=True):
            if columns := [column for part in parts for column in part]:
                self.add(["*", *columns])

    def _walk_table(self, forest: Forest) -> None:
        self._forests += 1
        self._head = "WITH RECURSIVE"
        for name, query in forest.steps(self._printer, self._forests, self._before).items():
            self._steps.append(f"{name} AS ({query})")
            self._before = name

    def ended(self, columns: list[str]) -> str:
        """Return the query with its last selection."""
        return f"{_HEAD}{self._head} {', '.join(self._steps)}\n{_selection(columns, self._before)}\n"


def _selection(columns: list[str], table: str) -> str:
    return "\n".join(["SELECT", ",\n".join(f"  {column}" for column in columns), f"FROM {table}"])


def _label(names: list[str], texts: list[str], threshold: float | None) -> str:
    """Return the class that is named: by the threshold, or the most probable, the first of several."""
    if threshold is not None:
        return f"CASE WHEN {names[1]} >= {threshold!r} THEN {texts[1]} ELSE {texts[0]} END"
    return _first(names, texts, ">=")


def _first(names: list[str], texts: list[str], operator: str) -> str:
    """Return the text of the first column that compares so with all others."""
    choices = []
    for place, name in enumerate(names[:-1]):
        wins = " AND ".join(f"{name} {operator} {other}" for other in names[place + 1 :])
        choices.append(f"WHEN {wins} THEN {texts[place]}")
    return f"CASE {' '.join(choices)} ELSE {texts[-1]} END" if choices else texts[-1]
