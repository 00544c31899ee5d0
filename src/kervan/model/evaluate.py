"""How good a model is on rows that it did not learn from, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidData
from kervan.core.nouns import Finding, Verdict
from kervan.model.cuts import Cut, curve
from kervan.model.distinct import telling_rows
from kervan.model.interval import Interval
from kervan.model.metrics import Yardstick, check_goal, intervals, scores, task_of
from kervan.model.paired import Paired
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kervan.core.goals import Goal
    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.model.metric import Metric

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_BINS = 10
_FEW_ROWS = 100
_FEW_OF_A_CLASS = 10
_HEAVY = (
    2.0  # times the root of the rows: of squared normal errors the worst weighs one, of log-normal ones two
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows whose highest probability lay in one tenth: how sure the model was, how often it was right."""

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a model answered on held-out rows.

    For a classification `confusion[true][answered]` counts rows in the order of `classes`, and
    `calibration` has the bins that hold any row. For a regression `residuals` are the quantiles at
    `QUANTILES` of answer minus truth. `telling` counts the rows that do not repeat another one whole: the
    intervals are by these. The last of two classes is named from `threshold` on; `cuts` are what others would
    give.
    """

    task: str
    rows: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[Bin, ...] = ()
    residuals: tuple[float, ...] = ()
    telling: int | None = None
    threshold: float | None = None
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Whether a model reaches its goal; the first finding says it in one sentence.

    `folds` are the values of its metric that cross-validation estimated before; `beside` compares it with the
    `incumbent`, the model that was there before it, on the very same rows.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    goal: str
    metric: str
    value: float | None
    interval: Interval | None
    folds: tuple[float, ...] = ()
    incumbent: str = ""
    beside: tuple[Paired, ...] = ()
    accept_if: str = ""


def evaluate(
    predictor: Predictor,
    matrix: Matrix,
    truth: NDArray[Any],
    signature: Signature,
    *,
    seed: int = 0,
    metrics: tuple[Metric, ...] = (),
) -> Evaluation:
    """Score a matrix of shape (rows, inputs) and compare the answers with the truth, shape (rows,).

    `metrics` are measured beside the usual ones. Raises `InvalidData` if there are no rows.
    """
    if not len(truth):
        raise InvalidData("there are no rows to evaluate on", hint="give this part of the data some rows")
    task = task_of(signature)
    values = predictor.predict(matrix)
    by = Yardstick(metrics=metrics, naming=signature.naming)
    figures = scores(task, truth, values, by)
    telling = telling_rows(matrix, truth)
    by_telling = intervals(task, truth[telling], values[telling], by, seed=seed)
    parts: dict[str, Any] = {
        "task": str(task),
        "rows": len(truth),
        "metrics": figures,
        "intervals": {name: each.holding(figures[name]) for name, each in by_telling.items()},
        "telling": len(telling),
    }
    if not signature.is_classification:
        quantiles = np.quantile(values[:, 0] - truth, QUANTILES)
        return Evaluation(**parts, residuals=tuple(quantiles.tolist()))
    classes = signature.output.allowed
    pairs = truth * len(classes) + chosen(values, signature.naming)
    counts = np.bincount(pairs, minlength=len(classes) ** 2).reshape(len(classes), -1)
    return Evaluation(
        **parts,
        threshold=signature.threshold,
        cuts=curve(truth, values) if len(classes) == 2 else (),
        classes=classes,
        confusion=tuple(tuple(row) for row in counts.tolist()),
        calibration=tuple(_calibration(truth, values)),
    )


def accept(evaluation: Evaluation, goal: Goal, metrics: tuple[Metric, ...] = ()) -> Acceptance:
    """Judge an evaluation by a goal: failed below it, warned where chance or few rows leave doubt.

    `metrics` are those of the project. Raises `InvalidConfig` if the goal does not fit the task.
    """
    entry = check_goal(goal, evaluation.task, metrics)
    metric = entry.name
    value = evaluation.metrics.get(metric)
    interval = evaluation.intervals.get(metric)
    findings = (
        _goal_finding(evaluation, goal, metric),
        *_doubts(evaluation, goal, metric),
        *_short(evaluation, entry),
    )
    verdicts = {finding.verdict for finding in findings}
    worst = next(each for each in (Verdict.FAILED, Verdict.WARNED, Verdict.PASSED) if each in verdicts)
    return Acceptance(
        verdict=worst, findings=findings, goal=str(goal), metric=metric, value=value, interval=interval
    )


def _goal_finding(evaluation: Evaluation, goal: Goal, metric: str) -> Finding:
    value = evaluation.metrics.get(metric)
    if value is None:
        return Finding(
            rule="goal",
            subject=metric,
            verdict=Verdict.FAILED,
            message=f"{metric} cannot be told from these {evaluation.rows} rows",
            hint="they need rows of every class, or different values",
        )
    interval = evaluation.intervals.get(metric)
    between = f" (95 % interval {_said(interval.low)} to {_said(interval.high)})" if interval else ""
    told = f"{metric} is {_said(value)}{between} on {evaluation.rows} rows"
    reached = goal.is_reached(value)
    bounds = str(goal).removeprefix(goal.metric).strip()
    wanted = f"the goal {bounds} is {'reached' if reached else 'missed'}" if bounds else "no bound is set"
    return Finding(
        rule="goal",
        subject=metric,
        verdict=Verdict.PASSED if reached else Verdict.FAILED,
        message=f"{told}: {wanted}",
        hint="" if reached else "add data or features, try more families, or lower the goal and say why",
    )


def _said(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def _doubts(evaluation: Evaluation, goal: Goal, metric: str) -> Iterator[Finding]:
    interval = evaluation.intervals.get(metric)
    if interval and goal.is_reached(interval.low) != goal.is_reached(interval.high):
        yield Finding(
            rule="interval",
            subject=metric,
            verdict=Verdict.WARNED,
            message="the 95 % interval crosses the goal: on other rows the model may miss or reach it",
            hint="evaluate on more rows",
        )
    if interval and interval.heaviest * evaluation.rows**0.5 > _HEAVY:
        yield Finding(
            rule="tails",
            subject=metric,
            verdict=Verdict.WARNED,
            message=f"one row makes up {interval.heaviest:.0%} of {metric}: with errors of such long tails, "
            "other rows may show much larger ones than the interval says",
            hint="look at that row, predict a logarithm, or set the goal on median_absolute_error",
        )
    if metric in evaluation.metrics and interval is None:
        yield Finding(
            rule="interval",
            subject=metric,
            verdict=Verdict.WARNED,
            message=f"these rows do not tell how far {metric} may be off",
            hint="evaluate on more rows",
        )
    telling = evaluation.rows if evaluation.telling is None else evaluation.telling
    if telling < evaluation.rows:
        yield Finding(
            rule="repeated",
            subject="rows",
            verdict=Verdict.WARNED,
            message=f"of the {evaluation.rows:,} rows {telling:,} are different ones, and the others repeat "
            "them whole: the interval is that of the different ones",
            hint="bring rows of others, not more rows of the same",
        )
    if telling < _FEW_ROWS:
        yield Finding(
            rule="rows",
            subject="rows",
            verdict=Verdict.WARNED,
            message=f"{telling} rows tell little",
            hint=f"evaluate on at least {_FEW_ROWS}",
        )
    for label, counts in zip(evaluation.classes, evaluation.confusion, strict=True):
        if sum(counts) < _FEW_OF_A_CLASS:
            yield Finding(
                rule="class",
                subject=label,
                verdict=Verdict.WARNED,
                message=f"class {label!r} has {sum(counts)} rows: how well it is recognised is hardly known",
                hint=f"evaluate on at least {_FEW_OF_A_CLASS} rows of every class",
            )
    if not _tells_something(evaluation):
        yield Finding(
            rule="useless",
            subject="model",
            verdict=Verdict.WARNED,
            message="the model is no better than always giving the same answer",
            hint="look for columns that tell more about the target",
        )


def _short(evaluation: Evaluation, entry: Metric) -> Iterator[Finding]:
    """Say of an interval that comes from resampling few rows that it holds less than it promises."""
    telling = evaluation.rows if evaluation.telling is None else evaluation.telling
    if telling < entry.sure_from and entry.name in evaluation.intervals:
        yield Finding(
            rule="short",
            subject=entry.name,
            verdict=Verdict.WARNED,
            message=f"the interval of {entry.name} comes from resampling {telling} rows: on so few it holds "
            "the true value in fewer than 95 of 100 samples",
            hint=f"evaluate on at least {entry.sure_from} rows",
        )


def _tells_something(evaluation: Evaluation) -> bool:
    """Say whether the answers are better than the same one for every row (by ranking, or by squares)."""
    lowest = {"classification": ("roc_auc", 0.5), "regression": ("r2", 0.0)}
    name, bound = lowest[evaluation.task]
    return evaluation.metrics.get(name, np.inf) > bound


def _calibration(truth: NDArray[np.int64], values: NDArray[np.float64]) -> Iterator[Bin]:
    confidence = values.max(axis=1)
    right = values.argmax(axis=1) == truth
    places = np.clip((confidence * _BINS).astype(int), 0, _BINS - 1)
    for place in np.unique(places):
        inside = places == place
        yield Bin(
            rows=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
