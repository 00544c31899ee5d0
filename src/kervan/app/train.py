"""From a Dataset to a candidate: proved, evaluated, not yet accepted."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kervan.app.compete import Field, Ground, Race, compare_named
from kervan.app.data import report_of
from kervan.app.demands import check_demands, demands_of, goal_of, goals_of
from kervan.app.how import How, keep_how
from kervan.app.limits import broken_limits
from kervan.app.look import learn_curve, look_closer, looked_for
from kervan.app.parts import part_value, read_part
from kervan.app.project import Stage
from kervan.app.settings import check_settings, formats_for, formats_of
from kervan.app.trials import search_candidates
from kervan.core.called import located, texts_of
from kervan.core.config import BEST
from kervan.core.errors import GoalMissed, InvalidData, Refused
from kervan.core.nouns import Dataset, Link, ReportKind, Role, Run
from kervan.core.recipe import Recipe
from kervan.core.shaping import told
from kervan.data.room import amount, free_memory
from kervan.data.target import task_of, values_of
from kervan.flow.runner import Progress, run
from kervan.flow.sweep import Sweep
from kervan.flow.track import Tracker
from kervan.flow.values import Value, save
from kervan.model.answered import read_all
from kervan.model.effort import seconds_to_look
from kervan.model.errors.told import told_in_short
from kervan.model.families.registry import BASELINE, check_fit, check_parameters, recipes_of
from kervan.model.metrics import METRICS, default_metric
from kervan.model.pareto import front_of
from kervan.model.steps import (
    Candidate,
    Choice,
    Choosing,
    Folds,
    Interface,
    compare_candidate,
    comparison,
    finish,
    preparation,
    read_card,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.goals import Goal
    from kervan.core.schema import Schema, Signature
    from kervan.flow.step import Pipeline
    from kervan.model.errors.analysis import Looked
    from kervan.model.errors.learning import LearningCurve
    from kervan.model.evaluate import Evaluation
    from kervan.model.look import Look
    from kervan.model.shortlist import Shortlist
    from kervan.model.standings import Standings
    from kervan.model.train import CandidateScore


MOST_COMPARED = 20  # of the trials of a search
_COPIES = 3  # of the rows, while families are tried: as a table, as numbers, and part of these in each fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What training gave: all candidates, which of them is better, and the chosen one with its evaluation."""

    run: Run
    dataset: Dataset
    task: str
    goal: Goal
    goals: tuple[str, ...]
    interface: Interface
    scores: tuple[CandidateScore, ...]
    standings: Standings
    shortlist: Shortlist
    folder: Path
    candidate: Candidate
    evaluation: Evaluation
    look: Look | None = None
    learning: LearningCurve | None = None

    @property
    def signature(self) -> Signature:
        """What the candidate takes and gives."""
        return self.candidate.signature

    @property
    def front(self) -> tuple[str, ...]:
        """The candidates that no other one beats in every goal, by name; none with one goal alone."""
        found = front_of(self.scores, (self.goal.metric, *self.goals))
        return found.names if found else ()

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


def train(project: Project, dataset: Dataset, *, until: float = float("inf")) -> Trained:
    """Compare candidates, fit the best, write and prove it, evaluate it. What is known is skipped.

    With a budget all of it ends in about that time, and in any case `until` then, in the seconds of
    `time.monotonic`.
    """
    until = min(until, time.monotonic() + project.config.model.search.seconds)
    settings = project.config.model
    check_settings(project.config)
    recipes = recipes_of((BASELINE, *settings.families), project.config.folder, settings.candidates)
    formats = formats_of(project.config)
    if left_out := [name for name in project.config.package.formats if name not in formats]:
        project.remark("formats", f"without {', '.join(left_out)}: no function of Python is held there")
    check_memory(project, dataset)
    task = settings.task or task_of(values_of(read_part(project, dataset, Role.TRAIN), dataset.target))
    goal = goal_of(project, task)
    looked = looked_for(project, dataset, goal.metric, task)
    tracker = _tracker(project, dataset, task, goal)
    with tracker, project.alive("train"):
        prepared = _prepare(project, tracker, dataset, task, goal)
        interface: Interface = prepared["interface"]
        check_demands(project, dataset, goal, interface.signature)
        check_fit(recipes.values(), interface.signature)
        check_parameters(recipes.values(), interface.signature)
        ground = Ground(
            rows=Value("folder", prepared["rows"].name),
            interface=save(interface.compared, project.store),
            answered=interface.answered,
            signature=interface.signature,
            metric=goal.metric,
        )
        race = _compete(project, tracker, ground, recipes, until)
        field = race.field
        _check_measured(field, goal.metric, task)
        compared = _run(project, tracker, comparison, _compared(race, recipes))
        ensembles = [each.score for folder in compared["combined"] for each in read_all(folder)]
        scores = (*field.scores.values(), *ensembles)
        arguments = {
            "rows": ground.rows,
            "validation": part_value(dataset, Role.VALIDATION),
            "interface": save(interface, project.store),
            "choice": _choice(project, dataset, goal),
        }
        standings, found = _finished(project, tracker, compared["standings"], scores, (dataset, arguments))
        _check_told(goal.metric, found["evaluation"])
        trained = Trained(
            run=tracker.run,
            dataset=dataset,
            task=task,
            goal=goal,
            goals=tuple(each.metric for each in goals_of(project, goal)),
            interface=interface,
            scores=scores,
            standings=standings,
            shortlist=compared["shortlist"],
            folder=found["candidate"],
            candidate=read_card(found["candidate"]),
            evaluation=found["evaluation"],
        )
        keep_how(project, tracker, _how(project, trained))
        _log(project, tracker, trained, field)
        trained = _look(project, tracker, trained, looked, until)
    return replace(trained, run=tracker.run)


