"""The column to predict: what kind of task it makes, its class labels, and whether it can be learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData, did_you_mean
from kervan.core.nouns import Finding, Verdict
from kervan.data.pieces import chosen, column_of
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    import polars as pl

    from kervan.data.pieces import Table

CLASSIFICATION = "classification"
REGRESSION = "regression"
MINIMUM_CLASS = 6  # two rows for each of the three parts
MAXIMUM_CLASSES = 1000
MAXIMUM_MISSING = 0.5
FEW_NUMBERS = 20  # so few whole numbers may well be names of classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the target holds: its name and type, its rows, and how many of them are empty.

    `counts` has a row for each different value (`label` as a text, `rows`), but no more than one above the
    most that classes may be, and `distinct` is their number, which is exact up to there. `whole` says
    that all numbers are whole; `first` is the first value, as a text.
    """

    name: str
    kind: pl.DataType
    rows: int
    missing: int
    counts: pl.DataFrame
    distinct: int
    whole: bool
    first: str


def values_of(table: Table, target: str) -> Values:
    """Look at the target's values, or raise `InvalidConfig` if there is no such column."""
    _check_named(table, target)
    found = _Seen(table.schema[target])
    for column in column_of(table, target):
        found.add(column)
    return found.finish(target)


def task_of(values: Values, wanted: str = "") -> str:
    """Return "classification" or "regression": the wanted one, or what the target's values suggest.

    Texts, booleans and numbers with exactly two different values are classes.
    """
    if wanted:
        if wanted not in {CLASSIFICATION, REGRESSION}:
            hint = did_you_mean(wanted, [CLASSIFICATION, REGRESSION])
            raise InvalidConfig(f"[model] task: {wanted!r} is no task", hint=hint)
        return wanted
    return CLASSIFICATION if not values.kind.is_numeric() or values.distinct == 2 else REGRESSION


def why_task(values: Values, wanted: str = "") -> tuple[str, bool]:
    """Say why the task is what it is, and whether it may well have been meant otherwise."""
    if wanted:
        return "as [model] task says", False
    if not values.kind.is_numeric():
        return "its values are no numbers", False
    is_few = values.distinct <= FEW_NUMBERS and values.whole
    other = REGRESSION if values.distinct == 2 else CLASSIFICATION
    line = f'; `[model] task = "{other}"` changes that' if is_few else ""
    kind = "whole numbers" if is_few else "numbers"
    many = f"more than {MAXIMUM_CLASSES:,}" if values.distinct > MAXIMUM_CLASSES else f"{values.distinct:,}"
    return f"it has {many} different {kind}{line}", is_few and values.distinct > 2


def check_target(values: Values, task: str) -> tuple[Finding, ...]:
    """Warn of rows that have no target, which are left out.

    Raises `InvalidData` if it cannot be learned: mostly missing, constant, not numeric for a regression, or
    with too small or too many classes.
    """
    target, missing = values.name, values.missing
    if missing > MAXIMUM_MISSING * values.rows:
        raise InvalidData(
            f"the target {target!r} is missing in {missing:,} of {values.rows:,} rows",
            hint="give the target for more than half of the rows, or choose another target",
        )
    if values.distinct < 2:
        raise InvalidData(
            f"the target {target!r} is always {values.first}: there is nothing to learn",
            hint="add rows with other values, or choose another target",
        )
    if task == REGRESSION:
        _check_numeric(values)
    else:
        _check_classes(values)
    if not missing:
        return ()
    message = f"{missing:,} of {values.rows:,} rows have no {target!r} and are left out"
    return (Finding(rule="target_missing", subject=target, verdict=Verdict.WARNED, message=message),)


def with_target(table: Table, values: Values) -> Table:
    """Return the rows that have a target."""
    import numpy as np

    if not values.missing:
        return table
    there = (column.is_not_null().to_numpy() for column in column_of(table, values.name))
    return chosen(table, np.concatenate(list(there)))


class _Seen:
    """Counts values while they pass, until they are too many to be classes."""

    def __init__(self, kind: pl.DataType) -> None:
        import polars as pl

        self._kind = kind
        self._counts = pl.DataFrame(schema={"value": kind, "rows": pl.UInt32})
        self._rows = self._missing = 0
        self._whole = kind.is_numeric()
        self._first: pl.Series | None = None

    def add(self, column: pl.Series) -> None:
        import polars as pl

        present = column.drop_nulls().alias("value")
        self._rows += len(column)
        self._missing += len(column) - len(present)
        if self._first is None and len(present):
            self._first = present.head(1)
        if self._kind.is_numeric():
            self._whole = self._whole and bool((present.cast(float) % 1 == 0).all())
        if self._counts.height > MAXIMUM_CLASSES:
            return
        counted = pl.concat([self._counts, present.value_counts(name="rows")])
        self._counts = counted.group_by("value").agg(pl.col("rows").sum()).head(MAXIMUM_CLASSES + 1)

    def finish(self, name: str) -> Values:
        counts = self._counts.with_columns(as_texts(self._counts["value"]).alias("label"))
        first = "" if self._first is None else repr(self._first[0])
        return Values(
            name=name,
            kind=self._kind,
            rows=self._rows,
            missing=self._missing,
            counts=counts.select("label", "rows"),
            distinct=counts.height,
            whole=self._whole,
            first=first,
        )


def _check_named(table: Table, target: str) -> None:
    if not target:
        columns = ", ".join(table.columns)
        raise InvalidConfig("no target is set", hint=f'say in `[data]`: target = "…", one of {columns}')
    if target not in table.columns:
        hint = did_you_mean(target, table.columns)
        raise InvalidConfig(f"[data] target: the table has no column {target!r}", hint=hint)


def _check_numeric(values: Values) -> None:
    if values.kind.is_numeric():
        return
    raise InvalidData(
        f"the target {values.name!r} holds {values.first}, which is no number: a regression needs numbers",
        hint='set `[model] task = "classification"`, or choose another target',
    )


def _check_classes(values: Values) -> None:
    if values.kind.is_temporal():
        raise InvalidData(
            f"the target {values.name!r} holds dates, which are neither classes nor numbers",
            hint="turn it into a number, such as days, or choose another target",
        )
    if values.distinct > MAXIMUM_CLASSES:
        raise InvalidData(
            f"the target {values.name!r} has more than {MAXIMUM_CLASSES:,} different values, too many for "
            "classes",
            hint='set `[model] task = "regression"` if it is a number, or choose another target',
        )
    counts = values.counts.sort("rows", "label")
    small = counts.filter(counts["rows"] < MINIMUM_CLASS)
    if small.height:
        each = ", ".join(f"{label!r} ({rows})" for label, rows in small.head(5).iter_rows())
        more = f" and {small.height - 5} more" if small.height > 5 else ""
        raise InvalidData(
            f"the target {values.name!r} has classes with fewer than {MINIMUM_CLASS} rows: {each}{more}",
            hint="join these classes with others, leave their rows out, or collect more of them",
        )
