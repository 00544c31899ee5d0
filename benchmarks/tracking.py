"""Runs and metrics: how quickly they are logged and found, beside MLflow's client on SQLite."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import alternating, note, show, timed
from benchmarks.peers import OURS, python_of, seconds_of

HERE = Path(__file__).parent
POINTS = 100_000
ONE_BY_ONE_OF_MLFLOW = 2_000  # it takes milliseconds each
TASKS = ("first", "each", "batches", "search")


def main(runs: int) -> None:
    """Measure starting, logging and searching."""
    print("\n== tracking")
    mlflow = python_of("mlflow")
    for title, ours, theirs in (
        ("import", "import kervan", "import mlflow"),
        ("show the help of the command line", "kervan", "mlflow"),
    ):
        command = [OURS, "-c", ours] if " " in ours else [OURS, "-m", ours, "--help"]
        contenders: dict[str, Callable[[], float]] = {"kervan": lambda command=command: process(command)}
        if mlflow is not None:
            other = [str(mlflow), "-c", theirs] if " " in theirs else [str(mlflow), "-m", theirs, "--help"]
            contenders["mlflow"] = lambda other=other: process(other)
        contenders["python alone"] = lambda: process([OURS, "-c", "pass"])
        show(f"{title}, whole process", alternating(contenders, runs), "s")

    titles = {
        "first": "first store: from the import to one metric on disk",
        "each": f"{POINTS:,} points of metrics, one call each",
        "batches": f"{POINTS:,} points of metrics, in batches of 1,000",
        "search": "search 10,000 runs by a metric, the best 100",
    }
    for task in TASKS:
        contenders = {"kervan": lambda task=task: ask(OURS, "track_kervan.py", task)}
        if mlflow is not None:
            contenders["mlflow"] = lambda task=task: ask(mlflow, "track_mlflow.py", task)
        show(titles[task], alternating(contenders, runs), "s")
        if task == "each" and mlflow is not None:
            note(f"mlflow: {ONE_BY_ONE_OF_MLFLOW:,} calls, times {POINTS // ONE_BY_ONE_OF_MLFLOW}")
    note("Each figure is of a process of its own on a new SQLite database. Kervan buffers points for at most")
    note("a second; MLflow commits every call. The 10,000 runs are inserted directly into both databases,")
    note("MLflow's with ANALYZE afterwards, without which its query takes a plan that is far slower.")


def process(command: list[str]) -> float:
    with timed() as watch:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return watch.seconds


def ask(python: Path | str, script: str, task: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return seconds_of(python, HERE / script, task, folder)
