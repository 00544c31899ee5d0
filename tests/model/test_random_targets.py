"""On targets that were thrown by chance nothing finds more than chance: no search, no ensemble, no threshold.

What was chosen among many by its folds looks a little better there than it is; sealed rows say what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kervan.core.goals import Goal
from kervan.core.recipe import Recipe
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.searching import SearchSettings
from kervan.model.answered import Rows
from kervan.model.decide import decide
from kervan.model.demands import Demands
from kervan.model.ensembles import ensembles
from kervan.model.evaluate import accept, evaluate
from kervan.model.folds import Folding
from kervan.model.metrics import METRICS
from kervan.model.search import Search
from kervan.model.shortlist import shortlist
from kervan.model.standings import stand
from kervan.model.train import answer_folds, fit
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.train import Answered

COLUMNS, LEARNED, HELD_OUT, SEALED = 6, 240, 120, 400
TRIALS, SEEDS = 12, 5
FAMILIES = [Recipe("tree"), Recipe("linear")]
SIGNATURE = Signature(
    inputs=Schema(tuple(Column(name=f"n{place}", type=Type.NUMBER) for place in range(COLUMNS))),
    output=Column(name="y", type=Type.CATEGORY, allowed=("hayır", "evet")),
)


@dataclass(frozen=True)
class Honest:
    """What was said of a candidate by its folds, and what sealed rows say of it."""

    promised: float
    best_promised: float
    sealed: float
    balanced: float
    covers_chance: bool


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_chance_is_told_as_chance(sampler: str) -> None:
    found = [honest(sampler, seed) for seed in range(SEEDS)]
    # The area under the curve of n rows of chance has a deviation of about sqrt(1 / (3 n)).
    deviation = np.sqrt(1 / (3 * SEALED) / SEEDS)
    assert abs(np.mean([each.sealed for each in found]) - 0.5) < 3 * deviation
    assert abs(np.mean([each.balanced for each in found]) - 0.5) < 3 * np.sqrt(0.25 / SEALED / SEEDS)
    assert sum(each.covers_chance for each in found) >= SEEDS - 2
    # The best of some fifteen candidates by their folds: two deviations of one, at most three.
    optimism = np.mean([each.best_promised for each in found]) - 0.5
    assert 0 < optimism < 3 * np.sqrt(1 / (3 * LEARNED)), optimism


def honest(sampler: str, seed: int) -> Honest:
    """Search, combine, choose, fit, choose a threshold and accept, over rows that tell nothing."""
    dice = np.random.default_rng(1000 + seed)
    learned, held_out, sealed = (thrown(dice, rows) for rows in (LEARNED, HELD_OUT, SEALED))
    rows = Rows(matrix=learned[0], truth=learned[1], folding=Folding(folds=3, seed=seed))
    pool = searched(rows, sampler, seed)
    chosen = shortlist(pool, rows.truth, SIGNATURE, "roc_auc", 3)
    members = [each for each in pool if each.score.title in chosen.members]
    every = [*pool, *ensembles(members, pool, rows, SIGNATURE, "roc_auc")]
    standings = stand(every, rows.truth, SIGNATURE, "roc_auc")
    by_name = {each.score.title: each.score for each in every}
    score = by_name[standings.chosen]
    assert score.recipe is not None
    model = fit(score.recipe, *learned, SIGNATURE, seed)
    decided = decide(model, Demands(threshold="f1"), SIGNATURE, (*learned, rows.folding), held_out)
    accepted = Fitted(decided.model, decided.signature)
    evaluation = evaluate(accepted, *sealed, decided.signature, metrics=(METRICS["balanced_accuracy"],))
    acceptance = accept(evaluation, Goal("roc_auc"))
    assert acceptance.interval is not None
    return Honest(
        promised=score.means["roc_auc"],
        best_promised=standings.standings[0].value,
        sealed=acceptance.value,
        balanced=evaluation.metrics["balanced_accuracy"],
        covers_chance=acceptance.interval.low <= 0.5 <= acceptance.interval.high,
    )


def thrown(dice: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return dice.normal(size=(rows, COLUMNS)), dice.integers(0, 2, rows)


def searched(rows: Rows, sampler: str, seed: int) -> list[Answered]:
    settings = SearchSettings(trials=TRIALS, sampler=sampler)
    search = Search(FAMILIES, SIGNATURE, "roc_auc", settings, seed)
    recipes = [Recipe("baseline"), *FAMILIES]
    found = [answer_folds(each, rows.matrix, rows.truth, SIGNATURE, rows.folding) for each in recipes]
    for number in range(TRIALS):
        recipe = search.ask(number).recipe
        found.append(answer_folds(recipe, rows.matrix, rows.truth, SIGNATURE, rows.folding))
        search.tell(number, found[-1].score.means["roc_auc"])
    return [named(each, place) for place, each in enumerate(found)]


def named(each: Answered, place: int) -> Answered:
    name = each.score.family if each.score.family == "baseline" else f"{each.score.family} {place}"
    return replace(each, score=replace(each.score, name=name))
