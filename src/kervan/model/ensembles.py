"""Ensembles of candidates, judged by what their members answered to held-out rows: nothing is fitted twice.

What an ensemble learns (its weights, or how a stack combines) it learns from the answers of the other folds,
so its figures are as honest as those of its members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.recipe import Recipe
from kervan.model.effort import seconds_to_finish
from kervan.model.families.combined import MAJORITY, STACK, VOTE, combiner
from kervan.model.families.registry import BASELINE
from kervan.model.folds import folds_of
from kervan.model.metrics import USUAL, Yardstick, higher_is_better, scores, task_of
from kervan.model.train import Answered, CandidateScore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.model.answered import Rows

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]
    # From the answers (members, rows, outputs) and the rows that may be learned from: answers to all rows.
    Combine = Callable[[Floats, Places], Floats]

GREEDY = "weighted vote"
_ROUNDS = 25
_MEMBERS = 5  # in a weighted vote
_TELLING = 10_000  # rows, spread over all, by which weights are found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Made:
    name: str
    recipe: Recipe
    combine: Combine


def ensembles(  # noqa: PLR0913 - all that a candidate is judged by, and two lists of them
    members: Sequence[Answered],
    pool: Sequence[Answered],
    rows: Rows,
    signature: Signature,
    metric: str,
    *,
    by: Yardstick = USUAL,
    most_seconds: float = float("inf"),
) -> list[Answered]:
    """Return the ensembles of members, and the weighted vote of a pool (R. Caruana et al., Ensemble selection
    from libraries of models, 2004), each with the answers that it would have given to held-out rows.

    There are none of fewer than two members, none with the baseline, and none that would take more seconds
    to be finished.
    """
    if len(members) < 2:
        return []
    folds = list(folds_of(rows.matrix, rows.truth, rows.folding))
    found = [
        _judged(made, members, rows, signature, folds, by)
        for made in _of_members(members, rows.truth, signature)
        if _seconds(members, rows, made.recipe.family) <= most_seconds
    ]
    able = [each for each in pool if each.score.family != BASELINE]
    return [*found, *_weighted(able, rows, signature, metric, folds, by, most_seconds=most_seconds)]


def _seconds(members: Sequence[Answered], rows: Rows, kind: str = "") -> float:
    return seconds_to_finish([each.score for each in members], rows.folding.folds, kind)


def _of_members(members: Sequence[Answered], truth: NDArray[Any], signature: Signature) -> Iterator[_Made]:
    recipes = tuple(_recipe(each) for each in members)
    yield _Made(name=VOTE, recipe=Recipe(VOTE, members=recipes), combine=lambda each, _: each.mean(axis=0))
    yield _Made(
        name=STACK,
        recipe=Recipe(STACK, members=recipes),
        combine=lambda each, learn: _stacked(each, truth, learn, signature),
    )
    if signature.is_classification:
        yield _Made(name=MAJORITY, recipe=Recipe(MAJORITY, members=recipes), combine=_majority)


def _weighted(  # noqa: PLR0913 - as those of `ensembles`
    pool: Sequence[Answered],
    rows: Rows,
    signature: Signature,
    metric: str,
    folds: list[tuple[Places, Places]],
    by: Yardstick,
    *,
    most_seconds: float,
) -> Iterator[Answered]:
    """Yield the weighted vote; while its members would take too long, that without the slowest of them."""
    if len(pool) < 2:
        return
    answers = _together(pool)
    known = np.flatnonzero(~np.isnan(answers).any(axis=(0, 2)))
    weights = _greedy(answers, rows.truth, known, signature, metric, by)
    kept: list[int] = np.flatnonzero(weights).tolist()
    if len(kept) < 2:
        return
    if _seconds([pool[place] for place in kept], rows) > most_seconds:
        slowest = max(kept, key=lambda place: _seconds([pool[place]], rows))
        others = [*pool[:slowest], *pool[slowest + 1 :]]
        yield from _weighted(others, rows, signature, metric, folds, by, most_seconds=most_seconds)
        return

    def combine(each: Floats, learn: Places) -> Floats:
        return _mean(each, _greedy(each, rows.truth, learn, signature, metric, by))

    recipe = Recipe(
        VOTE,
        members=tuple(_recipe(pool[place]) for place in kept),
        weights=tuple((weights[kept] / weights.sum()).tolist()),
    )
    made = _Made(name=GREEDY, recipe=recipe, combine=combine)
    judged = _judged(made, pool, rows, signature, folds, by)
    yield _costing(judged, [pool[place] for place in kept])


def _judged(
    made: _Made,
    members: Sequence[Answered],
    rows: Rows,
    signature: Signature,
    folds: list[tuple[Places, Places]],
    by: Yardstick,
) -> Answered:
    """Answer each fold by what the others taught, and score it as any candidate."""
    together, truth = _together(members), rows.truth
    known = np.asarray(~np.isnan(together).any(axis=(0, 2)))
    answers = np.full(together.shape[1:], np.nan)
    by_fold = []
    for before, ask in folds:
        learn = before[known[before]]
        # Folds by time learn from the past alone, and before the first one nothing was answered.
        combined = made.combine(together, learn) if len(learn) else together.mean(axis=0)
        answers[ask] = combined[ask]
        by_fold.append(scores(task_of(signature), truth[ask], answers[ask], by))
    told = [name for name in by_fold[0] if all(name in fold for fold in by_fold)]
    values = {name: tuple(fold[name] for fold in by_fold) for name in told}
    score = CandidateScore(
        family=made.recipe.family,
        name=made.name,
        means={name: float(np.mean(each)) for name, each in values.items()},
        deviations={name: float(np.std(each, ddof=1)) for name, each in values.items()},
        values=values,
        fit_seconds=0.0,
        predict_seconds=0.0,
        recipe=made.recipe,
        many=members[0].score.many,
    )
    return _costing(Answered(score=score, answers=answers), members)


def _costing(judged: Answered, members: Sequence[Answered]) -> Answered:
    """Say what an ensemble costs: the sum of what its members do."""
    said = [each.score for each in members]
    sizes = [each.size for each in said]
    score = replace(
        judged.score,
        fit_seconds=sum(each.fit_seconds for each in said),
        predict_seconds=sum(each.predict_seconds for each in said),
        one_seconds=sum(each.one_seconds or 0.0 for each in said),
        many_seconds=sum(each.many_seconds or 0.0 for each in said),
        size=None if None in sizes else sum(each for each in sizes if each is not None),
    )
    return Answered(score=score, answers=judged.answers)


def _recipe(each: Answered) -> Recipe:
    return each.score.recipe or Recipe(each.score.family)


def _together(members: Sequence[Answered]) -> Floats:
    return np.stack([each.answers for each in members])


def _mean(answers: Floats, weights: Floats) -> Floats:
    mean: Floats = np.tensordot(weights / weights.sum(), answers, axes=1)
    return mean


def _majority(answers: Floats, _: Places) -> Floats:
    """Return 1 for the class that most members name, the first of several, and 0 for the others."""
    votes = np.eye(answers.shape[2])[np.nan_to_num(answers, nan=-1.0).argmax(axis=2)].sum(axis=0)
    chosen: Floats = np.eye(answers.shape[2])[votes.argmax(axis=1)]
    return chosen


def _stacked(answers: Floats, truth: NDArray[Any], learn: Places, signature: Signature) -> Floats:
    """Fit what a stack combines by on some rows, and answer all of them."""
    outputs = answers.shape[2]
    first = 1 if signature.is_classification and outputs == 2 else 0  # two probabilities say the same twice
    inputs = np.nan_to_num(np.concatenate(list(answers[:, :, first:]), axis=1))
    model = combiner(signature).fit(inputs[learn], truth[learn])
    if not signature.is_classification:
        return np.asarray(model.predict(inputs), dtype=np.float64)[:, None]
    found = np.zeros((len(inputs), outputs))
    found[:, model.classes_] = model.predict_proba(inputs)
    return found


def _greedy(
    answers: Floats,
    truth: NDArray[Any],
    learn: Places,
    signature: Signature,
    metric: str,
    by: Yardstick,
) -> Floats:
    """Count how often each member is chosen, where each time the one is that helps the mean the most."""
    sign = 1.0 if higher_is_better(metric) else -1.0
    entry = by.metric(metric, task_of(signature))
    telling = learn[:: max(1, len(learn) // _TELLING)]
    part, wanted = answers[:, telling], truth[telling]
    counts = np.zeros(len(answers))
    best, total = -np.inf, np.zeros(part.shape[1:])
    for done in range(_ROUNDS):
        able = range(len(part)) if np.count_nonzero(counts) < _MEMBERS else np.flatnonzero(counts).tolist()
        means = {place: (total + part[place]) / (done + 1) for place in able}
        values = {
            place: sign * entry.formula(wanted, by.seen_by(entry, mean)) for place, mean in means.items()
        }
        place = max(values, key=lambda each: np.nan_to_num(values[each], nan=-np.inf))
        if done and not values[place] > best:
            break
        best = values[place]
        total = total + part[place]
        counts[place] += 1
    return counts
