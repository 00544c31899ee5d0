"""The fixed rules that people use today, on traffic of the same kind."""

from __future__ import annotations

import numpy as np

from benchmarks.verdicts_judges import STEPS
from benchmarks.verdicts_traffic import Counts, Floats, Traffic, World

MINUTE, STEP = 60, 300  # seconds of a check and of a step
LEAST_SUCCESS, MOST_FAILED = 0.99, 5
_Z = 2.3263479  # one-sided, 1 %
RULES = ("99 % × 5", "z each minute", "z each second")


def alarms(world: World, runs: int, seed: int) -> Floats:
    """Return after how many seconds each rule rolls each release back (rule, run): infinite where never.

    The traffic is shared for five minutes at each of 5, 25 and 50 %. The first rule is that in five minutes
    fewer than 99 % of the candidate's requests were answered; the others that it failed more often than the
    stable version, at the level of 1 %, in the step so far.
    """
    traffic = Traffic(world, runs, 1.0, seed)
    found = np.full((len(RULES), runs), np.inf)
    failed_checks = np.zeros(runs, np.int64)
    for stage, share in enumerate(STEPS):
        asked, lost, checked = (np.zeros((2, runs), np.int64) for _ in range(3))
        for second in range(1, STEP + 1):
            requests, failures = traffic.failures(share)
            asked += requests
            lost += failures
            now = float(stage * STEP + second)
            is_far = _z(asked, lost) > _Z
            _note(found[2], is_far, now)
            if second % MINUTE == 0:
                _note(found[1], is_far, now)
                success = 1 - (lost[1] - checked[1]) / np.maximum(asked[1] - checked[0], 1)
                failed_checks += success < LEAST_SUCCESS
                checked = np.stack([asked[1], lost[1]])
                _note(found[0], failed_checks >= MOST_FAILED, now)
    return found


def _note(found: Floats, is_bad: Counts, now: float) -> None:
    found[is_bad & np.isinf(found)] = now


def _z(asked: Counts, lost: Counts) -> Floats:
    """Return how many standard errors the candidate's share of failures lies above the stable one's."""
    count = np.maximum(asked, 1)
    both = lost.sum(0) / count.sum(0)
    error = np.sqrt(both * (1 - both) * (1 / count).sum(0))
    return (lost[1] / count[1] - lost[0] / count[0]) / np.maximum(error, 1e-12)
