"""Each metric of a release, measured: both versions' figures and the evidence in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kervan.core.observed import Observed
from kervan.monitor.comparison import QUANTILES, Comparison
from kervan.monitor.costs import Costs
from kervan.monitor.judgement import LARGEST, Margin, Measure, Standing, e_value, part_of
from kervan.monitor.labels import Labels
from kervan.monitor.means import difference_of, mean_of
from kervan.monitor.sentences import guard_said, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.core.releasing import Guard

    Pair = tuple[float | None, float | None]

_DOUBT = 0.05  # the chance to call something proven that is not
_NOTHING = Observed(deployment="", model="")


class Measures:
    """All that a release is judged by; `alpha` is divided among the metrics by their margins' weights."""

    def __init__(
        self, margins: Mapping[str, Margin], guards: Sequence[Guard], alpha: float, before: Observed | None
    ) -> None:
        self.labels = Labels()
        self._margins, self._guards, self._alpha = margins, guards, alpha
        self._counts = Comparison(margins, guards, before)
        bounds = [guard.bound for guard in guards if guard.metric == "cpu"]
        self._costs = Costs(margins["cpu"].times, min(bounds, default=None))
        self._memory: tuple[float, float] | None = None
        self._stable = self._candidate = _NOTHING

    def begin(self, stable: Observed, candidate: Observed) -> None:
        """Start a stage, in which what is counted already does not count."""
        self._counts.begin(stable, candidate)
        self._costs.begin()

    def look(self, at: float, stable: Observed, candidate: Observed, share: float) -> None:
        """Take in how both stand."""
        self._stable, self._candidate = stable, candidate
        self._counts.look(stable, candidate, share)
        self._costs.look(at, stable, candidate)

    def weigh(self, memory: tuple[float, float]) -> None:
        """Take in how many bytes a replica holds, before the release and now."""
        self._memory = memory

    def all(self) -> tuple[Measure, ...]:
        """Return how every metric stands that anything is known of, or that has to be proven."""
        return (*self._counted(), *self._used(), *self._labelled(), *map(self._guarded, self._guards))

    def _counted(self) -> Iterator[Measure]:
        for metric in ("errors", "refused", "p50", "p90", "p99"):
            figures = _figure(metric, self._stable), _figure(metric, self._candidate)
            alarm, proof = self._counts.alarm(metric), self._counts.proof(metric)
            yield self._measure(metric, figures, alarm, proof)
        moved = self._counts.most_moved()
        if moved is None:
            yield self._measure("outputs", (None, None), None)
        else:
            yield self._measure("outputs", moved.shares, self._counts.alarm("outputs"), group=moved.label)

    def _used(self) -> Iterator[Measure]:
        figures = self._costs.figures
        yield self._measure("cpu", figures or (None, None), self._costs.log_above() if figures else None)
        if self._memory is not None:
            yield self._measure("memory", self._memory, 0.0)

    def _labelled(self) -> Iterator[Measure]:
        seen, margin = self.labels.differences, self._margins["quality"]
        if seen.count:
            alarm, proof = seen.log_above(margin.times), seen.log_below(margin.well)
            yield self._measure("quality", self.labels.quality, alarm, proof)
        old, new = self.labels.stable_rewards, self.labels.candidate_rewards
        apart, margin = difference_of(new, old), self._margins["reward"]
        if apart is not None:
            log = apart.log_below(-margin.times, self._alpha * margin.weight)
            yield self._measure("reward", (old.mean, new.mean), log)

    def _measure(
        self, metric: str, figures: Pair, alarm: float | None, proof: float | None = None, group: str = ""
    ) -> Measure:
        margin = self._margins[metric]
        threshold = 1 / (self._alpha * margin.weight) if margin.weight else LARGEST
        proven = part_of(proof or 0.0, 1 / _DOUBT) if margin.well else None
        return Measure(
            metric=metric,
            stable=figures[0],
            candidate=figures[1],
            margin=margin.times,
            e_value=e_value(alarm or 0.0),
            threshold=threshold,
            evidence=part_of(alarm or 0.0, threshold),
            proof=proven,
            standing=_standing(alarm, proof, threshold, asks_proof=margin.well > 0),
            said=said(metric, figures, group),
        )

    def _guarded(self, guard: Guard) -> Measure:
        alpha = self._alpha * self._margins["guards"].weight / len(self._guards)
        log = self._log_against(guard, alpha)
        is_broken = log is not None and log >= -math.log(alpha)
        kept = Standing.NO_DATA if log is None else Standing.WATCHED
        figure = self._alone(guard.metric)
        return Measure(
            metric=f"guard {guard.text}",
            stable=None,
            candidate=figure,
            margin=guard.bound,
            e_value=e_value(log or 0.0),
            threshold=1 / alpha,
            evidence=part_of(log or 0.0, 1 / alpha),
            proof=None,
            standing=Standing.WORSE if is_broken else kept,
            said=guard_said(guard, figure, is_broken),
        )

    def _log_against(self, guard: Guard, alpha: float) -> float | None:
        """Return the logarithm of the e-value against "the guard is kept", None where nothing is known."""
        if guard.metric == "memory":
            return None if self._memory is None else 0.0 if guard.holds(self._memory[1]) else math.inf
        if guard.metric == "cpu":
            return self._costs.log_beyond() if self._costs.figures else None
        if guard.metric == "quality":
            losses = self.labels.losses
            log = losses.log_below if guard.is_upper else losses.log_above
            return log(1 - guard.bound) if losses.count else None
        if guard.metric == "reward":
            mean = mean_of(self.labels.candidate_rewards)
            if mean is None:
                return None
            return (
                mean.log_above(guard.bound, alpha) if guard.is_upper else mean.log_below(guard.bound, alpha)
            )
        return self._counts.alarm(f"guard {guard.text}")

    def _alone(self, metric: str) -> float | None:
        """Return the candidate's figure."""
        if metric == "memory":
            return self._memory[1] if self._memory else None
        if metric == "cpu":
            return self._costs.figures[1] if self._costs.figures else None
        if metric == "quality":
            return self.labels.quality[1]
        if metric == "reward":
            return self.labels.candidate_rewards.mean if self.labels.candidate_rewards.count else None
        return _figure(metric, self._candidate)


def _standing(alarm: float | None, proof: float | None, threshold: float, *, asks_proof: bool) -> Standing:
    if alarm is not None and alarm >= math.log(threshold):
        return Standing.WORSE
    if alarm is None and proof is None:
        return Standing.NO_DATA
    if not asks_proof:
        return Standing.WATCHED
    is_proven = proof is not None and proof >= -math.log(_DOUBT)
    return Standing.PROVEN if is_proven else Standing.NOT_PROVEN


def _figure(metric: str, seen: Observed) -> float | None:
    if metric in QUANTILES:
        return seen.quantile(QUANTILES[metric])
    bad = seen.failed if metric == "errors" else seen.refused
    return bad / seen.requests if seen.requests else None
