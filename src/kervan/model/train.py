"""Training: comparing candidates over the same folds, and fitting the one that was chosen."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, InvalidData, Refused
from kervan.core.nouns import Finding, Verdict
from kervan.core.recipe import Recipe
from kervan.model.candidates import as_recipe, build
from kervan.model.distinct import distinct_rows
from kervan.model.folds import folds_of
from kervan.model.metrics import higher_is_better, scores, task_of
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.model.folds import Folding

    # From truth and answers of a fold to its figures.
    Measure = Callable[[NDArray[Any], NDArray[np.float64]], dict[str, float]]

_MANY = 1_000  # rows whose answer is timed, besides one
_TIMED = 5
_TIMING = 0.005  # of the seconds of the fits: so much may their timing take, once it has a figure


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScore:
    """How one candidate did over the folds: for each metric its mean, deviation, and value in every fold.

    A metric that some fold cannot tell is left out. Seconds are totals over the folds; `one_seconds` and
    `many_seconds` are what one row and `many` rows take to be answered, `size` the bytes of the model's
    figures, None where it is not known. `name` tells it from others of its family.
    """

    family: str
    name: str = ""
    means: Mapping[str, float]
    deviations: Mapping[str, float]
    values: Mapping[str, tuple[float, ...]]
    fit_seconds: float
    predict_seconds: float
    findings: tuple[Finding, ...] = ()
    recipe: Recipe | None = None
    one_seconds: float | None = None
    many_seconds: float | None = None
    many: int = 0
    size: int | None = None

    @property
    def title(self) -> str:
        """How people call the candidate."""
        return self.name or self.family


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """What cross-validation gave: the score, and for each row what was answered while it was held out.

    `answers` has shape (rows, classes) or (rows, 1), NaN for a row that no fold asked about.
    """

    score: CandidateScore
    answers: NDArray[np.float64]


def fit(
    recipe: Recipe | str, matrix: Matrix, truth: NDArray[Any], signature: Signature, seed: int
) -> Pipeline:
    """Fit one recipe, or a family's defaults, on all rows. The same seed gives the same model.

    Raises `InvalidData` if there are no rows, or none of some class.
    """
    _check_rows(truth, signature, at_least=1)
    with warnings.catch_warnings(record=True):  # cross-validation has reported them already
        warnings.simplefilter("always")
        return _fitted(as_recipe(recipe), matrix, truth, signature, seed)


def cross_validate(
    recipe: Recipe | str,
    matrix: Matrix,
    truth: NDArray[Any],
    signature: Signature,
    folding: Folding,
) -> CandidateScore:
    """Score one recipe over folds; see `answer_folds`."""
    return answer_folds(recipe, matrix, truth, signature, folding).score


def answer_folds(
    recipe: Recipe | str,
    matrix: Matrix,
    truth: NDArray[Any],
    signature: Signature,
    folding: Folding,
    measure: Measure | None = None,
) -> Answered:
    """Score one recipe over folds, which are the same for every one; see `kervan.model.folds`.

    None is asked about that was learned from. `measure` gives each fold's figures, by default the usual
    metrics, and may raise to give the candidate up. Raises `InvalidConfig` for fewer than two folds, and
    `InvalidData` for fewer different rows than folds, of some class or at all, both before anything is
    trained.
    """
    recipe = as_recipe(recipe)
    folding = check_folds(matrix, truth, signature, folding)
    measure = measure or partial(scores, task_of(signature))
    answers = np.full((len(truth), max(1, len(signature.output.allowed))), np.nan)
    found: list[dict[str, float]] = []
    fit_seconds = predict_seconds = 0.0
    noticed: list[warnings.WarningMessage] = []
    for learn, ask in folds_of(matrix, truth, folding):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            started = time.perf_counter()
            model = Fitted(_fitted(recipe, matrix[learn], truth[learn], signature, folding.seed), signature)
            fitted = time.perf_counter()
            answers[ask] = _finite(model.predict(matrix[ask]), recipe)
            answered = time.perf_counter()
        fit_seconds += fitted - started
        predict_seconds += answered - fitted
        noticed += caught
        found.append(measure(truth[ask], answers[ask]))
    score = CandidateScore(
        family=recipe.family,
        **_figures(found),
        fit_seconds=fit_seconds,
        predict_seconds=predict_seconds,
        findings=tuple(_findings(recipe.family, noticed)),
        recipe=recipe,
        one_seconds=_seconds(model, matrix[:1], _TIMING * fit_seconds),
        many_seconds=_seconds(model, matrix[:_MANY], _TIMING * fit_seconds),
        many=min(len(matrix), _MANY),
        size=_size(model),
    )
    return Answered(score=score, answers=answers)


def measured_again(answered: Answered, truth: NDArray[Any], folding: Folding, measure: Measure) -> Answered:
    """Return what cross-validation gave with the figures of another measure, over the same folds."""
    found = [measure(truth[ask], answered.answers[ask]) for _, ask in folding.found]
    return replace(answered, score=replace(answered.score, **_figures(found)))


def check_folds(matrix: Matrix, truth: NDArray[Any], signature: Signature, folding: Folding) -> Folding:
    """Find the folds of some rows, and return them with the folding; they are found and checked once.

    Raises `InvalidConfig` or `InvalidData` where the rows cannot be folded so.
    """
    if folding.found:
        return folding
    if folding.folds < 2:
        raise InvalidConfig(
            f"{folding.folds} folds cannot be compared", hint="set `folds` in [model] to 2 or more"
        )
    first, _ = distinct_rows(matrix)
    _check_rows(truth[first], signature, at_least=folding.folds)
    found = tuple(folds_of(matrix, truth, folding))
    for number, (learn, ask) in enumerate(found, 1):
        _check_fold(truth[learn], signature, number, len(ask))
    return replace(folding, found=found)


def leaderboard(candidates: Iterable[CandidateScore], metric: str) -> tuple[CandidateScore, ...]:
    """Sort candidates by a metric's mean, the best first; without that metric they come last."""
    sign = -1 if higher_is_better(metric) else 1
    return tuple(sorted(candidates, key=lambda each: sign * each.means.get(metric, sign * np.inf)))


