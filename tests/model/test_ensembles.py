from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kervan.core.recipe import Recipe
from kervan.model.answered import Rows
from kervan.model.candidates import build
from kervan.model.effort import seconds_to_finish
from kervan.model.ensembles import ensembles
from kervan.model.families.combined import BAG, MAJORITY, STACK, VOTE
from kervan.model.folds import Folding
from kervan.model.shortlist import shortlist
from kervan.model.standings import stand
from kervan.model.train import answer_folds
from kervan.package.proving.parity import nasty_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import score

from .tables import real

TREE, LINEAR = Recipe("tree", {"max_depth": 3}), Recipe("linear")
KINDS = {
    "vote": Recipe(VOTE, members=(TREE, LINEAR)),
    "weighted": Recipe(VOTE, members=(TREE, LINEAR), weights=(0.3, 0.7)),
    "majority": Recipe(MAJORITY, members=(TREE, LINEAR, Recipe("naive_bayes"))),
    "stack": Recipe(STACK, members=(TREE, LINEAR)),
    "bag": Recipe(BAG, members=(TREE,)),
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in KINDS
        for name in ("cancer", "wine", "diabetes")
        if (kind, name) != ("majority", "diabetes")
    ],
)
def test_an_ensemble_is_written_like_any_model(kind: str, name: str) -> None:
    signature, matrix, truth = real(name)
    fitted = Fitted(build(KINDS[kind], signature, 0).fit(matrix, truth), signature)
    nasty = nasty_rows(matrix, fitted.signature, seed=0, splits=fitted.splits())
    np.testing.assert_allclose(score(fitted.form, nasty), fitted.predict(nasty), rtol=1e-9, atol=1e-9)


def compared(name: str, families: list[str], **changes: Any) -> Any:
    signature, matrix, truth = real(name)
    truth = changes.get("truth", truth)
    rows = Rows(matrix=matrix, truth=truth, folding=Folding(folds=4, seed=0))
    pool = [answer_folds(family, matrix, truth, signature, rows.folding) for family in families]
    return signature, rows, pool


@pytest.mark.parametrize(("name", "metric"), [("wine", "log_loss"), ("diabetes", "rmse")])
def test_a_vote_is_judged_as_if_its_members_were_fitted_in_every_fold(name: str, metric: str) -> None:
    signature, rows, pool = compared(name, ["linear", "forest"])
    found = {each.score.title: each for each in ensembles(pool, pool, rows, signature, metric)}
    recipe = Recipe(VOTE, members=(Recipe("linear"), Recipe("forest")))
    fitted = answer_folds(recipe, rows.matrix, rows.truth, signature, rows.folding)
    assert found[VOTE].score.means[metric] == pytest.approx(fitted.score.means[metric], rel=1e-9)
    assert found[VOTE].score.size == sum(each.score.size or 0 for each in pool)


def test_the_baseline_is_in_no_weighted_vote() -> None:
    """Not even where its answers, which differ from fold to fold, would help by chance."""
    signature, rows, pool = compared("cancer", ["baseline", "tree", "linear"])
    likely = np.clip(np.random.default_rng(0).normal(0.4 + 0.2 * rows.truth, 0.2), 0, 1)
    helping = replace(pool[0], answers=np.column_stack([1 - likely, likely]))
    found = ensembles(pool[1:], [helping, pool[1]], rows, signature, "roc_auc")
    assert {each.score.title for each in found} == {VOTE, STACK, MAJORITY}


def test_on_random_targets_no_ensemble_is_better_than_chance() -> None:
    """What learns how to combine its members learns it from other folds than it is asked about."""
    dice = np.random.default_rng(3)
    _, _, truth = real("cancer")
    signature, rows, pool = compared(
        "cancer", ["linear", "tree", "neighbours", "naive_bayes"], truth=dice.integers(0, 2, len(truth))
    )
    for each in ensembles(pool, pool, rows, signature, "roc_auc"):
        assert each.score.means["roc_auc"] < 0.56, each.score.title


