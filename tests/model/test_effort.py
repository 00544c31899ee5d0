"""How long candidates take to be finished and looked at, by what is known of their folds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.model.effort import seconds_to_finish, seconds_to_look
from kervan.model.train import CandidateScore

SECONDS = st.floats(0, 1e4)


def score(fits: float = 0.0, *, size: int | None = 0, one: float = 0.0, many: float = 0.0) -> CandidateScore:
    return CandidateScore(
        family="tree",
        means={},
        deviations={},
        values={},
        fit_seconds=fits,
        predict_seconds=0.0,
        one_seconds=one,
        many_seconds=many,
        many=1000,
        size=size,
    )


@given(st.lists(SECONDS, min_size=1, max_size=5), st.integers(2, 10))
def test_an_ensemble_takes_what_its_members_take_and_a_stack_six_times_their_fits(
    fits: list[float], folds: int
) -> None:
    members = [score(each) for each in fits]
    alone = sum(seconds_to_finish([each], folds) for each in members)
    assert seconds_to_finish(members, folds, "vote") == pytest.approx(alone)
    assert seconds_to_finish(members, folds, "stack") == pytest.approx(6 * alone)
    larger = [score(each, size=10_000_000) for each in fits]
    assert seconds_to_finish(larger, folds) > seconds_to_finish(members, folds)


def test_what_is_not_known_of_a_candidate_takes_no_time() -> None:
    assert seconds_to_finish([score(size=None)], 5) == 0.0


@given(SECONDS, SECONDS)
def test_a_look_takes_longer_the_longer_each_further_row_takes(one: float, many: float) -> None:
    """What a call takes whatever it is asked is no matter: a look asks about many rows at once."""
    found = seconds_to_look(score(one=one, many=one + many))
    assert found >= seconds_to_look(score(one=one, many=one))
    assert found == pytest.approx(seconds_to_look(score(many=many)), rel=1e-6)
