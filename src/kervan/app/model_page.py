"""The page of a model, made of what is on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.board import chosen_of, metric_of, metrics_of
from kervan.app.decided import decided_by
from kervan.app.look import Seen, seen_of, subject_of
from kervan.app.register import acceptance_of, find_model
from kervan.app.scores import acceptance_figures, candidates_of, evaluation_of, standings_of
from kervan.core.errors import NotFound, StorageFailed
from kervan.core.nouns import Dataset, Run
from kervan.model.metrics import default_metric
from kervan.model.page import Story, model_page, pictures
from kervan.model.page.layout import card, document
from kervan.model.pareto import front_of

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.explain import Explained
    from kervan.app.look import Subject
    from kervan.app.project import Project
    from kervan.model.evaluate import Acceptance

__all__ = ["page_of", "page_of_seen", "pictures", "reasons_page", "seen_of_model", "write_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenModel:
    """A model, and what was seen of it: None where nobody looked, or it was trained elsewhere."""

    ref: str
    seen: Seen | None


def seen_of_model(project: Project, ref: str) -> SeenModel:
    """Return what was seen of a model."""
    model = find_model(project, ref)
    seen = None if model.is_imported else seen_of(project, subject_of(project, model.ref))
    return SeenModel(ref=model.ref, seen=seen)


def page_of(project: Project, ref: str) -> str:
    """Return the page of a model, with what was seen of it if anybody looked.

    Raises `Refused` for a model that was trained elsewhere, `NotFound` if its run's figures are gone.
    """
    subject = subject_of(project, ref)
    return model_page(story_of(project, subject, seen_of(project, subject)))


def page_of_seen(project: Project, seen: Seen) -> str:
    """Return the page of what was seen."""
    return model_page(story_of(project, seen.subject, seen))


def reasons_page(found: Explained) -> str:
    """Return a page that draws why one row is answered as it is."""
    why = found.reasons
    about = f"the chance of {why.about}" if why.about else found.predicts
    note = f"The mean answer {why.base:.4g} and all contributions add up to {about}, {why.answer:.4g}."
    return document(f"{found.model}, row {found.row}", [card("", pictures.reasons(why), note=note)])


def write_page(project: Project, seen: Seen, path: Path) -> None:
    """Write the page of what was seen into a file."""
    page = page_of_seen(project, seen)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot write {path}: {error.strerror}", hint="check the path") from error


def story_of(project: Project, subject: Subject, seen: Seen | None) -> Story:
    """Return all that the page of a candidate tells."""
    evaluation = evaluation_of(project, subject.run)
    if evaluation is None:
        raise NotFound(f"the figures of run {subject.run.id} are gone", hint="restore a backup")
    acceptance = _acceptance(project, subject)
    settings = project.config.model.costs
    classes = evaluation.classes
    costs = tuple((cut.threshold, cut.cost(settings, classes)) for cut in evaluation.cuts) if settings else ()
    candidates = candidates_of(project, subject.run)
    decided = decided_by(project, subject.hash, subject.dataset)
    return Story(
        title=subject.name,
        predicts=subject.dataset.target,
        evaluation=evaluation,
        acceptance=acceptance,
        candidates=candidates,
        standings=standings_of(project, subject.run),
        metric=acceptance.metric if acceptance else metric_of(subject.run) or default_metric(evaluation.task),
        front=front_of(candidates, metrics_of(subject.run)),
        chosen=str(subject.run.parameters.get("candidate", subject.run.parameters.get("family", ""))),
        taken=chosen_of(candidates, subject.run),
        look=seen.look if seen else None,
        learning=seen.learning if seen else None,
        named_by=decided.named_by,
        calibrated=decided.calibrated,
        costs=costs,
        currency=settings.currency,
        facts=facts_of(subject.run, subject.dataset),
    )


def facts_of(run: Run, dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Say what was done, by name: the data, the run, its seed and its code."""
    parts = ", ".join(f"{part.rows:,} {part.role}" for part in dataset.parts)
    commit = run.code.commit or "not in a Git repository"
    changed = " with changes that were not committed" if run.code.difference else ""
    return (
        ("data", f"{dataset.ref}, {dataset.rows:,} rows ({parts})"),
        ("content of the data", dataset.hash),
        ("run", run.id),
        ("recipe", str(run.parameters.get("candidate", ""))),
        ("seed", str(run.parameters.get("seed", ""))),
        ("code", f"{commit}{changed}"),
        ("by", run.creator),
    )


def _acceptance(project: Project, subject: Subject) -> Acceptance | None:
    if "@" not in subject.name:
        return None
    report = acceptance_of(project, find_model(project, subject.name))
    return None if report is None else acceptance_figures(report)
