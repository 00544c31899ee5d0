from __future__ import annotations

import pytest

from kervan.core.errors import InvalidConfig
from kervan.core.recipe import Recipe
from kervan.core.searching import SearchSettings
from kervan.model.candidates import build
from kervan.model.families.family import Between, OneOf
from kervan.model.families.registry import FAMILIES
from kervan.model.search import Search

from .tables import real

FEW = [Recipe("linear"), Recipe("tree"), Recipe("boosting")]


def search(seed: int = 0, **settings: str) -> Search:
    return Search(FEW, real("cancer")[0], "roc_auc", SearchSettings(trials=9, **settings), seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_what_is_drawn_lies_in_the_space_and_can_be_built(sampler: str) -> None:
    found = search(sampler=sampler)
    signature, matrix, truth = real("cancer")
    for number in range(9):
        trial = found.ask(number)
        space = FAMILIES[trial.recipe.family].space(signature)
        assert trial.recipe.parameters.keys() == space.keys()
        for name, value in trial.recipe.parameters.items():
            each = space[name]
            if isinstance(each, Between):
                assert each.low <= value <= each.high
            else:
                assert isinstance(each, OneOf)
                assert value in each.options
        build(trial.recipe, signature, 0).fit(matrix[:100], truth[:100])
        found.tell(number, 0.5 + number / 100)


def test_a_trial_is_drawn_from_its_number_alone() -> None:
    forwards, backwards = search(), search()
    drawn = {number: forwards.ask(number).recipe for number in range(6)}
    assert {number: backwards.ask(number).recipe for number in reversed(range(6))} == drawn
    assert len({each.told for each in drawn.values()}) == 6
    assert search(seed=1).ask(0).recipe != drawn[0]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_is_taken_up_with_what_is_known(sampler: str) -> None:
    first, again = search(sampler=sampler), search(sampler=sampler)
    for number in range(4):
        recipe = first.ask(number).recipe
        first.tell(number, number / 10)
        again.restore(number, recipe)
        again.tell(number, number / 10)
    assert again.ask(4).recipe == first.ask(4).recipe


def test_what_falls_behind_is_given_up() -> None:
    found = search()
    for number in range(6):
        found.ask(number)
        assert found.goes_on(number, 0, {"roc_auc": 0.9})
        assert found.goes_on(number, 1, {"roc_auc": 0.9})
        found.tell(number, 0.9)
    found.ask(6)
    assert not found.goes_on(6, 0, {"roc_auc": 0.6})
    found.tell(6, 0.6, given_up=True)
    kept = search(prune="none")
    kept.ask(0)
    assert kept.goes_on(0, 0, {"roc_auc": 0.0})


def test_a_race_ends_for_what_three_are_better_than_over_the_same_folds() -> None:
    found = search(prune="race")
    for folds in ((0.9, 0.6, 0.9), (0.8, 0.8, 0.9), (0.7, 0.9, 0.9)):
        found.compare_with(folds)
    found.ask(0)
    assert found.goes_on(0, 0, {"roc_auc": 0.75}), "the third does worse on its first fold"
    assert found.goes_on(0, 1, {"roc_auc": 0.84}), "1.59 of two; the others have 1.5, 1.6, 1.6"
    found.tell(0, 0.8)
    found.ask(1)
    assert not found.goes_on(1, 0, {"roc_auc": 0.65})
    found.tell(1, 0.65, given_up=True)
    lower = Search(FEW, real("cancer")[0], "log_loss", SearchSettings(trials=9, prune="race"), 0)
    for folds in ((0.3, 0.3), (0.4, 0.3), (0.5, 0.3)):
        lower.compare_with(folds)
    lower.ask(0)
    assert lower.goes_on(0, 0, {"log_loss": 0.45})
    assert not lower.goes_on(0, 1, {"log_loss": 0.45})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sampler": "bayes"}, "there is no sampler 'bayes'"),
        ({"budget": "0s"}, "budget = '0s' leaves no time"),
        ({"budget": "soon"}, "'soon' is not a length of time"),
        ({"trials": -1}, "trials = -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidConfig, match=words):
        SearchSettings(**settings)  # type: ignore[arg-type]
