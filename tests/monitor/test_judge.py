from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.observed import Observed, bucket
from kervan.core.releasing import Decision
from kervan.monitor.judge import Judge
from kervan.monitor.judgement import Judgement, Standing

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
