from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kervan.core.errors import NotFound
from kervan.core.recipe import Recipe
from kervan.model.families.registry import BASELINE
from kervan.model.folds import Folding
from kervan.model.standings import stand
from kervan.model.train import Answered, CandidateScore, answer_folds

from .tables import real


def scored(family: str, *values: float, metric: str = "accuracy") -> Answered:
    score = CandidateScore(
        family=family,
        means={metric: float(np.mean(values))},
        deviations={},
        values={metric: values},
        fit_seconds=0.0,
        predict_seconds=0.0,
        recipe=Recipe(family),
    )
    return Answered(score=score, answers=np.full((50, 2), 0.5))


def test_a_tie_goes_to_the_simpler_family() -> None:
    signature, _, truth = real("cancer")
    found = stand(
        [
            scored("boosting", 0.9501, 0.9503, 0.9502),
            scored("forest", 0.93, 0.91, 0.92),
            scored("linear", 0.9500, 0.9502, 0.9503),
        ],
        truth[:50],
        signature,
        "accuracy",
    )
    assert [each.name for each in found.standings] == ["boosting", "linear", "forest"]
    assert [each.word for each in found.standings] == ["the best", "tied", "worse"]
    assert found.chosen == "linear"
    assert found.reason.startswith("linear is tied with the best, boosting (practically equal")
    forest = found.standings[2]
    assert forest.behind == pytest.approx(0.0302)
    assert forest.low < forest.behind < forest.high
    assert forest.worse + forest.equal + forest.better == pytest.approx(1.0)


def test_what_is_better_wins_however_complex_it_is() -> None:
    signature, _, truth = real("cancer")
    found = stand(
        [scored("linear", 0.90, 0.91, 0.90), scored("boosting", 0.95, 0.96, 0.95)],
        truth[:50],
        signature,
        "accuracy",
    )
    assert found.chosen == "boosting"
    assert found.reason == "boosting is the best"


def test_the_baseline_is_never_chosen() -> None:
    signature, _, truth = real("cancer")
    baseline = scored(BASELINE, 0.5, 0.5, 0.5)
    found = stand([baseline, scored("tree", 0.4, 0.4, 0.4)], truth[:50], signature, "accuracy")
    assert found.chosen == "tree"
    with pytest.raises(NotFound, match="no candidate has a score for accuracy"):
        stand([baseline], truth[:50], signature, "accuracy")


def test_ensembles_alone_are_chosen_from_alike() -> None:
    signature, _, truth = real("cancer")
    members = (Recipe("linear"), Recipe("tree"))
    entries = [scored(BASELINE, 0.5, 0.5, 0.5)]
    for family, values in (("vote", (0.90, 0.91, 0.90)), ("stack", (0.95, 0.96, 0.95))):
        entry = scored(family, *values)
        score = replace(entry.score, recipe=Recipe(family, members=members))
        entries.append(replace(entry, score=score))
    found = stand(entries, truth[:50], signature, "accuracy")
    assert found.chosen == "stack"
    assert found.reason == "stack is the best"
    assert stand(entries[:2], truth[:50], signature, "accuracy").reason == "vote is the best"


def test_the_posterior_is_that_of_the_correlated_t_test() -> None:
    """By hand for 0.01, 0.02, 0.03: mean 0.02, variance 1e-4 × (1/3 + 1/2), Student's t of two degrees."""
    signature, _, truth = real("cancer")
    found = stand(
        [scored("tree", 0.9, 0.9, 0.9), scored("linear", 0.89, 0.88, 0.87)], truth[:50], signature, "accuracy"
    )
    behind = found.standings[1]
    assert behind.high - behind.behind == pytest.approx(4.302653 * np.sqrt(1e-4 * (1 / 3 + 1 / 2)), rel=1e-5)


@pytest.mark.parametrize(("name", "metric"), [("wine", "accuracy"), ("diabetes", "rmse")])
def test_intervals_come_from_what_was_answered_to_held_out_rows(name: str, metric: str) -> None:
    signature, matrix, truth = real(name)
    folding = Folding(folds=3, seed=0)
    answered = [answer_folds(family, matrix, truth, signature, folding) for family in ("linear", "tree")]
    found = stand(answered, truth, signature, metric)
    for each in found.standings:
        assert each.interval is not None
        assert each.interval.low < each.value < each.interval.high
