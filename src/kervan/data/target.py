"""The column to predict: what kind of task it makes, its class labels, and whether it can be learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData, did_you_mean
from kervan.core.nouns import Finding, Verdict
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    import polars as pl

CLASSIFICATION = "classification"
REGRESSION = "regression"
MINIMUM_CLASS = 6  # two rows for each of the three parts
MAXIMUM_CLASSES = 1000
MAXIMUM_MISSING = 0.5
FEW_NUMBERS = 20  # so few whole numbers may well be names of classes


def task_of(table: pl.DataFrame, target: str, wanted: str = "") -> str:
    """Return "classification" or "regression": the wanted one, or what the target's values suggest.

    Texts, booleans and numbers with exactly two different values are classes.
    """
    column = _target_of(table, target)
    if wanted:
        if wanted not in {CLASSIFICATION, REGRESSION}:
            hint = did_you_mean(wanted, [CLASSIFICATION, REGRESSION])
            raise InvalidConfig(f"[model] task: {wanted!r} is no task", hint=hint)
        return wanted
    if not column.dtype.is_numeric() or column.drop_nulls().n_unique() == 2:
        return CLASSIFICATION
    return REGRESSION


def why_task(table: pl.DataFrame, target: str, wanted: str = "") -> tuple[str, bool]:
    """Say why the task is what it is, and whether it may well have been meant otherwise."""
    column = _target_of(table, target).drop_nulls()
    if wanted:
        return "as [model] task says", False
    if not column.dtype.is_numeric():
        return "its values are no numbers", False
    distinct = column.n_unique()
    is_few = distinct <= FEW_NUMBERS and bool((column.cast(float) % 1 == 0).all())
    other = REGRESSION if distinct == 2 else CLASSIFICATION
    line = f'; `[model] task = "{other}"` changes that' if is_few else ""
    kind = "whole numbers" if is_few else "numbers"
    return f"it has {distinct:,} different {kind}{line}", is_few and distinct > 2


def check_target(table: pl.DataFrame, target: str, task: str) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """Return the rows that have a target, with a warning that counts those left out.

    Raises `InvalidConfig` if there is no such column, and `InvalidData` if it cannot be learned: mostly
    missing, constant, not numeric for a regression, or with too small or too many classes.
    """
    column = _target_of(table, target)
    missing = column.null_count()
    if missing > MAXIMUM_MISSING * len(column):
        raise InvalidData(
            f"the target {target!r} is missing in {missing:,} of {len(column):,} rows",
            hint="give the target for more than half of the rows, or choose another target",
        )
    present = column.drop_nulls()
    if present.n_unique() < 2:
        raise InvalidData(
            f"the target {target!r} is always {present[0]!r}: there is nothing to learn",
            hint="add rows with other values, or choose another target",
        )
    if task == REGRESSION:
        _check_numeric(present)
    else:
        _check_classes(present)
    if not missing:
        return table, ()
    message = f"{missing:,} of {len(column):,} rows have no {target!r} and are left out"
    found = Finding(rule="target_missing", subject=target, verdict=Verdict.WARNED, message=message)
    return table.filter(column.is_not_null()), (found,)


def _target_of(table: pl.DataFrame, target: str) -> pl.Series:
    if not target:
        columns = ", ".join(table.columns)
        raise InvalidConfig("no target is set", hint=f'say in `[data]`: target = "…", one of {columns}')
    if target not in table.columns:
        hint = did_you_mean(target, table.columns)
        raise InvalidConfig(f"[data] target: the table has no column {target!r}", hint=hint)
    return table[target]


def _check_numeric(present: pl.Series) -> None:
    if present.dtype.is_numeric():
        return
    raise InvalidData(
        f"the target {present.name!r} holds {present[0]!r}, which is no number: a regression needs numbers",
        hint='set `[model] task = "classification"`, or choose another target',
    )


def _check_classes(present: pl.Series) -> None:
    if present.dtype.is_temporal():
        raise InvalidData(
            f"the target {present.name!r} holds dates, which are neither classes nor numbers",
            hint="turn it into a number, such as days, or choose another target",
        )
    counts = as_texts(present).alias("label").value_counts(name="rows").sort("rows", "label")
    if counts.height > MAXIMUM_CLASSES:
        raise InvalidData(
            f"the target {present.name!r} has {counts.height:,} different values, too many for classes",
            hint='set `[model] task = "regression"` if it is a number, or choose another target',
        )
    small = counts.filter(counts["rows"] < MINIMUM_CLASS)
    if small.height:
        each = ", ".join(f"{label!r} ({rows})" for label, rows in small.head(5).iter_rows())
        more = f" and {small.height - 5} more" if small.height > 5 else ""
        raise InvalidData(
            f"the target {present.name!r} has classes with fewer than {MINIMUM_CLASS} rows: {each}{more}",
            hint="join these classes with others, leave their rows out, or collect more of them",
        )
