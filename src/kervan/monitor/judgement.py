"""What the judge says of a release: the decision, each metric with its evidence, and how that grew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kervan.core.releasing import Decision

LARGEST = 1e300  # what JSON can hold


class Standing(StrEnum):
    """How a metric of the candidate stands beside the stable version's."""

    WORSE = "worse"
    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    NO_DATA = "no data"
    WATCHED = "watched"  # nothing has to be proven of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How much worse a metric may be, what has to be proven of it, and its part of the false alarms.

    What is counted (errors, slow requests, answers of a group) is an alarm where it is proven to come more
    than `times` as often as with the stable version, and proven well where "more than `well` times as often"
    is refused, or "at least `rarely` of all requests". For quality and reward `times` and `well` are
    differences. A `well` of 0 asks for no proof. `weight` is the part of the judge's alpha.
    """

    metric: str
    times: float
    weight: float
    well: float = 0.0
    rarely: float = 0.0


MARGINS = (
    Margin(metric="errors", times=1.25, well=2.0, rarely=0.001, weight=0.15),
    Margin(metric="refused", times=1.5, weight=0.02),
    Margin(metric="p50", times=1.1, well=1.5, weight=0.03),
    Margin(metric="p90", times=1.1, well=2.0, weight=0.13),
    Margin(metric="p99", times=1.25, well=2.0, weight=0.04),
    Margin(metric="outputs", times=2.0, weight=0.04),
    Margin(metric="cpu", times=1.5, weight=0.02),
    Margin(metric="memory", times=0.0, weight=0.0),
    Margin(metric="quality", times=0.0, well=0.03, weight=0.5),
    Margin(metric="reward", times=0.0, weight=0.03),
    Margin(metric="guards", times=0.0, weight=0.04),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric: both versions' figures, what is allowed, and how much evidence there is.

    `e_value` is how many times as likely the counts are if the candidate is worse than allowed; from
    `threshold` on it is rolled back. `evidence` is its part of the way there, on the scale of logarithms, 0
    to 1; `proof` the same for what has to be proven in its favour, None where nothing has to be.
    """

    metric: str
    stable: float | None
    candidate: float | None
    margin: float
    e_value: float
    threshold: float
    evidence: float
    proof: float | None
    standing: Standing
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How it stood at a time: the candidate's share, each metric's evidence, and both versions' figures.

    `errors` are shares of the requests and `p99` seconds in the stage until then, stable first.
    """

    at: float
    share: float
    evidence: Mapping[str, float]
    errors: tuple[float | None, float | None]
    p99: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is decided and why.

    `reason` is one sentence; `notes` names what was not proven. `samples` of the `needed` requests were
    answered by the candidate in this stage, which has gone on for `seconds` of at most `every` (0: without
    end). A healthy candidate is rolled back with a chance of at most `alpha`, over all metrics, stages and
    looks together.
    """

    decision: Decision
    reason: str
    at: float
    deployment: str
    share: float
    samples: int
    needed: int
    seconds: float
    every: float
    alpha: float
    measures: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()
    history: tuple[Moment, ...] = field(default=())

    def measure(self, metric: str) -> Measure:
        """Return what was found of a metric."""
        return next(each for each in self.measures if each.metric == metric)


def e_value(log: float) -> float:
    """Return an e-value from its logarithm, as large as JSON can hold."""
    return math.exp(log) if log < math.log(LARGEST) else LARGEST


def part_of(log: float, threshold: float) -> float:
    """Return how far evidence has come, from none (0) to the threshold (1), on the scale of logarithms."""
    return min(max(log / math.log(threshold), 0.0), 1.0)
