"""The judge of a release: looks at what both versions did as often as one likes, and decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.observed import Observed
from kervan.core.releasing import Decision
from kervan.monitor.judgement import MARGINS, Judgement, Margin, Measure, Moment, Standing
from kervan.monitor.measures import Measures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.releasing import Guard

STREAK = 10  # requests that failed one after the other
_WELL = 0.2  # the share of failures up to which the stable version counts as well meanwhile
_MOST_MOMENTS = 300


class Judge:
    """Decides on one release, over all its stages.

    `look` may be called at any time and as often as one likes; between two calls `add_losses`,
    `add_differences` and `add_rewards` tell what became known of answers. A stage starts when the deployment
    or the share changes. A step is promoted after `samples` requests of the candidate, when everything that
    has to be is proven or `every` seconds are over (0: never by time alone). `before` is what the stable
    version did before the release, if anybody knows.
    """

    def __init__(
        self,
        *,
        samples: int = 300,
        every: float = 0.0,
        guards: Sequence[Guard] = (),
        alpha: float = 0.01,
        margins: Iterable[Margin] = MARGINS,
        before: Observed | None = None,
    ) -> None:
        self._samples, self._every, self._alpha = samples, every, alpha
        self._measures = Measures({each.metric: each for each in margins}, guards, alpha, before)
        nothing = Observed(deployment="", model="")
        self._share = -1.0
        self._since = 0.0
        self._start = self._candidate = nothing  # the candidate when the stage began, and now
        self._stable = self._well = nothing  # the stable version now, and when the candidate last answered
        self._against = ""
        self._history: list[Moment] = []
        self._apart = 0.0  # seconds between two moments of the history

    def add_differences(self, differences: Iterable[float]) -> None:
        """Take in losses of the candidate less those of the stable version on the same rows, -1 to 1."""
        self._measures.labels.add_differences(differences)

    def add_losses(self, pairs: Iterable[tuple[float, float]]) -> None:
        """Take in losses on the same rows, stable first, each between 0 and 1."""
        self._measures.labels.add_losses(pairs)

    def add_rewards(self, stable: Iterable[float], candidate: Iterable[float]) -> None:
        """Take in what requests of each version brought."""
        self._measures.labels.add_rewards(stable, candidate)

    def look(
        self,
        at: float,
        stable: Observed,
        candidate: Observed,
        share: float,
        memory: tuple[float, float] | None = None,
    ) -> Judgement:
        """Judge by what was counted until `at` (seconds).

        `memory` is what a replica held before the release, and what it holds now, in bytes. Who is to be
        rolled back stays so.
        """
        self._enter(at, stable, candidate, share)
        if candidate.streak < max(self._candidate.streak, 1):
            self._well = stable
        self._candidate, self._stable = candidate, stable
        self._measures.look(at, stable, candidate, share)
        if memory is not None:
            self._measures.weigh(memory)
        measures = self._measures.all()
        self._against = self._against or self._silent() or _worst(measures)
        self._remember(at, measures)
        return self._judgement(at, measures)

    def _enter(self, at: float, stable: Observed, candidate: Observed, share: float) -> None:
        """Start a stage where the deployment or the share changed, or counters began again."""
        is_same = candidate.deployment == self._candidate.deployment
        goes_on = is_same and candidate.requests >= self._candidate.requests
        if goes_on and share == self._share:
            return
        nothing = Observed(deployment=candidate.deployment, model=candidate.model)
        old, new = (self._stable, self._candidate) if goes_on else (nothing, nothing)
        self._measures.begin(old, new)
        self._share, self._since = share, at
        self._start = self._candidate = new
        self._stable = self._well = old

    def _silent(self) -> str:
        """Say if the candidate answers nothing while the stable version is well: that is enough."""
        streak = self._candidate.streak
        asked = self._stable.requests - self._well.requests
        failed = self._stable.failed - self._well.failed
        if streak < (STREAK if asked else 3 * STREAK) or failed > _WELL * asked:
            return ""
        well = f", {1 - failed / asked:.0%} of the stable version's did not" if asked else ""
        return f"{streak} requests of the candidate failed one after the other{well}"

    def _judgement(self, at: float, measures: tuple[Measure, ...]) -> Judgement:
        samples = self._candidate.requests - self._start.requests
        seconds = at - self._since
        sure = {Standing.PROVEN, Standing.WORSE}
        doubtful = [each for each in measures if each.proof is not None and each.standing not in sure]
        names = ", ".join(each.metric for each in doubtful)
        if self._against:
            decision, reason = Decision.ROLL_BACK, self._against
        elif samples < self._samples:
            decision, reason = Decision.LOOK, f"{samples:,} of the {self._samples:,} requests that are needed"
        elif not doubtful:
            decision, reason = Decision.PROMOTE, "nothing is worse than allowed, and what has to be is proven"
        elif 0 < self._every <= seconds:
            decision = Decision.PROMOTE
            reason = f"nothing was found worse than allowed in {seconds:,.0f} s; not proven: {names}"
        else:
            decision, reason = Decision.LOOK, f"not proven yet: {names}"
        return Judgement(
            decision=decision,
            reason=reason,
            at=at,
            deployment=self._candidate.deployment,
            share=self._share,
            samples=samples,
            needed=self._samples,
            seconds=seconds,
            every=self._every,
            alpha=self._alpha,
            measures=measures,
            notes=tuple(f"{each.metric} not proven: {each.said}" for each in doubtful),
            history=tuple(self._history),
        )

    def _remember(self, at: float, measures: tuple[Measure, ...]) -> None:
        """Add a moment to the history, or take it for the last one where that is not long ago."""
        figures = {each.metric: (each.stable, each.candidate) for each in measures}
        now = Moment(
            at=at,
            share=self._share,
            evidence={each.metric: round(each.evidence, 4) for each in measures},
            errors=figures["errors"],
            p99=figures["p99"],
        )
        known = self._history
        if len(known) > 1 and known[-1].share == self._share and at - known[-2].at < self._apart:
            known[-1] = now
            return
        known.append(now)
        if len(known) > _MOST_MOMENTS:
            self._history = known[::2] if len(known) % 2 else [*known[::2], known[-1]]
            self._apart = max(2 * self._apart, 2 * (at - known[0].at) / len(known))


def _worst(measures: tuple[Measure, ...]) -> str:
    """Return what the measure with the most evidence says if it has enough."""
    worse = [each for each in measures if each.standing == Standing.WORSE]
    return max(worse, key=lambda each: each.e_value / each.threshold).said if worse else ""
