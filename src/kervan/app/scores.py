"""What a run measured, as it is on record: every candidate over the folds, and the best on held-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kervan.core.nouns import Finding, Report
from kervan.flow.values import Value, listing, load
from kervan.model.answered import SCORE
from kervan.model.evaluate import QUANTILES, Acceptance, Bin, Evaluation
from kervan.model.metrics import higher_is_better
from kervan.model.paired import Paired
from kervan.model.shortlist import Shortlist
from kervan.model.standings import Standings
from kervan.model.steps import choose_shortlist, combine_candidates, compare, compare_candidate, evaluate_best
from kervan.model.train import CandidateScore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project
    from kervan.core.nouns import Run

T = TypeVar("T")

MOST_CLASSES = 30  # a larger table cannot be read
_CONFUSED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric on held-out rows, with its 95 % interval where the rows tell one."""

    name: str
    value: float
    low: float | None
    high: float | None
    higher_is_better: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """How well one class is recognised: of its `rows` how many, and of those answered so how many rightly."""

    label: str
    rows: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confused:
    """Rows of one class that were taken for another."""

    truth: str
    answered: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationView:
    """An evaluation as people look at it.

    `confusion[true][answered]` is there for up to thirty classes, `confused` are the twenty most frequent
    mistakes, `classes` the thirty classes that are recognised worst, or all in their order. `residuals`
    are answer minus truth at the `quantiles`.
    """

    task: str
    rows: int
    telling: int
    metrics: tuple[Metric, ...]
    class_count: int
    classes: tuple[ClassFigures, ...]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    confused: tuple[Confused, ...]
    calibration: tuple[Bin, ...]
    quantiles: tuple[float, ...]
    residuals: tuple[float, ...]
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceView:
    """By whom, when and with which verdict a model was accepted on the sealed test part.

    `folds` are what cross-validation estimated before; `beside` compares it with the `incumbent`, which was
    there before it.
    """

    report: str
    time: float
    creator: str
    verdict: str
    goal: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    findings: tuple[Finding, ...]
    folds: tuple[float, ...]
    incumbent: str
    beside: tuple[Paired, ...]


def candidates_of(project: Project, run: Run) -> tuple[CandidateScore, ...]:
    """Return how the candidates of a run did, ensembles last; none where it is not on record."""
    blobs = project.store.blobs
    steps = (compare_candidate.name, combine_candidates.name)
    folders = [listing(each, project.store) for step in steps for each in stored_of(project, run, step)]
    files = [digest for folder in folders for name, digest in folder.items() if PurePath(name).name == SCORE]
    return tuple(
        msgspec.json.decode(blobs.read_bytes(each), type=CandidateScore)
        for each in files
        if blobs.holds(each)
    )


def standings_of(project: Project, run: Run) -> Standings | None:
    """Return which candidates of a run are better than others, None where that is not on record."""
    return next(outputs_of(project, run, compare.name, Standings), None)


def shortlist_of(project: Project, run: Run) -> Shortlist | None:
    """Return which good candidates of a run fail differently, None where that is not on record."""
    return next(outputs_of(project, run, choose_shortlist.name, Shortlist), None)


def evaluation_of(project: Project, run: Run) -> Evaluation | None:
    """Return what a run measured on the validation part, None if it did not or the figures are gone."""
    return next(outputs_of(project, run, evaluate_best.name, Evaluation), None)


def acceptance_figures(report: Report) -> Acceptance:
    """Return the figures of an acceptance."""
    return msgspec.convert(msgspec.to_builtins(report.body), Acceptance)


def evaluation_view(evaluation: Evaluation) -> EvaluationView:
    """Return an evaluation as people look at it."""
    is_small = len(evaluation.classes) <= MOST_CLASSES
    return EvaluationView(
        task=evaluation.task,
        rows=evaluation.rows,
        telling=evaluation.rows if evaluation.telling is None else evaluation.telling,
        metrics=tuple(_metrics(evaluation)),
        class_count=len(evaluation.classes),
        classes=_classes(evaluation),
        labels=evaluation.classes if is_small else (),
        confusion=evaluation.confusion if is_small else (),
        confused=_confused(evaluation),
        calibration=evaluation.calibration,
        quantiles=QUANTILES if evaluation.residuals else (),
        residuals=evaluation.residuals,
        threshold=evaluation.threshold,
    )


def acceptance_view(report: Report) -> AcceptanceView:
    """Return an acceptance as people look at it."""
    found = acceptance_figures(report)
    return AcceptanceView(
        report=report.id,
        time=report.time,
        creator=report.creator,
        verdict=found.verdict,
        goal=found.goal,
        metric=found.metric,
        value=found.value,
        low=found.interval.low if found.interval else None,
        high=found.interval.high if found.interval else None,
        findings=report.findings,
        folds=found.folds,
        incumbent=found.incumbent,
        beside=found.beside,
    )


def outputs_of(project: Project, run: Run, step: str, kind: type[T]) -> Iterator[T]:
    """Yield what the steps of a name gave in a run, as far as it is still there."""
    for each in stored_of(project, run, step):
        yield load(Value("json", each), project.store, kind)


def stored_of(project: Project, run: Run, step: str) -> Iterator[str]:
    """Yield the hashes of what a step gave in a run, once or by its label, where that is still kept."""
    for each in run.steps:
        is_wanted = each.name == step or each.name.startswith(f"{step}[")
        if is_wanted and each.outputs and project.store.blobs.holds(each.outputs[0]):
            yield each.outputs[0]


def _metrics(evaluation: Evaluation) -> Iterator[Metric]:
    for name, value in evaluation.metrics.items():
        interval = evaluation.intervals.get(name)
        yield Metric(
            name=name,
            value=value,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            higher_is_better=higher_is_better(name),
        )


def _classes(evaluation: Evaluation) -> tuple[ClassFigures, ...]:
    answered = [sum(column) for column in zip(*evaluation.confusion, strict=True)]
    figures = [
        ClassFigures(
            label=label,
            rows=sum(counts),
            recall=counts[place] / sum(counts) if any(counts) else None,
            precision=counts[place] / answered[place] if answered[place] else None,
        )
        for place, (label, counts) in enumerate(zip(evaluation.classes, evaluation.confusion, strict=True))
    ]
    if len(figures) > MOST_CLASSES:
        figures.sort(key=lambda each: 2.0 if each.recall is None else each.recall)
    return tuple(figures[:MOST_CLASSES])


def _confused(evaluation: Evaluation) -> tuple[Confused, ...]:
    found = [
        Confused(truth=truth, answered=answered, rows=rows)
        for truth, counts in zip(evaluation.classes, evaluation.confusion, strict=True)
        for answered, rows in zip(evaluation.classes, counts, strict=True)
        if rows and truth != answered
    ]
    return tuple(sorted(found, key=lambda each: -each.rows)[:_CONFUSED])
