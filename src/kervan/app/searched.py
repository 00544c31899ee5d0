"""What a search tried: its trials in order, each with the best value so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.board import metric_of
from kervan.app.trials import OURS, TAKEN_UP
from kervan.core.nouns import Status
from kervan.flow.track import TRIAL
from kervan.model.metrics import higher_is_better

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.app.project import Project
    from kervan.core.nouns import Run
    from kervan.store.search import RunRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial: its number, its run, the recipe, its value, and the best one up to here.

    `value` is None for one that failed; that of one that was given up is of its first folds, and does not
    count for `best`, which is None as long as there is none.
    """

    number: int
    run: str
    family: str
    parameters: Mapping[str, Any]
    value: float | None
    best: float | None
    given_up: bool
    status: Status
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The trials of a search in order, also while it goes on; `best` is the number of the best one."""

    metric: str
    higher_is_better: bool
    best: int | None
    trials: tuple[Tried, ...]


def searched(project: Project, run: Run) -> Searched | None:
    """Return what a run's search tried, None for a run that did not search."""
    catalog = project.store.catalog
    came = [ident for ident, role in catalog.children(run.id) if role == TRIAL]
    before = [link.parent for link in run.parents if link.role == TAKEN_UP]
    metric = metric_of(run)
    rows = catalog.run_rows([*before, *came])
    if not rows or not metric:
        return None
    trials = tuple(_trials(sorted(rows, key=_number), metric))
    last = trials[-1].best
    best = next((each.number for each in trials if last is not None and _counts(each) == last), None)
    return Searched(metric=metric, higher_is_better=higher_is_better(metric), best=best, trials=trials)


def searching_run(run: Run) -> str:
    """Return the run that searched, for one of its trials; "" for any other run."""
    return next((link.parent for link in run.parents if link.role == TRIAL), "")


def _trials(rows: Sequence[RunRow], metric: str) -> Iterator[Tried]:
    better = max if higher_is_better(metric) else min
    best: float | None = None
    for row in rows:
        value = None if row.status is Status.FAILED else row.metrics.get(metric)
        given_up = bool(row.parameters.get("given_up"))
        if value is not None and not given_up:
            best = value if best is None else better(best, value)
        yield Tried(
            number=_number(row),
            run=row.id,
            family=str(row.parameters.get("family", "")),
            parameters={name: each for name, each in row.parameters.items() if name not in OURS},
            value=value,
            best=best,
            given_up=given_up,
            status=row.status,
            seconds=row.seconds,
        )


def _number(row: RunRow) -> int:
    return int(row.parameters["trial"])


def _counts(trial: Tried) -> float | None:
    return None if trial.given_up else trial.value
