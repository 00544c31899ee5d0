"""What a project's settings demand of a model: read once the table is known, refused before any training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.app.behaving import check_tests
from kervan.app.data import report_of
from kervan.app.parts import read_part
from kervan.core.errors import InvalidConfig, InvalidData, did_you_mean
from kervan.core.nouns import ReportKind, Role
from kervan.data.split import one_class
from kervan.model.demands import Demands
from kervan.model.metrics import (
    METRICS,
    MONEY,
    check_goal,
    default_metric,
    metric,
    task_of,
    tells_one_class,
)
from kervan.model.own import find_own
from kervan.package.encoding import encode_truth

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.goals import Goal
    from kervan.core.nouns import Dataset
    from kervan.core.schema import Signature
    from kervan.model.metric import Metric
    from kervan.model.own import OwnMark


def goal_of(project: Project, task: str) -> Goal:
    """Return the goal that was set, with the task's usual metric where none is named.

    Raises `InvalidConfig` for a metric that does not fit the task; its bounds are checked where the classes
    are known, by `demands_of`.
    """
    goal = project.config.model.goal
    if not goal.metric:
        goal = replace(goal, metric=default_metric(task))
    if ":" in goal.metric:
        return replace(goal, metric=str(find_own(goal.metric, project.config.folder)))
    if goal.metric not in MONEY or not project.config.model.costs:
        check_goal(goal, task)
    return goal


def goals_of(project: Project, goal: Goal) -> tuple[Goal, ...]:
    """Return the goals besides the first one, those of the user's own metrics by the whole names of these."""
    folder = project.config.folder
    found = [
        replace(each, metric=str(find_own(each.metric, folder))) if ":" in each.metric else each
        for each in project.config.model.goals
    ]
    return tuple(each for each in found if each.metric != goal.metric)


def demands_of(project: Project, goal: Goal) -> Demands:
    """Return what is measured and decided besides the usual, as the settings say."""
    settings = project.config.model
    goals = (goal, *goals_of(project, goal))
    named = tuple(dict.fromkeys(each.metric for each in goals if each.metric in METRICS))
    return Demands(
        metrics=(*named, *_criterion(settings.threshold)),
        own=_own(project, goals),
        costs=settings.costs,
        threshold=settings.threshold,
        calibrate=settings.calibrate,
    )


def check_demands(project: Project, dataset: Dataset, goal: Goal, signature: Signature) -> None:
    """Raise `InvalidConfig` for what cannot be demanded of a model of this signature.

    Raises `InvalidData` where a part has rows of one class alone, and they cannot tell what is asked of them.
    """
    demands = demands_of(project, goal)
    demands.check(signature)
    known = demands.found(signature)
    for each in (goal, *goals_of(project, goal)):
        _check_target(project, dataset, check_goal(each, task_of(signature), known), signature)
    _check_classes(project, dataset, goal, demands.chooses_threshold(signature))
    _check_limits(project, dataset, signature)
    check_tests(project, signature)


def _check_target(project: Project, dataset: Dataset, asked: Metric, signature: Signature) -> None:
    """Raise `InvalidData` for a metric that has no value for the target, whatever is answered."""
    if not asked.needs:
        return
    for role in (Role.TRAIN, Role.VALIDATION):
        truth = encode_truth(read_part(project, dataset, role)[dataset.target], signature.output)
        answers = np.where(truth > 0, truth, 1.0)  # as good as any that each metric takes
        if np.isnan(asked.formula(truth, answers[:, np.newaxis])):
            raise InvalidData(
                f"the metric {asked.name!r} needs {asked.needs}, and {dataset.target!r} has others in the "
                f"{role} part",
                hint='choose another: `[model] goal = { metric = "rmse" }`, or mend the target',
            )


def _check_classes(project: Project, dataset: Dataset, goal: Goal, chooses_threshold: bool) -> None:
    report = report_of(project, dataset.id, ReportKind.VALIDATION)
    noticed = {each.rule: each for each in report.findings} if report else {}
    for role, is_asked in ((Role.VALIDATION, chooses_threshold), (Role.TEST, False)):
        found = noticed.get(one_class(role))
        if found and (is_asked or not tells_one_class(goal.metric)):
            raise InvalidData(found.message, hint=found.hint)


def _criterion(threshold: str | float) -> tuple[str, ...]:
    """Return the metric by which the threshold is chosen: it is measured too."""
    return (threshold,) if isinstance(threshold, str) and threshold in METRICS else ()


def _own(project: Project, goals: tuple[Goal, ...]) -> tuple[OwnMark, ...]:
    names = dict.fromkeys(each.metric for each in goals if ":" in each.metric)
    return tuple(find_own(name, project.config.folder).mark for name in names)


def _check_limits(project: Project, dataset: Dataset, signature: Signature) -> None:
    limits = project.config.model.limits
    for name in limits.monotone:
        if name not in signature.inputs:
            raise InvalidConfig(
                f"[model.limits] monotone: the model takes no column {name!r}",
                hint=did_you_mean(name, signature.inputs.names),
            )
        if signature.inputs[name].type not in {"number", "integer", "boolean"}:
            raise InvalidConfig(
                f"[model.limits] monotone: column {name!r} is {signature.inputs[name].type}: no order",
                hint="name a column of numbers",
            )
    if limits.monotone and len(signature.output.allowed) > 2:
        raise InvalidConfig(
            f"[model.limits] monotone: the target has {len(signature.output.allowed)} classes",
            hint="an answer goes up or down for two classes or a number",
        )
    if limits.fairness is None:
        return
    if limits.fairness.column not in dataset.schema:
        raise InvalidConfig(
            f"[model.limits] fairness: there is no column {limits.fairness.column!r}",
            hint=did_you_mean(limits.fairness.column, dataset.schema.names),
        )
    metric(limits.fairness.metric, task_of(signature))
