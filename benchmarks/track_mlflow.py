"""One task of tracking with MLflow's client, in its own environment; prints its seconds."""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

POINTS = 100_000
CALLS = 2_000
RUNS = 10_000


def open_client(folder: Path) -> tuple[Any, str, str]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("benchmark")
    return client, experiment, client.create_run(experiment).info.run_id


def first(folder: Path) -> float:
    started = time.perf_counter()
    client, _, run = open_client(folder)
    client.log_metric(run, "loss", 1.0)
    client.set_terminated(run)
    return time.perf_counter() - started


def each(folder: Path) -> float:
    client, _, run = open_client(folder)
    started = time.perf_counter()
    for step in range(CALLS):
        client.log_metric(run, "loss", step * 0.1, step=step)
    return (time.perf_counter() - started) * POINTS / CALLS


def batches(folder: Path) -> float:
    from mlflow.entities import Metric

    client, _, run = open_client(folder)
    started = time.perf_counter()
    for start in range(0, POINTS, 1_000):
        now = int(time.time() * 1_000)
        client.log_batch(
            run, metrics=[Metric("loss", step * 0.1, now, step) for step in range(start, start + 1_000)]
        )
    return time.perf_counter() - started


def search(folder: Path) -> float:
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlRun

    client, experiment, _ = open_client(folder)
    with client._tracking_client.store.ManagedSessionMaker() as session:
        for place in range(RUNS):
            ident = f"{place:032x}"
            session.add(
                SqlRun(
                    run_uuid=ident,
                    name=ident,
                    experiment_id=int(experiment),
                    user_id="user",
                    status="FINISHED",
                    start_time=place,
                    end_time=place,
                    lifecycle_stage="active",
                    source_type="LOCAL",
                    artifact_uri=str(folder),
                )
            )
        session.flush()
        for place in range(RUNS):
            value = place * 7_919 % RUNS / RUNS
            session.add(
                SqlLatestMetric(
                    run_uuid=f"{place:032x}", key="auc", value=value, timestamp=0, step=0, is_nan=False
                )
            )
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("ANALYZE")
    started = time.perf_counter()
    found = client.search_runs([experiment], order_by=["metrics.auc DESC"], max_results=100)
    seconds = time.perf_counter() - started
    assert len(found) == 100
    return seconds


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print(
        {"first": first, "each": each, "batches": batches, "search": search}[sys.argv[1]](Path(sys.argv[2]))
    )
