"""Releases that never happened: what servers would have counted, drawn tick by tick for many at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from kervan.core.observed import Observed

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

RATE = 200.0  # requests a second, of both versions
GROUPS = 10
STANDARD = np.array([0.0, 1.2815516, 2.3263479])  # where p50, p90 and p99 lie among deviations
SPREAD = 0.6  # deviation of the logarithm of times
# Columns of what is counted: failures, times between the quantiles (fast, beyond p50, p90, p99), answers.
FAILED, TIMES, ANSWERS = 0, slice(1, 5), slice(5, 5 + GROUPS)
WIDTH = 5 + GROUPS
NAMES = tuple(f"p{group * 10}" for group in range(GROUPS))
BEFORE = Observed(
    deployment="before",
    model="stable",
    looked=1000,
    seconds={1: 500, 2: 400, 3: 90, 4: 10},
    outputs=dict.fromkeys(NAMES, 100),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How both versions behave.

    The stable one fails `errors` of its requests, the candidate `failing` (None: as many), takes `slower`
    times as long, and gives one answer of ten `moved` times as often. With `is_rough` load, failures and
    times drift, and an incident meets both for half a minute.
    """

    name: str
    errors: float = 0.001
    failing: float | None = None
    slower: float = 1.0
    moved: float = 1.0
    is_rough: bool = False
    usual: Floats = field(default_factory=lambda: np.full(GROUPS, 1 / GROUPS))

    @property
    def answers(self) -> Floats:
        """The candidate's shares of answers."""
        weights = np.array([self.moved, *[(GROUPS - self.moved) / (GROUPS - 1)] * (GROUPS - 1)])
        return weights / weights.sum()


class Traffic:
    """Draws what happens to `runs` releases in one tick after the other."""

    def __init__(self, world: World, runs: int, tick: float, seed: int) -> None:
        self._world, self._tick = world, tick
        self._random = np.random.default_rng(seed)
        self._phases = self._random.uniform(0, 2 * np.pi, (3, runs))
        self._periods = self._random.uniform(120, 1200, (3, runs))
        self._incident = self._random.uniform(0, 900, runs)
        self._now = 0.0

    def draw(self, alive: Counts, share: Floats) -> tuple[Counts, Counts, Counts]:
        """Return requests and what is counted, stable first, and how many failed at the candidate's end."""
        self._now += self._tick
        load, more, later = self._moods(alive)
        requests = self._random.poisson(RATE * self._tick * load)
        its = self._random.binomial(requests, share)
        errors = np.minimum(self._world.errors * more, 0.3)
        failing = errors if self._world.failing is None else np.full(len(alive), self._world.failing)
        stable = self._counted(requests - its, errors, later, self._world.usual)
        slower = later + np.log(self._world.slower) / SPREAD
        candidate = self._counted(its, failing, slower, self._world.answers)
        asked = np.stack([requests - its, its])
        return asked, np.stack([stable, candidate]), self._trailing(its, candidate[:, FAILED])

    def failures(self, share: float) -> tuple[Counts, Counts]:
        """Return requests and failures alone, of all releases, stable first: the same law, drawn quicker."""
        self._now += self._tick
        load, more, _ = self._moods(np.arange(self._phases.shape[1]))
        requests = self._random.poisson(RATE * self._tick * load)
        its = self._random.binomial(requests, share)
        errors = np.minimum(self._world.errors * more, 0.3)
        failing = errors if self._world.failing is None else self._world.failing
        asked = np.stack([requests - its, its])
        return asked, self._random.binomial(asked, np.stack(np.broadcast_arrays(errors, failing)))

    def _moods(self, alive: Counts) -> tuple[Floats, Floats, Floats]:
        if not self._world.is_rough:
            return np.ones(len(alive)), np.ones(len(alive)), np.zeros(len(alive))
        waves = np.sin(2 * np.pi * self._now / self._periods[:, alive] + self._phases[:, alive])
        load, more, later = 1 + 0.5 * waves[0], np.exp(waves[1]), 0.5 * waves[2]
        since = self._now - self._incident[alive]
        is_hit = (since >= 0) & (since < 30)
        return load, np.where(is_hit, 20.0, more), np.where(is_hit, later + 1, later)

    def _counted(self, requests: Counts, errors: Floats, later: Floats, answers: Floats) -> Counts:
        failed = self._random.binomial(requests, errors)
        beyond = ndtr(later[:, None] - STANDARD)
        shares = -np.diff(
            np.concatenate([np.ones((len(later), 1)), beyond, np.zeros((len(later), 1))], axis=1)
        )
        times = self._random.multinomial(requests - failed, shares)
        given = self._random.multinomial(requests - failed, answers)
        return np.concatenate([failed[:, None], times, given], axis=1)

    def _trailing(self, requests: Counts, failed: Counts) -> Counts:
        """Draw how many requests at the end of the tick failed one after the other."""
        chance = np.clip(failed / np.maximum(requests, 1), 0, 1 - 1e-9)
        drawn = np.minimum(self._random.geometric(1 - chance) - 1, failed)
        return np.where(failed == requests, failed, np.minimum(drawn, np.maximum(requests - 1, 0)))


def observed(deployment: str, requests: int, counted: Counts, streak: int) -> Observed:
    """Return counts as servers tell them."""
    failed = int(counted[FAILED])
    return Observed(
        deployment=deployment,
        model="any",
        answered=requests - failed,
        failed=failed,
        streak=streak,
        looked=requests,
        incidents={"failed": failed},
        seconds={place: int(count) for place, count in enumerate(counted[TIMES], 1)},
        outputs={name: int(count) for name, count in zip(NAMES, counted[ANSWERS], strict=True)},
    )