def _check_measured(field: Field, metric: str, task: str) -> None:
    """Raise `InvalidData` where the answers of no candidate tell the goal's metric."""
    if any(each.family != BASELINE for each in field.ranked(metric)):
        return
    needs = METRICS[metric].needs if metric in METRICS else ""
    why = f" ({metric} needs {needs}, of answers too)" if needs else ""
    why = f": {metric} returned no finite number" if ":" in metric else why
    raise InvalidData(
        f"the answers of no candidate tell {metric} in every fold{why}",
        hint=f"compare other families too, or choose another metric, such as {default_metric(task)}",
    )


def _look(project: Project, tracker: Tracker, trained: Trained, looked: Looked, until: float) -> Trained:
    """Look closer at the candidate, as far as the settings say so, and time is left."""
    settings = project.config.model
    chosen = next(each for each in trained.scores if each.title == trained.standings.chosen)
    if settings.analyse and time.monotonic() + seconds_to_look(chosen) > until:
        project.remark("look", "left out: no time is left; `kervan errors` looks when it is asked")
    elif settings.analyse:
        with project.stage("look") as tell:
            look = look_closer(project, tracker, trained.folder, trained.dataset, looked)
            tell(told_in_short(look.errors))
        trained = replace(trained, look=look)
    if settings.learning_curve and time.monotonic() < until:
        with project.stage("learning curve"):
            curve = learn_curve(project, tracker, trained.folder, trained.dataset, looked)
        trained = replace(trained, learning=curve)
    return trained


def _compete(
    project: Project, tracker: Tracker, ground: Ground, recipes: dict[str, Recipe], until: float
) -> Race:
    settings = project.config.model.search
    with Sweep(compare_candidate, project.store, workers=settings.workers) as sweep:
        race = Race(project, tracker, ground, sweep, until)
        compare_named(race, recipes)
        if settings.is_wanted:
            search_candidates(race, [recipes[name] for name in project.config.model.families])
    return race


def _tracker(project: Project, dataset: Dataset, task: str, goal: Goal) -> Tracker:
    settings = project.config.model
    parameters = {"families": list(settings.families), "goal": str(goal), "task": task, "seed": settings.seed}
    if project.config.data.row_steps:
        parameters["steps"] = [told(step) for step in project.config.data.row_steps]
    if goals := goals_of(project, goal):
        parameters["goals"] = [str(each) for each in goals]
    if settings.features:
        parameters["features"] = [str(feature) for feature in settings.features]
    tracker = Tracker(
        project.store, project.config.model_name, folder=project.config.folder, parameters=parameters
    )
    tracker.add_link(Link(parent=dataset.id, role="data"))
    return tracker


