"""One task of tracking with Kervan, in a process of its own; prints its seconds."""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

POINTS = 100_000
RUNS = 10_000


def first(folder: Path) -> float:
    started = time.perf_counter()
    import kervan as kv

    with kv.open(folder) as workspace, workspace.track("first") as run:
        run.log_metric("loss", 1.0)
    return time.perf_counter() - started


def each(folder: Path) -> float:
    import kervan as kv

    with kv.open(folder) as workspace:
        workspace.runs()
        started = time.perf_counter()
        with workspace.track("each") as run:
            for step in range(POINTS):
                run.log_metric("loss", step * 0.1)
        seconds = time.perf_counter() - started
        assert workspace.runs()[0].metrics["loss"] == (POINTS - 1) * 0.1
    return seconds


def batches(folder: Path) -> float:
    import kervan as kv
    from kervan.store.points import Point

    with kv.open(folder) as workspace, workspace.track("batches") as run:
        started = time.perf_counter()
        for start in range(0, POINTS, 1_000):
            now = time.time()
            points = [
                Point(name="loss", step=step, value=step * 0.1, time=now)
                for step in range(start, start + 1_000)
            ]
            workspace.project.store.catalog.log_metrics(run.run.id, points)
        return time.perf_counter() - started


def search(folder: Path) -> float:
    import kervan as kv
    from kervan.core.identity import new_id

    with kv.open(folder) as workspace:
        with workspace.track("pattern") as run:
            run.log_parameter("families", ["linear"])
        catalog = workspace.project.store.catalog
        runs = [replace(run.run, id=new_id()) for _ in range(RUNS)]
        with catalog.transaction() as transaction:
            for each_run in runs:
                transaction.put(each_run)
        values = [(each_run.id, "auc", place * 7_919 % RUNS / RUNS) for place, each_run in enumerate(runs)]
        with closing(sqlite3.connect(folder / ".kervan" / "catalog.sqlite")) as database:
            database.executemany("INSERT INTO results (run, name, value) VALUES (?, ?, ?)", values)
            database.commit()
        started = time.perf_counter()
        found = workspace.runs("auc", limit=100)
        seconds = time.perf_counter() - started
        assert len(found) == 100
    return seconds


if __name__ == "__main__":
    print(
        {"first": first, "each": each, "batches": batches, "search": search}[sys.argv[1]](Path(sys.argv[2]))
    )