def _fitted(recipe: Recipe, matrix: Matrix, truth: NDArray[Any], signature: Signature, seed: int) -> Pipeline:
    known = matrix.copy()
    known[:, np.isnan(known).all(axis=0)] = 0.0  # boosting cannot bin a column without any value
    return build(recipe, signature, seed).fit(known, truth)


def _finite(answers: NDArray[np.float64], recipe: Recipe) -> NDArray[np.float64]:
    broken = int((~np.isfinite(answers)).any(axis=1).sum())
    if broken:
        raise InvalidData(
            f"{recipe.told}: its answers to {broken:,} of {len(answers):,} rows are not finite",
            hint="try other parameters, or another family",
        )
    return answers


def _figures(folds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return what a score says of the metrics that every fold could tell."""
    told = [name for name in folds[0] if all(name in fold for fold in folds)]
    values = {name: tuple(fold[name] for fold in folds) for name in told}
    return {
        "means": {name: float(np.mean(each)) for name, each in values.items()},
        "deviations": {name: float(np.std(each, ddof=1)) for name, each in values.items()},
        "values": values,
    }


def _seconds(model: Fitted, matrix: Matrix, most: float) -> float:
    """Return how long rows take to be answered by the library that trained the model.

    It is the median of five times, of fewer where these would take more than `most` seconds.
    """
    found: list[float] = []
    while not found or (len(found) < _TIMED and sum(found) < most):
        started = time.perf_counter()
        model.predict(matrix)
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def _size(model: Fitted) -> int | None:
    """Return how many bytes the figures of a model take, None where only its library can tell."""
    try:
        layers = model.form.layers
    except Refused:
        return None
    arrays = (getattr(layer, each.name) for layer in layers for each in fields(layer))
    return sum(each.nbytes for each in arrays if isinstance(each, np.ndarray))


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