def _finished(
    project: Project,
    tracker: Tracker,
    standings: Standings,
    scores: Sequence[CandidateScore],
    given: tuple[Dataset, dict[str, Any]],
) -> tuple[Standings, dict[str, Any]]:
    """Fit and write the best candidate that keeps the limits; those before it are left out by name, and so
    are ensembles that no format can hold.

    Raises `GoalMissed` if none of those that were compared keeps them.
    """
    dataset, arguments = given
    by_name = {each.title: each for each in scores}
    ranked = dict.fromkeys([standings.chosen, *(each.name for each in standings.standings)])
    left_out: list[str] = []
    for name in ranked:
        if by_name[name].family == BASELINE:
            continue
        recipe = by_name[name].recipe or Recipe(by_name[name].family)
        choice = replace(arguments["choice"], formats=formats_for(project.config, recipe))
        try:
            found = _run(project, tracker, finish, {**arguments, "recipe": recipe, "choice": choice})
            broken = broken_limits(project, dataset, found["candidate"])
        except Refused as error:
            if not recipe.members:
                raise
            broken = (str(error),)  # each of its members can be written, and some may be better alone
        if not broken:
            reason = f"{name} is the best that can be taken" if left_out else standings.reason
            return replace(standings, chosen=name, reason=reason), found
        left_out.append(f"{name}: {'; '.join(broken)}")
        project.remark("limits", f"left out: {left_out[-1]}")
    raise GoalMissed(
        f"no candidate keeps the limits: {'. '.join(left_out)}",
        hint="try other families, or change `[model.limits]`",
    )


def _check_told(metric: str, evaluation: Evaluation) -> None:
    """Raise `GoalMissed` if the validation part does not tell the goal's metric, as of one class alone."""
    if metric not in evaluation.metrics:
        raise GoalMissed(
            f"the {evaluation.rows:,} rows of the validation part do not tell {metric}",
            hint="they need rows of every class, or different values",
        )


def _choice(project: Project, dataset: Dataset, goal: Goal) -> Choice:
    settings = project.config.model
    features = located(settings.features, project.config.folder)
    return Choice(
        families=settings.families,
        formats=formats_of(project.config),
        tolerance=project.config.package.tolerance,
        seed=settings.seed,
        texts=settings.texts,
        reading=dataset.reading,
        row_steps=project.config.data.row_steps,
        features=features,
        functions=texts_of(features),
        demands=demands_of(project, goal),
        fills_absent=settings.absent == "fill",
    )


def _prepare(project: Project, tracker: Tracker, dataset: Dataset, task: str, goal: Goal) -> dict[str, Any]:
    settings = project.config.model
    arguments = {
        "train": part_value(dataset, Role.TRAIN),
        "schema": _seen(dataset),
        "target": dataset.target,
        "task": task,
        "choice": _choice(project, dataset, goal),
        "folds": Folds(folds=settings.folds, seed=settings.seed, rule=dataset.split),
    }
    found: dict[str, Any] = _run(project, tracker, preparation, arguments)
    return found


def _seen(dataset: Dataset) -> Schema:
    """Return the columns that a model may take: a hash means nothing to a caller."""
    return dataset.schema.without(*dataset.protection)


def _how(project: Project, trained: Trained) -> How:
    settings, dataset = project.config.model, trained.dataset
    return How(
        dataset=dataset.id,
        schema=_seen(dataset),
        target=dataset.target,
        task=trained.task,
        choice=replace(_choice(project, dataset, trained.goal), formats=trained.candidate.formats),
        folds=Folds(folds=settings.folds, seed=settings.seed, rule=dataset.split),
        recipe=trained.candidate.recipe,
    )


def _compared(race: Race, named: Container[str]) -> dict[str, Any]:
    """Return the candidates that are compared: all that were named, and the best of what was searched."""
    settings, field, ground = race.project.config.model, race.field, race.ground
    best = [each.name for each in field.ranked(ground.metric)[:MOST_COMPARED]]
    names = sorted(name for name in field.scores if name in best or name in named)
    return {
        "rows": ground.rows,
        "interface": ground.interface,
        "answered": [field.answered[name] for name in names],
        "choosing": Choosing(
            metric=ground.metric,
            count=settings.shortlist,
            seconds=race.for_ensemble,
            takes_best=settings.choose == BEST,
        ),
    }


def _run(project: Project, tracker: Tracker, pipeline: Pipeline[..., Any], arguments: dict[str, Any]) -> Any:
    return run(pipeline, arguments, store=project.store, tracker=tracker, observe=_told(project))


def _log(project: Project, tracker: Tracker, trained: Trained, field: Field) -> None:
    """Put what was measured on record, and tell what is worth knowing."""
    tracker.log_parameter("family", trained.candidate.family)
    tracker.log_parameter("candidate", trained.candidate.recipe.told)
    for score in trained.scores:
        for metric, value in score.means.items():
            tracker.log_metric(f"cv.{score.title}.{metric}", value)
    for metric, value in trained.evaluation.metrics.items():
        tracker.log_metric(f"validation.{metric}", value)
    findings = (*trained.interface.findings, *field.findings)
    for finding in findings:
        tracker.log(finding.message)
    tracker.log(trained.standings.reason)
    project.remark_all("note", findings, where=f"kervan runs --show {tracker.run.id}")
    project.remark("choose", trained.standings.reason)


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
