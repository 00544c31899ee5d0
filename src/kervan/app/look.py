"""What is seen of a candidate: while it is trained, found again, or looked at when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.board import metric_of
from kervan.app.parts import part_value
from kervan.app.register import find_model
from kervan.app.scores import outputs_of, standings_of, stored_of
from kervan.core.errors import InvalidConfig, NotFound, Refused, did_you_mean
from kervan.core.nouns import Dataset, Link, Role, Run
from kervan.flow.runner import run
from kervan.flow.track import Tracker
from kervan.flow.values import Value, load
from kervan.model.errors.analysis import Looked
from kervan.model.errors.learning import LearningCurve
from kervan.model.look import Look, draw_learning_curve, learning, look_at_best, looking
from kervan.model.metrics import METRICS, default_metric
from kervan.model.steps import compare_candidate, encode, fit_candidate
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project

_RUN_ID = 26  # letters and digits
_RUNS = 100  # of one candidate, the newest, among which looks are sought


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A candidate that can be looked at: what people call it, its files by content, its run and dataset."""

    name: str
    hash: str
    run: Run
    dataset: Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is seen of a candidate; `learning` is None where nobody asked for it."""

    subject: Subject
    look: Look
    learning: LearningCurve | None


def looked_for(project: Project, dataset: Dataset, metric: str, task: str) -> Looked:
    """Return what the settings say to look at; a metric that is no usual one gives way to the task's.

    Raises `InvalidConfig` for a column in `groups` that the dataset has not.
    """
    settings = project.config.model
    for name in settings.groups:
        if name not in dataset.schema:
            raise InvalidConfig(
                f"[model] groups: {dataset.ref} has no column {name!r}",
                hint=did_you_mean(name, dataset.schema.names),
            )
        if name in dataset.protection:
            raise InvalidConfig(
                f"[model] groups: column {name!r} of {dataset.ref} is protected",
                hint="take it out of `[data] protect`, or compare by another column",
            )
    is_usual = metric in METRICS and METRICS[metric].task == task
    return Looked(
        metric=metric if is_usual else default_metric(task),
        groups=settings.groups,
        types={name: dataset.schema[name].type for name in settings.groups},
        examples=settings.examples,
        seed=settings.seed,
    )


def look_closer(
    project: Project,
    tracker: Tracker,
    candidate: Path,
    dataset: Dataset,
    looked: Looked,
    trained: Run | None = None,
) -> Look:
    """Look at a candidate within a run; what is known is not looked at again.

    `trained` is the run that trained it, if that is another one.
    """
    arguments = {
        "candidate": Value("folder", candidate.name),
        "validation": part_value(dataset, Role.VALIDATION),
        "looked": looked,
        **_held_answers(project, trained or tracker.run),
    }
    found: Look = run(looking, arguments, store=project.store, tracker=tracker)
    return found


def _held_answers(project: Project, trained: Run) -> dict[str, Value | None]:
    """Return what was learned from, and what the chosen recipe answered to held-out rows of it, if known."""
    standings = standings_of(project, trained)
    step = f"{compare_candidate.name}[{standings.chosen}]" if standings else ""
    rows = next(stored_of(project, trained, encode.name), None)
    answered = next(stored_of(project, trained, step), None) if step else None
    if rows is None or answered is None:  # an ensemble's answers are those of its members together
        return {"rows": None, "answered": None}
    return {"rows": Value("folder", rows), "answered": Value("folder", answered)}


def learn_curve(
    project: Project, tracker: Tracker, candidate: Path, dataset: Dataset, looked: Looked
) -> LearningCurve:
    """Draw a candidate's learning curve within a run."""
    arguments = {
        "candidate": Value("folder", candidate.name),
        "train": part_value(dataset, Role.TRAIN),
        "validation": part_value(dataset, Role.VALIDATION),
        "looked": Looked(metric=looked.metric, seed=looked.seed),  # all that it goes by
    }
    found: LearningCurve = run(learning, arguments, store=project.store, tracker=tracker)
    return found


