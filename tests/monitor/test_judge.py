from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from kervan.core.observed import Observed, bucket
from kervan.core.releasing import Decision, Guard
from kervan.monitor.judge import Judge
from kervan.monitor.judgement import MARGINS, Judgement, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK = 0.25
ANSWERS = tuple(f"p{step * 5}" for step in range(20))


@dataclass
class Version:
    """Behaves as told and counts as servers do; times are lognormal around 5 ms."""

    model: str
    random: np.random.Generator
    errors: float = 0.001
    slower: float = 1.0
    cpu: float = 0.001
    answers: tuple[float, ...] = (1 / 20,) * 20
    seen: Observed = field(init=False)

    def __post_init__(self) -> None:
        self.seen = Observed(deployment="d1", model=self.model)

    def serve(self, requests: int) -> None:
        failed = self.random.random(requests) < self.errors
        well = int((~failed).sum())
        times = 0.005 * self.slower * np.exp(0.6 * self.random.normal(size=well))
        since = int(np.argmax(~failed[::-1])) if well else requests + self.seen.streak
        self.seen = self.seen.plus(
            Observed(
                deployment="",
                model="",
                answered=well,
                failed=requests - well,
                rows=well,
                cpu=float(self.random.gamma(max(4 * well, 1e-9), self.cpu / 4)),
                looked=requests,
                incidents={"failed": requests - well},
                seconds=Counter(bucket(float(each)) for each in times),
                outputs=Counter(str(each) for each in self.random.choice(ANSWERS, well, p=self.answers)),
            )
        )
        if requests:
            self.seen = replace(self.seen, streak=since)

    def deploy(self, deployment: str) -> None:
        self.seen = Observed(deployment=deployment, model=self.model)


