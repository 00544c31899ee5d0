from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from kervan.monitor.events import candidates_part, log_evidence, log_evidence_of_two, log_mean
from kervan.monitor.stages import Alarm, Proof

PARTS = st.sampled_from([0.001, 0.01, 0.05, 0.3, 0.5, 0.7, 0.95, 0.999])


def exact(bad: int, events: int, part: Fraction) -> Fraction:
    """The chance that a Beta(1 + k, 1 + n - k) lies above q is that of at most k among n + 1 events."""
    tail = sum(
        (math.comb(events + 1, few) * part**few * (1 - part) ** (events + 1 - few) for few in range(bad + 1)),
        Fraction(0),
    )
    beta = Fraction(math.factorial(bad) * math.factorial(events - bad), math.factorial(events + 1))
    return beta * tail / ((1 - part) * part**bad * (1 - part) ** (events - bad))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 99))
def test_small_counts_are_exact(bad: int, others: int, percent: int) -> None:
    part = Fraction(percent, 100)
    found = float(log_evidence(bad, bad + others, float(part)))
    wanted = exact(bad, bad + others, part)
    assert found == pytest.approx(math.log(wanted.numerator) - math.log(wanted.denominator), abs=1e-9)


@settings(max_examples=300)
@given(st.integers(128, 100_000), st.floats(0, 1), PARTS)
def test_large_counts_agree_with_the_incomplete_beta_function(events: int, seen: float, part: float) -> None:
    bad = round(seen * events)
    above = float(special.betaincc(1 + bad, 1 + events - bad, part))
    if above < 1e-250:  # where it says nothing any more
        return
    null = bad * math.log(part) + (events - bad) * math.log1p(-part)
    wanted = special.betaln(1 + bad, 1 + events - bad) + math.log(above) - math.log1p(-part) - null
    assert float(log_evidence(bad, events, part)) == pytest.approx(wanted, rel=1e-7, abs=1e-6)


@given(st.integers(0, 12), st.integers(1, 99), st.floats(0, 1))
def test_nobody_can_expect_to_win_under_the_null(events: int, percent: int, less: float) -> None:
    part = percent / 100
    truth = part * less
    chances = [
        math.comb(events, bad) * truth**bad * (1 - truth) ** (events - bad) for bad in range(events + 1)
    ]
    values = np.exp(log_evidence(range(events + 1), [events] * (events + 1), [part] * (events + 1)))
    assert float(values @ chances) <= 1 + 1e-9


@given(st.integers(1, 2000), PARTS)
def test_more_bad_events_are_more_evidence(events: int, part: float) -> None:
    counts = np.unique(np.linspace(0, events, 50).astype(int))
    logs = log_evidence(counts, np.full(len(counts), events), np.full(len(counts), part))
    assert all(after > before - 1e-9 for before, after in pairwise(logs))


def test_any_number_of_events_is_taken() -> None:
    logs = log_evidence([0, 5e7, 1e9, 1e9], [1e9, 1e9, 1e9, 1e9], [0.05, 0.05, 0.05, 1 - 1e-6])
    assert np.isfinite(logs).all()
    assert logs[0] < logs[1] < 0 < logs[2]


def test_a_share_and_a_margin_say_whose_a_bad_event_is() -> None:
    assert candidates_part(0.05, 1.0) == pytest.approx(0.05)
    assert candidates_part(0.5, 2.0) == pytest.approx(2 / 3)
    assert 1 - candidates_part(0.2, 3.0) == pytest.approx(candidates_part(0.8, 1 / 3))


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8))
def test_evidence_of_stages_adds_up(logs: list[float]) -> None:
    proof, alarm = Proof(), Alarm()
    for log in logs[:-1]:
        proof.close(log)
        alarm.close(log)
    assert proof.log_value(logs[-1]) == pytest.approx(sum(logs))
    joined = [sum(logs[since:]) - math.log((since + 1) * (since + 2)) for since in range(len(logs))]
    wanted = np.logaddexp.reduce([*joined, -math.log(len(logs) + 1)])
    assert alarm.log_value(logs[-1]) == pytest.approx(wanted)


def test_the_stake_of_an_alarm_is_one() -> None:
    alarm = Alarm()
    for _ in range(20):
        assert alarm.log_value(0.0) == pytest.approx(0.0, abs=1e-12)
        alarm.close(0.0)


def test_the_mean_of_evidence_needs_no_room() -> None:
    assert log_mean(np.array([1000.0, 1000.0, 1000.0])) == pytest.approx(1000.0)


def test_looking_after_each_event_raises_no_more_false_alarms_than_promised() -> None:
    """At the bound itself, where most are to be expected; 600 histories of 250 events."""
    random = np.random.default_rng(0)
    share, alpha = 0.2, 0.05
    bad = (random.random((600, 250)) < share).cumsum(1)
    near = candidates_part(share, 3.0)
    logs = np.stack(
        [log_evidence_of_two(bad[:, event], event + 1, share, near) for event in range(250)], axis=1
    )
    rate = (logs >= -math.log(alpha)).any(1).mean()
    events = np.arange(1, 251)
    peeked = (bad - events * share > 1.6449 * np.sqrt(events * share * (1 - share)))[:, 30:].any(1).mean()
    assert 0.01 < rate <= alpha
    assert peeked > 3 * alpha  # what looking does to a test for one look


def test_a_small_fault_is_seen_sooner_where_half_is_staked_on_it() -> None:
    part, near = candidates_part(0.05, 1.1), candidates_part(0.05, 3.3)
    assert log_evidence_of_two(180, 2000, part, near) > log_evidence(180, 2000, part) + 0.5
    assert log_evidence_of_two(9, 10, part, near) > log_evidence(9, 10, part) - math.log(2)
