"""A search that goes on in a folder that `kervan auto` left, about the same column, within another budget."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kervan.app.board import chosen_of
from kervan.app.how import how_of
from kervan.app.init import seen_from
from kervan.app.register import models
from kervan.app.run import admit
from kervan.app.scores import candidates_of
from kervan.core.errors import Conflict, GoalMissed
from kervan.core.goals import NOT_WORSE
from kervan.core.loading import FILE_NAME
from kervan.core.nouns import Report, Run
from kervan.model.metrics import higher_is_better
from kervan.store.events import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.app.train import Trained
    from kervan.core.nouns import Model

WHY = "kervan auto searched further"
# All that it writes itself: a file that says more was edited, and is not written anew.
_OURS = {
    "project": {"name"},
    "data": {"source", "target", "split", "steps", "missing"},
    "model": {
        "goal",
        "task",
        "families",
        "candidates",
        "folds",
        "seed",
        "search",
        "ensemble",
        "choose",
        "absent",
    },
}
_OF_STEPS = {"parse", "to"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What an earlier search left: its settings as they were written, and what they say."""

    text: bytes
    target: str
    metric: str
    folds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The model that there is now, how it was accepted, and why it is a new one, or the one of before."""

    acceptance: Report
    model: Model
    is_new: bool = True
    why: str = ""


def begun(folder: Path, source: str, target: str) -> Begun | None:
    """Return what an earlier search about this column left in a folder, None where there is nothing.

    Raises `Conflict` for a project of another source or column, and for one that somebody edited.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    text = path.read_bytes()
    tables = _parsed(text)
    if not _is_ours(tables):
        raise Conflict(
            f"{path} exists already, and says more than `kervan auto` writes",
            hint='go on by hand: `families` and `search = { budget = "5m", sampler = "tpe" }` in its '
            '[model], then `kervan run --why "…"`; or choose another folder: --into',
        )
    data = tables["data"]
    wanted = (seen_from(folder, source), target or data["target"])
    if wanted != (data["source"], data["target"]):
        raise Conflict(
            f"{path} exists already, about {data['target']!r} of {data['source']!r}",
            hint="choose another folder: --into",
        )
    settings = tables["model"]
    return Begun(
        text=text,
        target=data["target"],
        metric=settings.get("goal", {}).get("metric", ""),
        folds=settings.get("folds", 0),
    )


def settle(project: Project, trained: Trained) -> Settled:
    """Register what was found if it is better than the newest model of the line; else that one stays.

    It is better if it is so over the folds, and no worse on the sealed rows.
    """
    line = [each for each in models(project, name=project.config.model_name) if not each.is_imported]
    if not line:
        acceptance, model = admit(project, trained)
        return Settled(acceptance=acceptance, model=model)
    newest = line[0]
    told, is_better = _beside(project, newest, trained)
    staying = Settled(
        acceptance=project.store.catalog.get(Report, newest.acceptance), model=newest, is_new=False, why=told
    )
    if not is_better:
        return staying
    judging = project.with_settings(model=replace(project.config.model, accept_if=NOT_WORSE))
    try:
        acceptance, model = admit(judging, trained, why=WHY)
    except GoalMissed as error:
        return replace(staying, why=str(error))
    return Settled(acceptance=acceptance, model=model, why=f"{newest.ref} was there before: {told}")


def _beside(project: Project, newest: Model, trained: Trained) -> tuple[str, bool]:
    """Say whether what was found is better over the folds than a model, and how much."""
    run = project.store.catalog.get(Run, newest.run)
    if canonical(how_of(project, run).recipe) == canonical(trained.candidate.recipe):
        if newest.dataset == trained.dataset.id:
            return "nothing better was found", False
        return "the rows are others", True
    metric = trained.goal.metric
    candidates = candidates_of(project, run)
    chosen = chosen_of(candidates, run)
    before = next((each.means.get(metric) for each in candidates if each.title == chosen), None)
    after = next(each.means[metric] for each in trained.scores if each.title == trained.standings.chosen)
    if before is None or newest.dataset != trained.dataset.id:
        return "they were measured on other rows, or by another metric", True
    is_better = after > before if higher_is_better(metric) else after < before
    return f"{metric} {after:.5g} over the folds, {before:.5g} before", is_better


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _is_ours(tables: Mapping[str, Any]) -> bool:
    """Say whether a file has the tables that `kervan auto` writes, and nothing else in them."""
    is_whole = set(tables) == set(_OURS) and {"source", "target"} <= set(tables["data"])
    is_whole = is_whole and all(set(step) <= _OF_STEPS for step in tables["data"].get("steps", ()))
    return is_whole and all(set(tables[name]) <= known for name, known in _OURS.items())
