"""How a run's model is made, kept with the run, so that it can be made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput
from kervan.core.recipe import Recipe
from kervan.core.schema import Schema
from kervan.flow.values import Value, load, save
from kervan.model.steps import Choice, Folds
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Run
    from kervan.flow.track import Tracker

_HOW = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """All that decides what a run's model is, besides rows, code and libraries."""

    dataset: str
    schema: Schema
    target: str
    task: str
    choice: Choice
    folds: Folds
    recipe: Recipe


def keep_how(project: Project, tracker: Tracker, how: How) -> None:
    """Put on record how a run's model is made."""
    tracker.add_link(stored(save(how, project.store).hash, _HOW))


def how_of(project: Project, run: Run) -> How:
    """Return how a run's model was made. Raises `InvalidInput` for a run that trained none here."""
    found = next((link.parent for link in run.parents if link.role == _HOW), "")
    if not found:
        raise InvalidInput(
            f"run {run.id} of {run.name!r} trained no model, or an earlier Kervan did it",
            hint="`kervan runs` lists the others",
        )
    how: How = load(Value("json", found.removeprefix("sha256:")), project.store, How)
    return how