def test_an_ensemble_is_taken_only_if_it_is_better_beyond_noise() -> None:
    signature, rows, pool = compared("cancer", ["linear", "tree"])
    found = stand(
        [*pool, *ensembles(pool, pool, rows, signature, "roc_auc")], rows.truth, signature, "roc_auc"
    )
    assert found.chosen == "linear"
    assert "is not better beyond noise" in found.reason


def test_the_best_is_taken_whatever_it_costs_where_that_is_asked_for() -> None:
    signature, rows, pool = compared("cancer", ["linear", "tree", "forest"])
    entries = [*pool, *ensembles(pool, pool, rows, signature, "roc_auc")]
    found = stand(entries, rows.truth, signature, "roc_auc", takes_best=True)
    best = max(entries, key=lambda each: each.score.means["roc_auc"]).score.title
    assert found.chosen == best
    assert found.reason.startswith(f"{best} has the best mean")


def slowed(each: Any, seconds: float, megabytes: float = 0.0) -> Any:
    score = replace(each.score, fit_seconds=seconds, size=int(megabytes * 1e6))
    return replace(each, score=score)


def test_no_ensemble_takes_longer_than_there_is_time() -> None:
    signature, rows, pool = compared("cancer", ["linear", "tree", "forest", "boosting"])
    pool = [slowed(each, seconds) for each, seconds in zip(pool, (0.3, 0.3, 0.3, 60.0), strict=True)]
    free = {each.score.title for each in ensembles(pool, pool, rows, signature, "roc_auc")}
    assert STACK in free
    for most in (0.0, 1.0, 3.0, 30.0):
        for each in ensembles(pool, pool, rows, signature, "roc_auc", most_seconds=most):
            recipe = each.score.recipe
            assert recipe is not None
            members = [one.score for one in pool if Recipe(one.score.family) in recipe.members]
            assert seconds_to_finish(members, 4, recipe.family) <= most
    few = ensembles(pool[:2], pool, rows, signature, "roc_auc", most_seconds=1.0)
    assert VOTE in {each.score.title for each in few}
    assert STACK not in {each.score.title for each in few}, "its members are fitted six times"


def test_what_is_too_large_to_be_written_in_time_is_no_member() -> None:
    signature, rows, pool = compared("cancer", ["linear", "tree", "forest"])
    pool = [slowed(pool[0], 0.1), slowed(pool[1], 0.1), slowed(pool[2], 0.1, megabytes=200)]
    found = ensembles(pool, pool, rows, signature, "roc_auc", most_seconds=20.0)
    for each in found:
        assert Recipe("forest") not in (each.score.recipe or Recipe("")).members


def test_the_shortlist_holds_candidates_that_fail_differently() -> None:
    signature, rows, pool = compared("cancer", ["baseline", "linear", "ridge", "tree", "forest"])
    found = shortlist(pool, rows.truth, signature, "accuracy", 3)
    assert len(found.members) == 3
    assert not {"linear", "ridge"} <= set(found.members), "these two are the same model"
    assert "baseline" not in found.members
    assert len(found.pairs) == 3
    answered = {each.score.title: each.answers.argmax(axis=1) != rows.truth for each in pool}
    for pair in found.pairs:
        one, other = answered[pair.one], answered[pair.other]
        assert pair.disagreement == pytest.approx((one != other).mean())
        assert pair.double_fault == pytest.approx((one & other).mean())
        assert pair.correlation == pytest.approx(np.corrcoef(one, other)[0, 1])
        ad, bc = (one & other).sum() * (~one & ~other).sum(), (one & ~other).sum() * (~one & other).sum()
        assert pair.q_statistic == pytest.approx((ad - bc) / (ad + bc))


def test_of_numbers_the_residuals_are_compared() -> None:
    signature, rows, pool = compared("diabetes", ["linear", "tree"])
    (pair,) = shortlist(pool, rows.truth, signature, "rmse", 5).pairs
    residuals = [each.answers[:, 0] - rows.truth for each in pool]
    assert pair.correlation == pytest.approx(np.corrcoef(*residuals)[0, 1])
    assert pair.q_statistic is None