def error_analysis(project: Project, ref: str = "", *, learning_curve: bool = False) -> Seen:
    """Return what is seen of a model, or of the candidate of a run: as on record, else looked at now.

    `ref` is a reference such as `income@1.2.0`, or a run's id. What is looked at now is a run of its own.
    Raises `Refused` for a model that was trained elsewhere, `NotFound` for a run without a candidate.
    """
    subject = subject_of(project, ref)
    looked = _wanted(project, subject)
    seen = seen_of(project, subject)
    is_same = seen is not None and _is_as_wanted(seen.look, looked)
    if seen is not None and is_same and (seen.learning or not learning_curve):
        return seen
    candidate = load(Value("folder", subject.hash), project.store)
    tracker = Tracker(
        project.store,
        subject.run.name,
        folder=project.config.folder,
        parameters={"looks at": subject.name, "goal": subject.run.parameters.get("goal", "")},
    )
    for link in (Link(parent=subject.run.id, role="about"), Link(parent=subject.dataset.id, role="data")):
        tracker.add_link(link)
    tracker.add_link(stored(subject.hash, "candidate"))
    with tracker, project.stage("look") as tell:
        look = look_closer(project, tracker, candidate, subject.dataset, looked, subject.run)
        curve = seen.learning if seen else None
        if learning_curve and curve is None:
            curve = learn_curve(project, tracker, candidate, subject.dataset, looked)
        tell(f"{look.errors.looked:,} rows")
    return Seen(subject=subject, look=look, learning=curve)


def seen_of(project: Project, subject: Subject) -> Seen | None:
    """Return what was seen of a candidate last, None if nobody looked or the figures are gone."""
    look: Look | None = None
    curve: LearningCurve | None = None
    runs, _ = project.store.catalog.descendants(Run, f"sha256:{subject.hash}", limit=_RUNS)
    for each in runs:
        look = look or next(outputs_of(project, each, look_at_best.name, Look), None)
        curve = curve or next(outputs_of(project, each, draw_learning_curve.name, LearningCurve), None)
    return None if look is None else Seen(subject=subject, look=look, learning=curve)


def subject_of(project: Project, ref: str) -> Subject:
    """Return the candidate that a model's reference or a run's id names."""
    if len(ref) == _RUN_ID and ref.isalnum() and "@" not in ref:
        return _of_run(project, project.store.catalog.get(Run, ref))
    model = find_model(project, ref)
    if model.is_imported:
        raise Refused(
            f"{model.ref} was trained elsewhere: there are no rows here that it did not learn from",
            hint="train it here",
        )
    dataset = project.store.catalog.get(Dataset, model.dataset, deleted=True)
    if not project.store.blobs.holds(dataset.part(Role.VALIDATION).blob):
        raise NotFound(f"the rows of {dataset.ref} are gone, on which {model.ref} would be looked at")
    made = project.store.catalog.get(Run, model.run)
    return Subject(name=model.ref, hash=model.hash, run=made, dataset=dataset)


def _of_run(project: Project, found: Run) -> Subject:
    made = next(
        (each.outputs[0] for each in found.steps if each.name == fit_candidate.name and each.outputs), ""
    )
    data = next((link.parent for link in found.parents if link.role == "data"), "")
    if not made or not data:
        raise NotFound(f"run {found.id} trained no candidate", hint="`kervan runs` lists all runs")
    return Subject(
        name=f"run {found.id}", hash=made, run=found, dataset=project.store.catalog.get(Dataset, data)
    )


def _wanted(project: Project, subject: Subject) -> Looked:
    parameters = subject.run.parameters
    looked = looked_for(project, subject.dataset, metric_of(subject.run), str(parameters["task"]))
    return replace(looked, seed=int(parameters.get("seed", 0)))


def _is_as_wanted(look: Look, looked: Looked) -> bool:
    """Say whether a look has the groups that are wanted, and shows no more of single rows than is allowed."""
    has_values = any(each.values for each in look.errors.examples)
    return (
        tuple(each.column for each in look.errors.groups) == looked.groups and has_values == looked.examples
    )