@dataclass
class Traffic:
    """Two versions and the requests that come to them, 200 a second."""

    seed: int
    stable: Version = field(init=False)
    candidate: Version = field(init=False)
    now: float = 0.0
    rate: float = 200.0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.stable, self.candidate = (
            Version(name, self.random) for name in ("income@1.2.0", "income@1.3.0")
        )

    def go(
        self, judge: Judge, seconds: float, share: float = 0.05, tick: float = 0.25
    ) -> Iterator[Judgement]:
        """Let time go by and yield each judgement, until one is made."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            requests = self.random.poisson(self.rate * TICK)
            its = self.random.binomial(requests, share)
            self.stable.serve(requests - its)
            self.candidate.serve(its)
            judged = judge.look(self.now, self.stable.seen, self.candidate.seen, share)
            yield judged
            if judged.decision is not Decision.LOOK:
                return


def last(judgements: Iterator[Judgement]) -> Judgement:
    *_, found = judgements
    return found


def test_a_candidate_like_the_stable_version_is_promoted() -> None:
    traffic = Traffic(1)
    judged = last(traffic.go(Judge(every=120), 200))
    assert judged.decision is Decision.PROMOTE
    assert judged.measure("p50").standing is Standing.PROVEN


def test_a_candidate_that_fails_is_rolled_back_and_stays_so() -> None:
    traffic = Traffic(2)
    traffic.candidate.errors = 0.05
    judge = Judge(every=120)
    judged = last(traffic.go(judge, 60))
    assert judged.decision is Decision.ROLL_BACK
    assert "of the candidate's requests fail" in judged.reason
    errors = judged.measure("errors")
    assert errors.standing is Standing.WORSE
    assert errors.e_value >= errors.threshold
    assert errors.evidence == 1.0
    traffic.candidate.errors = 0.0
    again = judge.look(traffic.now + 1000, traffic.stable.seen, traffic.candidate.seen, 0.05)
    assert (again.decision, again.reason) == (Decision.ROLL_BACK, judged.reason)


def test_a_candidate_that_answers_nothing_is_rolled_back_at_once() -> None:
    traffic = Traffic(3)
    traffic.candidate.errors = 1.0
    judged = last(traffic.go(Judge(every=120, samples=10_000), 10))
    assert judged.decision is Decision.ROLL_BACK
    assert traffic.candidate.seen.failed <= 20


def test_a_slower_candidate_is_rolled_back() -> None:
    traffic = Traffic(4)
    traffic.candidate.slower = 1.5
    judged = last(traffic.go(Judge(every=300), 120))
    assert judged.decision is Decision.ROLL_BACK
    assert "requests take up to" in judged.reason


def test_other_answers_are_rolled_back() -> None:
    traffic = Traffic(5)
    traffic.candidate.answers = (0.3,) + (0.7 / 19,) * 19
    judged = last(traffic.go(Judge(every=300), 120, share=0.2))
    assert judged.decision is Decision.ROLL_BACK
    outputs = judged.measure("outputs")
    assert outputs.standing is Standing.WORSE
    assert outputs.candidate is not None
    assert outputs.stable is not None
    assert outputs.candidate > 2 * outputs.stable


def test_answers_that_no_longer_come_are_rolled_back_too() -> None:
    traffic = Traffic(6)
    traffic.candidate.answers = (0.0,) * 4 + (1 / 16,) * 16
    judged = last(traffic.go(Judge(every=300), 120, share=0.3))
    assert judged.decision is Decision.ROLL_BACK
    assert judged.measure("outputs").standing is Standing.WORSE


def test_dearer_rows_are_rolled_back() -> None:
    traffic = Traffic(7)
    traffic.candidate.cpu = 0.002
    judged = last(traffic.go(Judge(every=300), 120, share=0.5))
    assert judged.decision is Decision.ROLL_BACK
    assert "processor time" in judged.reason


def test_without_requests_nothing_is_decided() -> None:
    traffic = Traffic(8)
    judge = Judge(every=10)
    judged = [judge.look(at, traffic.stable.seen, traffic.candidate.seen, 0.05) for at in range(0, 1000, 10)]
    assert {each.decision for each in judged} == {Decision.LOOK}
    assert judged[-1].measure("p99").standing is Standing.NO_DATA
    assert "0 of the 300 requests" in judged[-1].reason


def test_time_alone_promotes_with_a_note_of_what_is_not_proven() -> None:
    traffic = Traffic(9)
    judge = Judge(every=60)
    judged = last(traffic.go(judge, 100))
    assert judged.decision is Decision.PROMOTE
    assert judged.seconds >= 60
    assert "not proven: errors" in judged.reason
    assert [note for note in judged.notes if note.startswith("errors not proven: ")]


def test_without_a_limit_time_alone_does_not_promote() -> None:
    traffic = Traffic(9)
    assert last(traffic.go(Judge(), 100)).decision is Decision.LOOK


def test_looking_again_at_the_same_changes_nothing() -> None:
    once, often = Judge(every=60), Judge(every=60)
    traffic = Traffic(10)
    for judged in traffic.go(once, 20):
        for _ in range(3):
            again = often.look(traffic.now, traffic.stable.seen, traffic.candidate.seen, 0.05)
        assert again.measures == judged.measures
        assert again.decision == judged.decision


def test_evidence_is_kept_from_stage_to_stage_and_counting_begins_again() -> None:
    traffic = Traffic(11)
    judge = Judge(every=60)
    before = last(traffic.go(judge, 60, share=0.25))
    proof = before.measure("p90").proof
    assert proof == 1.0
    for version in (traffic.stable, traffic.candidate):
        version.deploy("d2")
    after = judge.look(traffic.now, traffic.stable.seen, traffic.candidate.seen, 0.5)
    assert after.measure("p90").proof == proof
    assert (after.samples, after.seconds, after.deployment) == (0, 0.0, "d2")


def test_a_share_that_changes_begins_a_stage_of_the_same_counts() -> None:
    traffic = Traffic(12)
    judge = Judge(every=600)
    list(traffic.go(judge, 20, share=0.05))
    judged = last(traffic.go(judge, 20, share=0.5))
    assert judged.decision is not Decision.ROLL_BACK
    assert judged.seconds < 20
    assert judged.samples < 20 * 200


def test_a_fault_at_a_larger_share_is_seen_after_a_good_stage() -> None:
    traffic = Traffic(13)
    judge = Judge(every=60)
    assert last(traffic.go(judge, 70, share=0.05)).decision is Decision.PROMOTE
    for version in (traffic.stable, traffic.candidate):
        version.deploy("d2")
    traffic.candidate.errors = 0.05
    judged = last(traffic.go(judge, 20, share=0.25))
    assert judged.decision is Decision.ROLL_BACK


def test_an_incident_that_meets_both_is_no_fault_of_the_candidate() -> None:
    traffic = Traffic(14)
    judge = Judge(every=600, samples=10**9)
    list(traffic.go(judge, 20, share=0.3))
    for version in (traffic.stable, traffic.candidate):
        version.errors, version.slower = 1.0, 3.0
    judged = last(traffic.go(judge, 20, share=0.3))
    assert traffic.candidate.seen.streak > 100
    assert judged.decision is Decision.LOOK


def test_everything_that_the_stable_version_did_before_sets_what_is_slow() -> None:
    traffic = Traffic(15)
    traffic.stable.serve(1000)
    judge = Judge(every=60, before=traffic.stable.seen)
    for version in (traffic.stable, traffic.candidate):
        version.deploy("d2")
    judged = last(traffic.go(judge, 0.25))
    assert judged.measure("p50").standing is Standing.NOT_PROVEN


def test_with_all_of_the_traffic_there_is_nobody_to_compare_with() -> None:
    traffic = Traffic(16)
    traffic.candidate.slower = 3.0
    judged = last(traffic.go(Judge(every=30), 60, share=1.0))
    assert judged.decision is Decision.PROMOTE
    assert judged.measure("p50").standing is Standing.NO_DATA
    assert "not proven: " in judged.reason


@pytest.mark.parametrize(
    ("text", "is_broken"),
    [
        ("p99 < 15ms", True),
        ("p99 < 40ms", False),
        ("p50<4ms", True),
        ("errors < 0.5%", True),
        ("errors < 5%", False),
        ("cpu < 0.8ms", True),
        ("cpu < 2ms", False),
    ],
)
def test_guards_hold_whatever_the_stable_version_does(text: str, is_broken: bool) -> None:
    traffic = Traffic(17)
    for version in (traffic.stable, traffic.candidate):
        version.errors = 0.02
    judge = Judge(every=600, samples=10**9, guards=(Guard.parse(text),))
    judged = last(traffic.go(judge, 40, share=0.5))
    assert (judged.decision is Decision.ROLL_BACK) == is_broken
    if is_broken:
        assert judged.reason.startswith(f"'{text}' is broken: ")


def test_memory_is_told_and_only_a_guard_bounds_it() -> None:
    traffic = Traffic(19)
    seen = traffic.stable.seen, traffic.candidate.seen
    judged = Judge().look(0.0, *seen, 0.05, memory=(1e8, 3e8))
    assert judged.decision is Decision.LOOK
    assert judged.measure("memory").said == "a replica holds 286 MB with the candidate, 95 MB before"
    judge = Judge(guards=(Guard.parse("memory < 200MB"),))
    assert judge.look(0.0, *seen, 0.05).decision is Decision.LOOK
    assert judge.look(1.0, *seen, 0.05, memory=(1e8, 1.1e8)).decision is Decision.LOOK
    assert judge.look(2.0, *seen, 0.05, memory=(1e8, 3e8)).decision is Decision.ROLL_BACK


def test_worse_quality_is_rolled_back() -> None:
    traffic = Traffic(20)
    judge = Judge(every=600, guards=(Guard.parse("quality > 0.5"),))
    draws = traffic.random.random(2000)
    judge.add_losses([(0.0, 1.0) if each < 0.06 else (float(each > 0.9),) * 2 for each in draws])
    judged = last(traffic.go(judge, 1))
    assert judged.decision is Decision.ROLL_BACK
    quality = judged.measure("quality")
    assert quality.standing is Standing.WORSE
    assert quality.candidate == pytest.approx(0.84, abs=0.02)
    assert judged.measure("guard quality > 0.5").standing is Standing.WATCHED


def test_quality_that_is_the_same_is_proven() -> None:
    traffic = Traffic(21)
    judge = Judge(every=600)
    judge.add_differences([0.0] * 500)
    quality = last(traffic.go(judge, 1)).measure("quality")
    assert (quality.standing, quality.stable) == (Standing.PROVEN, None)


@pytest.mark.parametrize(("lift", "standing"), [(-0.5, Standing.WORSE), (0.0, Standing.WATCHED)])
def test_rewards_are_compared(lift: float, standing: Standing) -> None:
    traffic = Traffic(22)
    judge = Judge(every=600)
    for _ in range(10):
        judge.add_rewards(traffic.random.normal(3, 1, 200), traffic.random.normal(3 + lift, 1, 100))
    assert last(traffic.go(judge, 1)).measure("reward").standing is standing


def test_a_judgement_can_be_stored_and_its_history_stays_short() -> None:
    traffic = Traffic(23)
    judge = Judge(samples=10**9)
    for at in range(2000):
        judged = judge.look(
            float(at), traffic.stable.seen, traffic.candidate.seen, 0.05 if at < 1000 else 0.25
        )
    times = [moment.at for moment in judged.history]
    assert len(times) <= 300
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == (0.0, 1999.0)
    assert max(after - before for before, after in pairwise(times)) < 40
    assert msgspec.json.decode(msgspec.json.encode(judged), type=Judgement) == judged


def test_counters_that_begin_again_begin_a_stage() -> None:
    traffic = Traffic(24)
    judge = Judge(every=600)
    list(traffic.go(judge, 20, share=0.3))
    for version in (traffic.stable, traffic.candidate):
        version.deploy("d1")
    judged = last(traffic.go(judge, 1, share=0.3))
    assert 0 <= judged.samples <= 200
    assert judged.decision is Decision.LOOK


def test_alike_versions_are_rarely_rolled_back() -> None:
    """With alpha at 20 % and without margins, at most every fifth is, however often one looks."""
    margins = [replace(each, times=min(each.times, 1.0)) for each in MARGINS]
    back = 0
    for seed in range(40):
        traffic = Traffic(seed)
        judge = Judge(samples=10**9, alpha=0.2, margins=margins)
        for version in (traffic.stable, traffic.candidate):
            version.errors = 0.02
        back += last(traffic.go(judge, 8, share=0.3)).decision is Decision.ROLL_BACK
    assert back <= 8


def test_callers_that_stay_with_a_version_do_not_make_it_worse() -> None:
    """The share says 5 %, but who asks most is one of those that belong to the candidate."""
    traffic = Traffic(25)
    judge = Judge(every=600, samples=10**9)
    for version in (traffic.stable, traffic.candidate):
        version.errors = 0.02
    for _ in range(80):
        traffic.stable.serve(30)
        traffic.candidate.serve(20)
        traffic.now += TICK
        judged = judge.look(traffic.now, traffic.stable.seen, traffic.candidate.seen, 0.05)
    assert judged.decision is Decision.LOOK
    traffic.candidate.errors = 0.2
    for _ in range(80):
        traffic.stable.serve(30)
        traffic.candidate.serve(20)
        traffic.now += TICK
        judged = judge.look(traffic.now, traffic.stable.seen, traffic.candidate.seen, 0.05)
    assert judged.decision is Decision.ROLL_BACK
