"""Many releases judged at once, by the formulas of `kervan.monitor.judge` on arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from benchmarks.verdicts_traffic import ANSWERS, FAILED, GROUPS, TIMES, WIDTH, Counts, Floats, observed
from kervan.core.observed import Observed
from kervan.monitor.events import log_evidence_of_two
from kervan.monitor.judge import STREAK
from kervan.monitor.judgement import MARGINS

STEPS = np.array([0.05, 0.25, 0.5])  # then all
SAMPLES = 300
_MARGINS = {each.metric: each for each in MARGINS}
_COUNTED = ("errors", "p50", "p90", "p99")
_TIMES = np.array([_MARGINS[name].times for name in _COUNTED] + [_MARGINS["outputs"].times] * GROUPS)
_WELL = np.array([_MARGINS[name].well for name in _COUNTED])
ALPHA = 0.01
_LIMITS = -np.log(ALPHA * np.array([_MARGINS[name].weight for name in (*_COUNTED, "outputs")]))
_PROVEN = np.log(20)
_ALARMS = len(_TIMES) + GROUPS

Flags = NDArray[np.bool_]
Weigh = Callable[..., Floats]  # returns evidence as `log_evidence_of_two`


def events_of(counted: Counts) -> Counts:
    """Return failures, times beyond each quantile, and answers by group from what is counted."""
    beyond = counted[..., TIMES][..., ::-1].cumsum(-1)[..., ::-1][..., 1:]
    return np.concatenate([counted[..., FAILED, None], beyond, counted[..., ANSWERS]], axis=-1)


class Judges:
    """One judge for each of `runs` releases; `every` is the longest time of a step in seconds."""

    def __init__(self, runs: int, every: float) -> None:
        self._every = every
        self.stage = np.zeros(runs, np.int64)
        self._seconds = np.zeros(runs)
        self._staked = np.full((runs, _ALARMS), np.log(0.5))
        self._closed = np.zeros((runs, 5))  # proofs: errors, errors rarely, p50, p90, p99
        self._requests = np.zeros((2, runs), np.int64)
        self._counted = np.zeros((2, runs, WIDTH), np.int64)
        self._streak = np.zeros(runs, np.int64)
        self._well = np.zeros((2, runs), np.int64)  # the stable version's requests and failures meanwhile
        self.proven = np.zeros(runs, np.bool_)

    def share(self, alive: Counts) -> Floats:
        return STEPS[self.stage[alive]]

    def take(self, alive: Counts, tick: float, drawn: tuple[Counts, Counts, Counts]) -> None:
        """Take in a tick of the releases under way."""
        requests, counted, trailing = drawn
        self._seconds[alive] += tick
        self._requests[:, alive] += requests
        self._counted[:, alive] += counted
        failed, before = counted[1, :, FAILED], self._streak[alive]
        streak = np.where(failed == requests[1], before + failed, trailing)
        meanwhile = self._well[:, alive] + np.stack([requests[0], counted[0, :, FAILED]])
        self._well[:, alive] = np.where(streak < np.maximum(before, 1), 0, meanwhile)
        self._streak[alive] = streak

    def told(self, run: int) -> tuple[Observed, Observed]:
        """Return what servers tell of both versions of a release."""
        asked, counted, streak = self._requests[:, run], self._counted[:, run], int(self._streak[run])
        name = f"stage {self.stage[run]}"
        return observed(name, int(asked[0]), counted[0], 0), observed(name, int(asked[1]), counted[1], streak)

    def decide(self, alive: Counts) -> tuple[Flags, Flags]:
        """Say which are rolled back and which are through; others go on, some with the next step."""
        is_bad = _exactly(self._is_alarming, alive) | self._silent(alive)
        is_full = self._requests[1, alive] >= SAMPLES
        is_proven = np.zeros(len(alive), np.bool_)
        is_proven[is_full] = _exactly(self._is_proven, alive[is_full])
        self.proven[alive] = is_proven
        is_done = ~is_bad & is_full & (is_proven | (self._seconds[alive] >= self._every))
        is_last = self.stage[alive] == len(STEPS) - 1
        self._close(alive[is_done & ~is_last])
        return is_bad, is_done & is_last

    def _is_alarming(self, some: Counts, weigh: Weigh) -> Flags:
        """Say where the evidence of all stages is enough against the candidate."""
        cash = -np.log(self.stage[some] + 2.0)[:, None]
        values = np.logaddexp(self._staked[some] + self._alarms(some, weigh), cash)
        outputs = np.logaddexp.reduce(values[:, 4:], axis=1) - np.log(2 * GROUPS)
        return (np.column_stack([values[:, :4], outputs]) >= _LIMITS).any(1)

    def _is_proven(self, some: Counts, weigh: Weigh) -> Flags:
        """Say where the evidence of all stages is enough in favour of the candidate."""
        logs = self._closed[some] + self._proofs(some, weigh)
        errors = np.logaddexp(logs[:, 0], logs[:, 1]) - np.log(2)
        return (np.column_stack([errors, logs[:, 2:]]) >= _PROVEN).all(1)

    def _alarms(self, some: Counts, weigh: Weigh) -> Floats:
        """Return the evidence of this stage against the candidate."""
        old, new = (events_of(self._counted[side, some]) for side in (0, 1))
        share = self.share(some)[:, None]
        more, near = _part(share, _TIMES), _part(share, 3 * _TIMES)
        less = 1 - _part(share, 1 / _TIMES[4:])
        bad = np.concatenate([new, old[:, 4:]], axis=1)
        events = np.concatenate([new + old, (new + old)[:, 4:]], axis=1)
        part = np.concatenate([more, less], axis=1)
        near = np.concatenate([near, np.ones(less.shape)], axis=1)
        return weigh(bad, events, part, near)

    def _proofs(self, some: Counts, weigh: Weigh) -> Floats:
        """Return the evidence of this stage in favour of the candidate."""
        old, new = (events_of(self._counted[side, some])[:, :4] for side in (0, 1))
        share = self.share(some)[:, None]
        part = 1 - _part(share, _WELL)
        looked = self._requests[1, some]
        good = looked - new[:, 0]
        rarely = np.full(len(some), 1 - _MARGINS["errors"].rarely)
        beside = weigh(old, old + new, part, np.ones(part.shape))
        alone = weigh(good, looked, rarely, np.ones(len(some)))
        return np.column_stack([beside[:, 0], alone, beside[:, 1:]])

    def _silent(self, alive: Counts) -> Flags:
        """Say where the candidate answers nothing while the stable version is well."""
        asked, lost = self._well[:, alive]
        enough = np.where(asked > 0, STREAK, 3 * STREAK)
        return (self._streak[alive] >= enough) & (lost <= 0.2 * asked)

    def _close(self, ended: Counts) -> None:
        """End the step of some, and begin their next."""
        alarms, proofs = (of(ended, log_evidence_of_two) for of in (self._alarms, self._proofs))
        self.stage[ended] += 1
        joins = -np.log((self.stage[ended] + 1.0) * (self.stage[ended] + 2.0))[:, None]
        self._staked[ended] = np.logaddexp(self._staked[ended] + alarms, joins)
        self._closed[ended] += proofs
        for kept in (self._requests, self._counted, self._well):
            kept[:, ended] = 0
        self._seconds[ended] = self._streak[ended] = 0


def _part(share: Floats, times: Floats) -> Floats:
    """Return `kervan.monitor.events.candidates_part` of arrays."""
    return share * times / (share * times + 1 - share)


def _exactly(holds: Callable[[Counts, Weigh], Flags], some: Counts) -> Flags:
    """Say where something holds: exactly, but only where it can, which is quicker."""
    found = holds(some, _most)
    found[found] = holds(some[found], log_evidence_of_two)
    return found


def _most(bad: Floats, events: Floats, part: Floats, _: Floats) -> Floats:
    """Return the most that the evidence can be: the likelihood of the best of all shares."""
    count = np.maximum(events, 1)
    seen = bad / count
    logs = xlogy(bad, seen / part) + xlogy(events - bad, (1 - seen) / (1 - part))
    return np.where(seen > part, logs, 0.0)
