"""How often is a healthy release rolled back, and how soon a bad one?

Everything is simulated: nothing is timed but the judge's own look.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import note
from benchmarks.verdicts_judges import ALPHA, SAMPLES, STEPS, Judges
from benchmarks.verdicts_rules import RULES, alarms
from benchmarks.verdicts_traffic import BEFORE, RATE, Counts, Floats, Traffic, World
from kervan.core.releasing import Decision
from kervan.monitor.betting import log_wealth
from kervan.monitor.events import candidates_part, log_evidence_of_two
from kervan.monitor.judge import Judge
from kervan.monitor.judgement import MARGINS

HEALTHY, FAULTY = 2000, 200  # releases of each world, times the runs
EVERY = 300.0  # seconds: the longest of a step
CHECKED = 20  # releases of each world that the judge itself decides too
LABELS = 5000

HEALTHY_WORLDS = tuple(
    World(
        name=f"{errors * 100:.2g} % errors{', drift and an incident' if is_rough else ''}",
        errors=errors,
        is_rough=is_rough,
    )
    for errors in (0.0005, 0.005, 0.02)
    for is_rough in (False, True)
)
FAULTS = (
    World(name="0.1 → 5 % errors", failing=0.05),
    World(name="0.1 → 1.1 % errors", failing=0.011),
    World(name="0.1 → 0.2 % errors", failing=0.002),
    World(name="everything fails", failing=1.0),
    World(name="times +25 %", slower=1.25),
    World(name="times +10 %", slower=1.1),
    World(name="one answer of ten, thrice as often", moved=3.0),
)
QUALITIES = ((0.87, 0.05, 0.02), (0.80, 0.12, 0.02), (0.89, 0.03, 0.02), (0.90, 0.02, 0.02))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of releases: when each was rolled back or through (infinite: not), and its requests.

    `failures` are those of the candidate among its requests, `requests` are of both.
    """

    back: Floats
    through: Floats
    proven: Floats
    failures: Counts
    candidates: Counts
    requests: Counts


def main(runs: int) -> None:
    rules = "".join(f"{rule:>18}" for rule in RULES)
    margins = ", ".join(f"{each.metric} {each.times:g}" for each in MARGINS if each.times)
    print(f"\n== verdicts: steps of {', '.join(f'{step:.0%}' for step in STEPS)}, {RATE:g} requests a second")
    note(f"alpha {ALPHA:.0%}; margins: {margins}; steps of up to {EVERY:g} s; the rules' are as long")
    print(f"\nhealthy releases rolled back, of {HEALTHY * runs:,} each; then by the judge")
    print(f"{'':36}{'judge':>10}{rules}{'promoted':>12}{'all proven':>12}{'after s':>9}")
    for seed, world in enumerate(HEALTHY_WORLDS):
        _show_healthy(world, HEALTHY * runs, seed)
    print(
        f"\nseconds until rolled back, median / 95 %, of {FAULTY * runs:,} releases; medians at the judge's"
    )
    print(f"{'':36}{'judge':>18}{rules}{'missed':>9}{'requests':>10}{'failed':>8}{'of all':>8}")
    for seed, world in enumerate(FAULTS):
        _show_fault(world, FAULTY * runs, seed)
    print(f"\nlabels until rolled back, median / 95 %, of {FAULTY * runs:,} releases with {LABELS:,} labels")
    for quality, lost, won in QUALITIES:
        _show_quality(quality, lost, won, FAULTY * runs)
    _show_bursts(FAULTY * runs)
    _show_same()


def _show_healthy(world: World, runs: int, seed: int) -> None:
    found = released(world, runs, 1.0, seed)
    rules = "".join(f"{np.isfinite(each).mean():>18.2%}" for each in alarms(world, runs, seed))
    is_through = np.isfinite(found.through)
    shares = f"{is_through.mean():>12.2%}{found.proven.mean():>12.1%}"
    after = np.median(found.through[is_through])
    print(f"{world.name:36}{1 - is_through.mean():>10.2%}{rules}{shares}{after:>9.0f}", flush=True)


def _show_fault(world: World, runs: int, seed: int) -> None:
    found = released(world, runs, 0.25, seed)
    rules = "".join(f"{_times(each):>18}" for each in alarms(world, runs, seed))
    is_back = np.isfinite(found.back)
    of = [found.candidates, found.failures, found.failures / found.requests]
    requests, failed, part = (np.median(each[is_back]) for each in of)
    harmed = f"{requests:>10.0f}{failed:>8.0f}{part:>8.2%}"
    print(f"{world.name:36}{_times(found.back):>18}{rules}{1 - is_back.mean():>9.1%}{harmed}", flush=True)


def _times(seconds: Floats) -> str:
    shown = [
        f"{value:.3g}" if np.isfinite(value) else "never"
        for value in np.quantile(seconds, [0.5, 0.95], method="higher")
    ]
    return " / ".join(shown)


