"""What an experiment, or any release by shares, found so far: rewards and right answers of each version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.environments import find_deployment
from kervan.app.feedback import labelled
from kervan.app.permission import releases_of
from kervan.core.errors import NotFound
from kervan.monitor.experiment import Experiment
from kervan.monitor.experiment import experiment as compare

if TYPE_CHECKING:
    from kervan.app.feedback import Labelled
    from kervan.app.project import Project

_BY_SHARES = {"ab", "bandit", "canary"}
REWARD, RIGHT = "reward", "right answers"


def experiment(
    project: Project, environment: str = "production", *, alpha: float = 0.05
) -> tuple[Experiment, ...]:
    """Compare both versions of the newest release by shares to an environment.

    Rewards are compared as they came back, and where labels of classes came, the share of right answers.
    Raises `NotFound` where no release divided the traffic.
    """
    find_deployment(project, environment)
    divided = (each for each in releases_of(project, environment) if each.strategy in _BY_SHARES)
    release = next(divided, None)
    if release is None:
        raise NotFound(
            f"no release divided the traffic of {environment}",
            hint="kervan release MODEL --strategy ab",
        )
    found: dict[str, dict[str, list[float]]] = {REWARD: {}, RIGHT: {}}
    for each in labelled(project, environment, since=release.time):
        if release.ended is None or each.prediction.time <= release.ended:
            _take(found, each)
    return tuple(
        compare(metric, figures, stable=release.before, candidate=release.model, alpha=alpha)
        for metric, figures in found.items()
        if figures
    )


def _take(found: dict[str, dict[str, list[float]]], each: Labelled) -> None:
    ref = each.prediction.model
    if each.reward is not None:
        found[REWARD].setdefault(ref, []).append(each.reward)
    if each.label is not None and "label" in each.outputs:
        found[RIGHT].setdefault(ref, []).append(float(str(each.label) == str(each.outputs["label"])))
