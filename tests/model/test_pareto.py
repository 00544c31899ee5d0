from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from kervan.model.page.pictures import fronts
from kervan.model.pareto import front_of, undominated
from kervan.model.train import CandidateScore

VALUES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8)


def scored(name: str, roc_auc: float, log_loss: float) -> CandidateScore:
    return CandidateScore(
        family=name,
        means={"roc_auc": roc_auc, "log_loss": log_loss},
        deviations={},
        values={},
        fit_seconds=0.0,
        predict_seconds=0.0,
    )


@given(VALUES)
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(values: list[tuple[int, int]]) -> None:
    scores = [scored(str(place), up, down) for place, (up, down) in enumerate(values)]
    front = {each.family for each in undominated(scores, ["roc_auc", "log_loss"])}
    assert front
    for place, (up, down) in enumerate(values):
        beaten = any(u >= up and d <= down and (u, d) != (up, down) for u, d in values)
        assert (str(place) in front) is not beaten


def test_one_that_lacks_a_metric_is_not_on_it() -> None:
    whole, part = scored("whole", 0.5, 0.5), scored("part", 0.9, 0.1)
    assert undominated([whole, part], ["roc_auc", "f1"]) == ()


def test_the_baseline_is_on_no_front_and_one_goal_has_none() -> None:
    found = front_of([scored("baseline", 0.9, 0.1), scored("tree", 0.5, 0.5)], ["roc_auc", "log_loss"])
    assert found
    assert found.names == ("tree",)
    assert front_of([scored("tree", 0.5, 0.5)], ["roc_auc"]) is None


def test_a_far_outlier_does_not_press_the_others_together_and_says_where_it_is() -> None:
    scores = [scored(f"c{place}", 0.8 + place / 100, 0.40 + place / 100) for place in range(6)]
    scores.append(scored("wild", 0.99, 31.5))
    found = front_of(scores, ["roc_auc", "log_loss"])
    assert found
    (picture,) = fronts(found, scores, "c5")
    named = re.findall(r">([^<]+)</text>", picture)
    assert {"c0", "c5", "wild: 0.99, 31.5"} < set(named)
    tops = {round(float(each)) for each in re.findall(r'cy="([\d.]+)"', picture)}
    assert len(tops) == 7


def test_each_pair_of_three_goals_is_drawn_and_of_more_the_first_with_each() -> None:
    scores = [scored("a", 0.8, 0.4), scored("<b>", 0.7, 0.3)]
    for score in scores:
        score.means.update(f1=0.5, recall=0.5)  # type: ignore[attr-defined]
    for metrics, count in ((["roc_auc", "log_loss", "f1"], 3), (["roc_auc", "log_loss", "f1", "recall"], 3)):
        found = front_of(scores, metrics)
        assert found
        drawn = fronts(found, scores, "a")
        assert len(drawn) == count
        assert "&lt;b&gt;" in drawn[0]
