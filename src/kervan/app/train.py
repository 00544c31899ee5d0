"""From a Dataset to a candidate: proved, evaluated, not yet accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.data import report_of
from kervan.app.parts import part_value, read_part
from kervan.app.project import Stage
from kervan.app.settings import check_settings
from kervan.core.errors import GoalMissed, Refused
from kervan.core.nouns import Dataset, Link, ReportKind, Role, Run
from kervan.core.shaping import told
from kervan.data.room import amount, free_memory
from kervan.data.target import task_of, values_of
from kervan.flow.runner import Progress, run
from kervan.flow.track import Tracker
from kervan.model.metrics import check_goal, default_metric
from kervan.model.steps import Candidate, Choice, Interface, read_card, training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.config import Goal
    from kervan.core.schema import Signature
    from kervan.model.evaluate import Evaluation
    from kervan.model.train import CandidateScore


_COPIES = 3  # of the rows, while families are tried: as a table, as numbers, and part of these in each fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What training gave: the leaderboard, and the best candidate with its evaluation on held-out rows."""

    run: Run
    dataset: Dataset
    task: str
    goal: Goal
    interface: Interface
    scores: tuple[CandidateScore, ...]
    folder: Path
    candidate: Candidate
    evaluation: Evaluation

    @property
    def signature(self) -> Signature:
        """What the candidate takes and gives."""
        return self.interface.signature

    @property
    def hash(self) -> str:
        """What the candidate is by content: the same code, data and settings give the same."""
        return self.folder.name


def check_memory(project: Project, dataset: Dataset) -> None:
    """Raise `Refused`, with figures, where the rows to learn from would surely not fit into memory."""
    free = free_memory()
    rows = sum(dataset.part(role).rows for role in (Role.TRAIN, Role.VALIDATION))
    figures = report_of(project, dataset.id, ReportKind.PROFILE)
    whole = figures.body["memory"] if figures else 0
    needed = _COPIES * whole * rows // max(1, dataset.rows)
    if free is not None and needed > free:
        raise Refused(
            f"training on {dataset.ref} needs about {amount(needed)} of memory, {amount(free)} are free: its "
            f"{rows:,} rows to learn from take {amount(needed // _COPIES)}, and are held {_COPIES} times",
            hint="take some of the rows by a step, such as `filter`, leave columns out by `[data] ignore`, "
            "or train on a machine with more memory",
        )


def train(project: Project, dataset: Dataset) -> Trained:
    """Cross-validate the families, fit the best, write and prove it, evaluate it. Known steps are skipped."""
    settings = project.config.model
    check_settings(project.config)
    check_memory(project, dataset)
    task = settings.task or task_of(values_of(read_part(project, dataset, Role.TRAIN), dataset.target))
    goal = goal_of(project, task)
    choice = Choice(
        families=settings.families,
        metric=goal.metric,
        formats=project.config.package.formats,
        tolerance=project.config.package.tolerance,
        folds=settings.folds,
        seed=settings.seed,
        texts=settings.texts,
        reading=dataset.reading,
        row_steps=project.config.data.row_steps,
        rule=dataset.split,
    )
    arguments = {
        "train": part_value(dataset, Role.TRAIN),
        "validation": part_value(dataset, Role.VALIDATION),
        "schema": dataset.schema.without(*dataset.protection),  # a hash means nothing to a caller
        "target": dataset.target,
        "task": task,
        "choice": choice,
    }
    parameters = {"families": list(settings.families), "goal": str(goal), "task": task, "seed": settings.seed}
    if choice.row_steps:
        parameters["steps"] = [told(step) for step in choice.row_steps]
    tracker = Tracker(
        project.store, project.config.model_name, folder=project.config.folder, parameters=parameters
    )
    tracker.add_link(Link(parent=dataset.id, role="data"))
    with tracker:
        with project.alive("train"):
            found = run(training, arguments, store=project.store, tracker=tracker, observe=_told(project))
        candidate = read_card(found["candidate"])
        tracker.log_parameter("family", candidate.family)
        for score in found["scores"]:
            for metric, value in score.means.items():
                tracker.log_metric(f"cv.{score.family}.{metric}", value)
        for metric, value in found["evaluation"].metrics.items():
            tracker.log_metric(f"validation.{metric}", value)
        for finding in found["interface"].findings:
            tracker.log(finding.message)
        where = f"kervan runs --show {tracker.run.id}"
        project.remark_all("note", found["interface"].findings, where=where)
    return Trained(
        run=tracker.run,
        dataset=dataset,
        task=task,
        goal=goal,
        interface=found["interface"],
        scores=tuple(found["scores"]),
        folder=found["candidate"],
        candidate=candidate,
        evaluation=found["evaluation"],
    )


def goal_of(project: Project, task: str) -> Goal:
    """Return the goal that was set, with the task's usual metric where none is named."""
    goal = project.config.model.goal
    if not goal.metric:
        goal = replace(goal, metric=default_metric(task))
    check_goal(goal, task)
    return goal


def require_goal(trained: Trained) -> None:
    """Raise `GoalMissed` if the candidate does not reach the goal on the validation part."""
    value = trained.evaluation.metrics[trained.goal.metric]
    if not trained.goal.is_reached(value):
        raise GoalMissed(
            f"the best candidate ({trained.candidate.family}) reaches {trained.goal.metric} {value:.4f} "
            f"on the validation part; the goal is {trained.goal}",
            hint="add data or features, widen `families`, or lower the goal in [model]",
        )


def _told(project: Project) -> Callable[[Progress], None]:
    def observe(progress: Progress) -> None:
        step = progress.step
        detail = f"{progress.done} of {progress.total}"
        project.observe(Stage(name=step.name, detail=detail, seconds=step.seconds, cached=step.cached))

    return observe
