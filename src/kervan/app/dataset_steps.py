"""The steps that made a dataset, each with how large the table was before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.core.nouns import Dataset, Shaping


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a table is."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step: the table before and after it, and the columns that came and went."""

    step: str
    before: Size
    after: Size
    added: tuple[str, ...]
    removed: tuple[str, ...]


def steps_of(dataset: Dataset) -> tuple[StepView, ...]:
    """Return the steps of a dataset in their order, each with the size of the table around it."""
    # How many columns there were follows from those at the end; what protection drops goes after all steps.
    columns = len(dataset.schema) + sum(rule == "drop" for rule in dataset.protection.values())
    found: list[StepView] = []
    for step in reversed(dataset.steps):
        found.append(_view(step, columns))
        columns = found[-1].before.columns
    return tuple(reversed(found))


def _view(step: Shaping, columns: int) -> StepView:
    before = columns - len(step.added) + len(step.removed)
    return StepView(
        step=step.step,
        before=Size(rows=step.before, columns=before),
        after=Size(rows=step.after, columns=columns),
        added=step.added,
        removed=step.removed,
    )
