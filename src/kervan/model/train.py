"""Training: comparing families over the same folds, and fitting the one that was chosen."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, InvalidData, NotFound
from kervan.core.nouns import Finding, Verdict
from kervan.model.candidates import BASELINE, build
from kervan.model.distinct import distinct_rows
from kervan.model.folds import Folding, folds_of
from kervan.model.metrics import higher_is_better, scores, task_of
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScore:
    """How one family did over the folds: for each metric its mean, deviation, and value in every fold.

    A metric that some fold cannot tell is left out. Seconds are totals over the folds.
    """

    family: str
    means: Mapping[str, float]
    deviations: Mapping[str, float]
    values: Mapping[str, tuple[float, ...]]
    fit_seconds: float
    predict_seconds: float
    findings: tuple[Finding, ...] = ()


def fit(family: str, matrix: Matrix, truth: NDArray[Any], signature: Signature, seed: int) -> Pipeline:
    """Fit one family on all rows. The same seed gives the same model.

    Raises `InvalidData` if there are no rows, or none of some class.
    """
    _check_rows(truth, signature, at_least=1)
    with warnings.catch_warnings(record=True):  # cross-validation has reported them already
        warnings.simplefilter("always")
        return _fitted(family, matrix, truth, signature, seed)


def cross_validate(
    family: str,
    matrix: Matrix,
    truth: NDArray[Any],
    signature: Signature,
    folding: Folding,
) -> CandidateScore:
    """Score one family over folds, which are the same for every family; see `kervan.model.folds`.

    None is asked about that was learned from. Raises `InvalidConfig` for fewer than two folds, and
    `InvalidData` for fewer different rows than folds, of some class or at all, both before anything is
    trained.
    """
    folds, seed = folding.folds, folding.seed
    if folds < 2:
        raise InvalidConfig(f"{folds} folds cannot be compared", hint="set `folds` in [model] to 2 or more")
    first, _ = distinct_rows(matrix)
    _check_rows(truth[first], signature, at_least=folds)
    found: list[dict[str, float]] = []
    fit_seconds = predict_seconds = 0.0
    noticed: list[warnings.WarningMessage] = []
    for number, (learn, ask) in enumerate(folds_of(matrix, truth, folding), 1):
        _check_fold(truth[learn], signature, number, len(ask))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            started = time.perf_counter()
            model = Fitted(_fitted(family, matrix[learn], truth[learn], signature, seed), signature)
            fitted = time.perf_counter()
            values = model.predict(matrix[ask])
            answered = time.perf_counter()
        fit_seconds += fitted - started
        predict_seconds += answered - fitted
        noticed += caught
        found.append(scores(task_of(signature), truth[ask], values))
    told = [name for name in found[0] if all(name in fold for fold in found)]
    by_metric = {name: tuple(fold[name] for fold in found) for name in told}
    return CandidateScore(
        family=family,
        means={name: float(np.mean(each)) for name, each in by_metric.items()},
        deviations={name: float(np.std(each, ddof=1)) for name, each in by_metric.items()},
        values=by_metric,
        fit_seconds=fit_seconds,
        predict_seconds=predict_seconds,
        findings=tuple(_findings(family, noticed)),
    )


def leaderboard(candidates: Iterable[CandidateScore], metric: str) -> tuple[CandidateScore, ...]:
    """Sort candidates by a metric's mean, the best first; without that metric they come last."""
    sign = -1 if higher_is_better(metric) else 1
    return tuple(sorted(candidates, key=lambda each: sign * each.means.get(metric, sign * np.inf)))


def best(candidates: Iterable[CandidateScore], metric: str) -> CandidateScore:
    """Return the best candidate by a metric's mean; the baseline is only there to be beaten."""
    known = [each for each in candidates if each.family != BASELINE and metric in each.means]
    if not known:
        raise NotFound(f"no candidate has a score for {metric}", hint="train at least one family")
    return leaderboard(known, metric)[0]


def _fitted(family: str, matrix: Matrix, truth: NDArray[Any], signature: Signature, seed: int) -> Pipeline:
    known = matrix.copy()
    known[:, np.isnan(known).all(axis=0)] = 0.0  # boosting cannot bin a column without any value
    return build(family, signature, seed).fit(known, truth)


def _check_fold(truth: NDArray[Any], signature: Signature, number: int, asked: int) -> None:
    """Raise `InvalidData` unless a fold has rows of every class to learn from, and some to ask about."""
    classes = len(signature.output.allowed) if signature.is_classification else 0
    seen = np.bincount(truth, minlength=classes) if classes else np.array([len(truth)])
    if asked and seen.min(initial=len(truth)) > 0 and len(truth):
        return
    lacks = (
        f"no row of class {signature.output.allowed[int(seen.argmin())]!r}" if classes and asked else "no row"
    )
    raise InvalidData(
        f"fold {number} has {lacks} {'to learn from' if asked else 'to ask about'}, as the dataset is split",
        hint="lower `[model] folds`, or split by another rule: `[data] split`",
    )


def _check_rows(truth: NDArray[Any], signature: Signature, *, at_least: int) -> None:
    if len(truth) < at_least:
        raise InvalidData(
            f"there are {len(truth)} rows for training, {at_least} are needed",
            hint="use more rows, or set fewer `folds` in [model]",
        )
    if not signature.is_classification:
        return
    output = signature.output
    counts = np.bincount(truth, minlength=len(output.allowed))
    rarest = int(counts.argmin())
    if counts[rarest] < at_least:
        raise InvalidData(
            f"column {output.name!r}: class {output.allowed[rarest]!r} has {counts[rarest]} rows "
            f"for training, {at_least} are needed",
            hint="collect more of them, leave the class out, or set fewer `folds` in [model]",
        )


def _findings(family: str, noticed: Sequence[warnings.WarningMessage]) -> Iterator[Finding]:
    """Turn what the library warned of into findings, each once with how often it came."""
    counts = Counter((each.category.__name__, str(each.message).split("\n", 1)[0]) for each in noticed)
    for (kind, message), times in counts.items():
        often = f" ({times} times)" if times > 1 else ""
        yield Finding(rule=kind, subject=family, verdict=Verdict.WARNED, message=f"{message}{often}")
