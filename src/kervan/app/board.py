"""The candidates of a run beside each other: how good each is, what it costs, how alike they fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.scores import candidates_of, shortlist_of, standings_of
from kervan.model.families.registry import BASELINE
from kervan.model.metrics import higher_is_better
from kervan.model.pareto import Front, front_of
from kervan.model.shortlist import Shortlist
from kervan.model.standings import Standing
from kervan.model.train import CandidateScore, leaderboard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project
    from kervan.core.nouns import Run


_BOUNDS = re.compile(" [≥≤] .*")  # of a goal that was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The candidates of a run, the best first by `metric`; `chosen` became the model, "" as long as none is.

    `standings` say by name how each stands beside the best, `reason` why one was chosen; both are empty
    while candidates are still compared. `front` are those that no other one beats in all goals, None with
    one goal alone.
    """

    metric: str
    higher_is_better: bool
    chosen: str
    baseline: str
    candidates: tuple[CandidateScore, ...]
    standings: Mapping[str, Standing]
    reason: str
    shortlist: Shortlist | None
    front: Front | None


def board_of(project: Project, run: Run, metric: str = "") -> Leaderboard | None:
    """Rank the candidates of a run by a metric, by default that of its goal; None for a run without any."""
    candidates = candidates_of(project, run)
    metric = metric or metric_of(run)
    if not candidates or not metric:
        return None
    standings = standings_of(project, run)
    chosen = chosen_of(candidates, run)
    is_first = standings is not None and standings.chosen == chosen
    return Leaderboard(
        metric=metric,
        higher_is_better=higher_is_better(metric),
        chosen=chosen,
        baseline=BASELINE,
        candidates=leaderboard(candidates, metric),
        standings={each.name: each for each in standings.standings} if standings else {},
        reason=standings.reason if standings and is_first else "",
        shortlist=shortlist_of(project, run),
        front=front_of(candidates, metrics_of(run)),
    )


def metric_of(run: Run) -> str:
    """Return the metric of a run's goal, "" for a run without one."""
    return _metric(run.parameters.get("goal", ""))


def metrics_of(run: Run) -> tuple[str, ...]:
    """Return the metrics of all goals of a run, that of its goal first."""
    goals = (run.parameters.get("goal", ""), *run.parameters.get("goals", ()))
    return tuple(dict.fromkeys(metric for each in goals if (metric := _metric(each))))


def _metric(goal: object) -> str:
    return _BOUNDS.sub("", str(goal))


def chosen_of(candidates: Sequence[CandidateScore], run: Run) -> str:
    """Return the candidate that the run says to have fitted."""
    told = run.parameters.get("candidate", run.parameters.get("family", ""))
    found = (each.title for each in candidates if told == (each.recipe.told if each.recipe else each.family))
    return next(found, str(run.parameters.get("family", "")))