def released(world: World, runs: int, tick: float, seed: int) -> Outcome:
    """Let `runs` releases go until each is rolled back or through."""
    traffic, judges = Traffic(world, runs, tick, seed), Judges(runs, EVERY)
    back, through = np.full(runs, np.inf), np.full(runs, np.inf)
    failures, candidates, requests = (np.zeros(runs, np.int64) for _ in range(3))
    alive, now = np.arange(runs), 0.0
    while len(alive):
        now += tick
        drawn = traffic.draw(alive, judges.share(alive))
        failures[alive] += drawn[1][1, :, 0]
        candidates[alive] += drawn[0][1]
        requests[alive] += drawn[0].sum(0)
        judges.take(alive, tick, drawn)
        is_bad, is_through = judges.decide(alive)
        back[alive[is_bad]] = now
        through[alive[is_through]] = now
        alive = alive[~is_bad & ~is_through]
    return Outcome(
        back=back,
        through=through,
        proven=judges.proven & np.isfinite(through),
        failures=failures,
        candidates=candidates,
        requests=requests,
    )


def _show_quality(quality: float, lost: float, won: float, runs: int) -> None:
    """Look after each label; a part `lost` of the rows was right only before, `won` only now."""
    random = np.random.default_rng(0)
    weight = next(each.weight for each in MARGINS if each.metric == "quality")
    worse = random.random((runs, LABELS))
    losses = np.where(worse < lost, 1, np.where(worse < lost + won, -1, 0)).astype(np.int8)
    decided = np.array([_decided(each, -np.log(ALPHA * weight)) for each in losses])
    name = f"0.90 → {quality:.2f}, {lost + won:.0%} of the answers changed"
    print(f"{name:44}{_times(decided):>16}{np.isfinite(decided).mean():>10.1%} rolled back", flush=True)


def _decided(losses: NDArray[np.int8], limit: float) -> float:
    """Return after how many labels the evidence reaches its limit."""
    counts = np.stack([(losses == figure).cumsum() for figure in (-1, 0, 1)]).astype(np.float64)
    is_enough = log_wealth(np.array([-1.0, 0.0, 1.0]), counts, 0.0) >= limit
    return float(is_enough.argmax() + 1) if is_enough.any() else np.inf


def _show_bursts(runs: int) -> None:
    """Let failures of alike versions come in bursts of twenty, each of one caller and so of one version."""
    random = np.random.default_rng(0)
    share, seconds = 0.05, 900
    bursts = random.poisson(0.05, (runs, seconds))
    its = random.binomial(bursts, share).cumsum(1)[:, 59::10].astype(np.float64)
    events = bursts.cumsum(1)[:, 59::10].astype(np.float64)
    margin = next(each for each in MARGINS if each.metric == "errors")
    parts = candidates_part(share, margin.times), candidates_part(share, 3 * margin.times)
    limit = -np.log(ALPHA * margin.weight) + np.log(2)  # half of the stake is kept for later stages
    print("\nalike versions, failures in bursts of twenty: rolled back for errors in a quarter of an hour")
    for name, times in (("each counts", 20), ("each burst counts once", 1)):
        alarms = [
            log_evidence_of_two(times * its[:, look], times * events[:, look], *parts)
            for look in range(its.shape[1])
        ]
        note(f"{name:24}{(np.array(alarms) >= limit).any(0).mean():.1%}")


def _show_same() -> None:
    """Let the judge itself decide some of these releases, and time its look."""
    same = looks = 0
    seconds = 0.0
    worlds = (*HEALTHY_WORLDS, *FAULTS)
    for seed, world in enumerate(worlds):
        for run in range(CHECKED):
            is_same, count, spent = _is_same(world, 1000 * seed + run)
            same, looks, seconds = same + is_same, looks + count, seconds + spent
    print(f"\nthe judge itself decided {same} of {CHECKED * len(worlds)} releases alike, at the same second")
    note(f"{1e3 * seconds / looks:.2f} ms a look, {looks:,} looks")


def _is_same(world: World, seed: int) -> tuple[bool, int, float]:
    """Let one release go; say whether the judge agrees at each second, how often it looked, and how long."""
    traffic, judges = Traffic(world, 1, 1.0, seed), Judges(1, EVERY)
    judge = Judge(samples=SAMPLES, every=EVERY, before=BEFORE)
    alive, looks, seconds, now, stage = np.arange(1), 0, 0.0, 0.0, -1
    while True:
        share = float(judges.share(alive)[0])
        if stage != judges.stage[0]:
            stage = int(judges.stage[0])
            judge.look(now, *judges.told(0), share)
        now += 1.0
        judges.take(alive, 1.0, traffic.draw(alive, judges.share(alive)))
        told = judges.told(0)
        started = time.perf_counter()
        decision = judge.look(now, *told, share).decision
        seconds, looks = seconds + time.perf_counter() - started, looks + 1
        is_bad, is_through = judges.decide(alive)
        is_next = is_through[0] or judges.stage[0] != stage
        wanted = Decision.ROLL_BACK if is_bad[0] else Decision.PROMOTE if is_next else Decision.LOOK
        if decision is not wanted or is_bad[0] or is_through[0]:
            return decision is wanted, looks, seconds
