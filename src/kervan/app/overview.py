"""How a project stands, from data to watch: the newest of each, what needs attention, what happened last."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.data import describe_dataset
from kervan.app.environments import PRODUCTION
from kervan.app.standing import standings
from kervan.core.errors import NotFound
from kervan.core.nouns import Dataset, Event, Finding, Model, Report, ReportKind, Run, Status, Verdict
from kervan.flow.surroundings import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.app.project import Project
    from kervan.app.standing import Standing

_LAST = 12
_FEW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop of the caravan: which, how it is (`empty`, `reached`, `busy`, `warn`, `bad`), what is there."""

    name: str
    state: str
    told: str = ""
    ref: str = ""
    time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that needs attention, how bad, in words, and what to do; `kind` and `ref` say where."""

    kind: str
    ref: str
    verdict: Verdict
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How everything stands."""

    name: str
    stops: tuple[Stop, ...]
    concerns: tuple[Concern, ...]
    events: tuple[Event, ...]


def overview(project: Project) -> Overview:
    """Return how a project stands."""
    catalog = project.store.catalog
    dataset = next(iter(catalog.all(Dataset, limit=1)), None)
    model = next(iter(catalog.all(Model, limit=1)), None)
    current = [each for each in standings(project) if each.state]
    drift = _newest_drift(project, current)
    found = _found(project, dataset)
    return Overview(
        name=project.config.project_name,
        stops=(
            _data(dataset, found),
            _model(project, model),
            _package(model),
            _release(current),
            _watch(drift),
        ),
        concerns=tuple(_concerns(project, current, drift, (dataset, found))),
        events=_last_events(project),
    )


def _data(dataset: Dataset | None, found: Sequence[Finding]) -> Stop:
    if dataset is None:
        return Stop(name="data", state="empty")
    warned = any(each.verdict is not Verdict.PASSED for each in found)
    return Stop(
        name="data",
        state="warn" if warned else "reached",
        told=f"{dataset.rows:,} × {len(dataset.schema)}",
        ref=dataset.ref,
        time=dataset.time,
    )


def _model(project: Project, model: Model | None) -> Stop:
    going = [run for run in project.store.catalog.running() if is_alive(run.host)]
    if going:
        return Stop(name="model", state="busy", told=going[0].name, ref=going[0].id, time=going[0].time)
    if model is None:
        return Stop(name="model", state="empty")
    return Stop(name="model", state="reached", told=model.family, ref=model.ref, time=model.time)


def _package(model: Model | None) -> Stop:
    if model is None:
        return Stop(name="package", state="empty")
    return Stop(name="package", state="reached", ref=model.ref, time=model.time)


def _release(current: list[Standing]) -> Stop:
    if not current:
        return Stop(name="release", state="empty")
    first = min(current, key=lambda each: (each.deployment.name != PRODUCTION, each.deployment.name))
    states = {each.state for each in current}
    going = any(each.release is not None and not each.release.status.is_over for each in current)
    state = "bad" if "gone" in states else "busy" if going else "reached" if "running" in states else "warn"
    told = first.deployment.told()
    return Stop(name="release", state=state, told=told, ref=first.deployment.name, time=first.deployment.time)


def _watch(drift: Report | None) -> Stop:
    if drift is None:
        return Stop(name="watch", state="empty")
    state = {Verdict.PASSED: "reached", Verdict.WARNED: "warn", Verdict.FAILED: "bad"}[drift.verdict]
    return Stop(name="watch", state=state, told=drift.verdict, ref=drift.name, time=drift.time)


def _newest_drift(project: Project, current: list[Standing]) -> Report | None:
    """Return the newest report about drift in any environment."""
    names = {each.deployment.name for each in current}
    found = [each for name in names for each in project.store.catalog.all(Report, name=name, limit=_LAST)]
    drifts = [each for each in found if each.kind is ReportKind.DRIFT]
    return max(drifts, key=lambda each: each.time, default=None)


def _concerns(
    project: Project,
    current: Sequence[Standing],
    drift: Report | None,
    data: tuple[Dataset | None, Sequence[Finding]],
) -> Iterator[Concern]:
    """Yield what needs attention, what is broken first."""
    for each in current:
        name = each.deployment.name
        if each.state == "gone":
            hint = f"`kervan release --to {name}` brings it back"
            message = f"the server of {name} is gone"
            yield Concern(kind="release", ref=name, verdict=Verdict.FAILED, message=message, hint=hint)
        if each.release is not None and not each.release.status.is_over:
            message = f"{each.release.model} comes to {name} by {each.release.strategy}: {each.verdict}"
            yield Concern(kind="release", ref=name, verdict=Verdict.WARNED, message=message)
    for run in project.store.catalog.all(Run, limit=1):
        if run.status is Status.FAILED:
            message = f"the newest run failed: {run.error}"
            yield Concern(kind="run", ref=run.id, verdict=Verdict.FAILED, message=message)
    if drift is not None:
        yield from _of("watch", drift.name, drift.findings)
    dataset, found = data
    if dataset is not None:
        yield from _of("data", dataset.ref, found)


def _of(kind: str, ref: str, findings: Sequence[Finding]) -> Iterator[Concern]:
    """Yield the first few things that a report found, and how many more there are."""
    bad = [each for each in findings if each.verdict is not Verdict.PASSED]
    for each in bad[:_FEW]:
        yield Concern(kind=kind, ref=ref, verdict=each.verdict, message=each.message, hint=each.hint)
    if more := len(bad[_FEW:]):
        yield Concern(kind=kind, ref=ref, verdict=Verdict.WARNED, message=f"and {more:,} more")


def _found(project: Project, dataset: Dataset | None) -> tuple[Finding, ...]:
    """Return what validation found in a dataset."""
    if dataset is not None:
        with suppress(NotFound):  # its reports are gone: its own page says so
            return describe_dataset(project, dataset.ref).findings
    return ()


def _last_events(project: Project) -> tuple[Event, ...]:
    head = project.store.catalog.head()
    after = max(0, head.sequence - _LAST) if head else 0
    return tuple(reversed(list(project.store.catalog.events(after=after))))
