"""One run, whole: steps, curves, code, log, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.artifacts import Artifact, artifacts_of
from kervan.app.board import Leaderboard, board_of
from kervan.app.searched import Searched, searched, searching_run
from kervan.core.errors import NotFound
from kervan.core.nouns import Dataset, Model, Package, Report, Run, Status, StepRun, Verdict
from kervan.flow.live import Live
from kervan.flow.surroundings import is_alive
from kervan.store.codec import kind_of
from kervan.store.points import Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project
    from kervan.store.curves import Span

MOST_POINTS = 500
MOST_CURVES = 24
_LONGEST = 120_000  # letters of a log or a difference: what a page can show


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The history of a metric in at most 500 points, `total` in all."""

    name: str
    points: tuple[Point, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A record that came of a run: a model, a package, a report with its verdict."""

    kind: str
    id: str
    ref: str
    role: str
    time: float
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A run as far as it got. Of a log and a difference that are long there is the end, or the beginning.

    `dataset` is that which it used, "" for none. `is_alive` says that it goes on, as far as this machine
    knows; then steps, metrics and log are those until now. `histories` are the metrics that have one.
    `board` and `search` are there for a run that trained a model, `searching` for a trial: the run that
    searched.
    """

    run: Run
    is_alive: bool
    dataset: str
    steps: tuple[StepRun, ...]
    metrics: Mapping[str, float]
    curves: tuple[Curve, ...]
    histories: tuple[str, ...]
    difference: str
    log: str
    log_end: int
    made: tuple[Made, ...]
    board: Leaderboard | None
    search: Searched | None
    searching: str
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """What was logged after a place; `end` is the place to ask from next, `is_over` that no more comes."""

    text: str
    end: int
    is_over: bool


def describe_run(project: Project, ident: str, *, curves: Sequence[str] = ()) -> RunDetails:
    """Return a run with everything that is known of it, also while it goes on.

    It has the `curves` of the metrics that are named, else the first 24.
    """
    catalog = project.store.catalog
    run = catalog.get(Run, ident)
    log = _log(project, run)
    (row,) = catalog.run_rows([run.id])
    spans = catalog.spans(run.id)
    chosen = [span for span in spans if span.name in curves] or spans[:MOST_CURVES]
    steps = run.steps or tuple(_live(project, run).steps())
    return RunDetails(
        run=run,
        is_alive=run.status is Status.RUNNING and is_alive(run.host),
        dataset=dataset_of(project, run),
        steps=steps,
        metrics=row.metrics,
        curves=tuple(_curve(project, run.id, span) for span in chosen),
        histories=tuple(span.name for span in spans),
        difference=_text(project, run.code.difference)[:_LONGEST],
        log=log.decode(errors="replace")[-_LONGEST:],
        log_end=len(log),
        made=tuple(_made(project, run)),
        board=board_of(project, replace(run, steps=steps)),
        search=searched(project, run),
        searching=searching_run(run),
        artifacts=artifacts_of(project, run),
    )


def run_log(project: Project, ident: str) -> tuple[Run, str]:
    """Return a run and its log, that until now while it goes on."""
    run = project.store.catalog.get(Run, ident)
    return run, _log(project, run).decode(errors="replace")


def run_difference(project: Project, ident: str) -> tuple[Run, bytes]:
    """Return a run and the patch of what of its code was not committed, or raise `NotFound`."""
    run = project.store.catalog.get(Run, ident)
    if not run.code.difference:
        raise NotFound(f"nothing was uncommitted in the code of run {ident}", hint="see its commit")
    return run, project.store.blobs.read_bytes(run.code.difference)


def log_since(project: Project, ident: str, start: int) -> LogPart:
    """Return what a run logged after so many bytes."""
    run = project.store.catalog.get(Run, ident)
    log = _log(project, run)
    part = log[max(start, 0) :]
    if run.status is Status.RUNNING:
        part = part[: part.rfind(b"\n") + 1]  # a line that is only now written comes next time
    end = min(max(start, 0), len(log)) + len(part)
    return LogPart(text=part.decode(errors="replace"), end=end, is_over=run.status is not Status.RUNNING)


def dataset_of(project: Project, run: Run) -> str:
    """Return the dataset that a run used, "" for none."""
    used = (link.parent for link in run.parents if link.role == "data")
    return next((project.store.catalog.get(Dataset, ident, deleted=True).ref for ident in used), "")


def _curve(project: Project, run: str, span: Span) -> Curve:
    points = project.store.catalog.curve(run, span, most=MOST_POINTS)
    return Curve(name=span.name, points=tuple(points), total=span.size)


def _live(project: Project, run: Run) -> Live:
    return Live(project.store.root, run.id)


def _log(project: Project, run: Run) -> bytes:
    if run.log:
        return project.store.blobs.read_bytes(run.log)
    return _live(project, run).log().encode()


def _text(project: Project, blob: str) -> str:
    return project.store.blobs.read_bytes(blob).decode(errors="replace") if blob else ""


def _made(project: Project, run: Run) -> list[Made]:
    found = [
        (project.store.catalog.record(ident), role) for ident, role in project.store.catalog.children(run.id)
    ]
    return [
        Made(
            kind=kind_of(type(record)),
            id=record.id,
            ref=record.ref,
            role=record.kind if isinstance(record, Report) else role,
            time=record.time,
            verdict=record.verdict if isinstance(record, Report) else None,
        )
        for record, role in sorted(found, key=lambda each: each[0].time)
        if isinstance(record, Model | Package | Report)
    ]
