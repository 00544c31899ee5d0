"""Ten steps that hand on 10 MB: everything kept and hashed, from the cache, and as plain functions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import kervan as kv
from benchmarks.measure import alternating, note, show, timed

STEPS = 10
FLOATS = 10 * (1 << 20) // 8


@kv.step
def begin(seed: int) -> NDArray[np.float64]:
    """Make 10 MB."""
    return np.random.default_rng(seed).random(FLOATS)


@kv.step
def go_on(values: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Change all of them."""
    return values * 1.0001 + number


@kv.step
def end(values: NDArray[np.float64]) -> float:
    """Come to one figure."""
    return float(values.sum())


@kv.pipeline
def ten_steps(seed: int) -> float:
    """Lay out the ten steps."""
    values = begin(seed)
    for number in range(STEPS - 2):
        values = go_on(values, number)
    return end(values)


def main(runs: int) -> None:
    """Measure the pipeline cold, cached, and without a record."""
    print("\n== pipeline")
    with tempfile.TemporaryDirectory() as folder, kv.open(Path(folder)) as workspace:
        workspace.execute(ten_steps, seed=-1 % 1000)  # connections are open, code is known
        seeds = iter(range(1_000, 1_000 + runs))
        last = [0]

        def cold() -> float:
            last[0] = next(seeds)
            with timed() as watch:
                workspace.execute(ten_steps, seed=last[0])
            return watch.seconds

        def cached() -> float:
            with timed() as watch:
                workspace.execute(ten_steps, seed=last[0])
            return watch.seconds

        def plain() -> float:
            with timed() as watch:
                ten_steps(last[0])
            return watch.seconds

        found = alternating({"kervan, cold": cold, "kervan, cached": cached, "plain functions": plain}, runs)
    show(f"{STEPS} steps that hand on 10 MB each", found, "s")
    note("Cold: every result is hashed, written and flushed to the disk, each step is on record.")
    note("Skipped: Prefect, Dagster, ZenML and others: each wants an environment of its own.")
