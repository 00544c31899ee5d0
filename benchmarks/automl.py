"""The best model that a time allows, beside other programs that look for one: score, time, size, speed.

Of each table a quarter is held out from all of them. `KERVAN_AUTOML_SECONDS` are the budgets ("60,300"),
`KERVAN_AUTOML_SETS` names some of the tables; `KERVAN_AUTOML_PEERS` is a Python that has flaml, lightgbm and
optuna, and autogluon.tabular where it is to take part.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import automl_contenders
from benchmarks.measure import note
from kervan.model.metrics import higher_is_better, intervals, scores

BUDGETS = tuple(int(each) for each in os.environ.get("KERVAN_AUTOML_SECONDS", "60,300").split(","))
HELD_OUT = 0.25
PEERS = ("flaml", "lightgbm", "optuna and lightgbm", "autogluon")
PATIENCE = 4  # times the budget, before a contender is ended
SETS = {
    "adult": ("adult.csv.gz", "income", "roc_auc"),
    "ai4i-2020": ("ai4i2020.csv.gz", "Machine failure", "roc_auc"),
    "bank-marketing": ("bank-full.csv.gz", "y", "roc_auc"),
    "covertype-sample": ("covtype_10k.csv.gz", "Cover_Type", "log_loss"),
    "credit-default-taiwan": ("UCI_Credit_Card.csv.gz", "DEFAULT", "roc_auc"),
    "german-credit": ("german.csv", "class", "roc_auc"),
    "telco-churn": ("Telco-Customer-Churn.csv.gz", "Churn", "roc_auc"),
    "titanic": ("titanic.csv", "Survived", "roc_auc"),
    "ames-housing": ("ames.csv.gz", "price", "rmse"),
    "bike-sharing": ("hour.csv.gz", "count", "rmse"),
    "california-housing": ("housing.csv.gz", "median_house_value", "rmse"),
    "king-county-housing": ("kc_house_data.csv.gz", "price", "rmse"),
    "wine-quality": ("winequality-white.csv", "quality", "rmse"),
}
_SEPARATORS = {"bank-marketing": ";", "wine-quality": ";"}
_LEAKS = {
    "bike-sharing": ("casual", "registered"),
    "ai4i-2020": ("TWF", "HDF", "PWF", "OSF", "RNF"),
}  # parts of the target, or known only after it


@dataclass(frozen=True)
class Result:
    """What a contender gave: its score on held-out rows with the interval, and what it cost."""

    score: float
    low: float
    high: float
    seconds: float
    size: float
    one: float
    many: float


def main(runs: int) -> None:
    """Print a table for each set and budget, and the mean rank of each contender, each of one run."""
    folder = os.environ.get("KERVAN_DATA_DIR")
    print("\n== automl: the best model within a time")
    if not folder:
        note("Skipped: set KERVAN_DATA_DIR to the folder of the public data sets.")
        return
    wanted = os.environ.get("KERVAN_AUTOML_SETS", ",".join(SETS)).split(",")
    for budget in BUDGETS:
        ranks: dict[str, list[float]] = {}
        for name in wanted:
            found = _compete(Path(folder) / name, name, budget)
            for contender, rank in _ranked(found, SETS[name][2]).items():
                ranks.setdefault(contender, []).append(rank)
        print(f"\n  mean rank within {budget} s over {len(wanted)} tables (1 is the best)")
        for contender, each in sorted(ranks.items(), key=lambda pair: np.mean(pair[1])):
            print(f"    {contender:20} {np.mean(each):.2f} over {len(each)}", flush=True)


def _compete(source: Path, name: str, budget: int) -> dict[str, Result]:
    file, target, metric = SETS[name]
    found: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="kervan-automl-") as scratch:
        folder = Path(scratch)
        separator = _SEPARATORS.get(name, ",")
        table = pl.read_csv(source / file, separator=separator, infer_schema_length=None)
        table = table.drop(_LEAKS.get(name, ()))
        table = table.drop_nulls(target).with_row_index("row").sample(fraction=1.0, shuffle=True, seed=1)
        table = table.drop("row")
        cut = int(table.height * (1 - HELD_OUT))
        table[:cut].write_csv(folder / "train.csv")
        table[cut:].write_csv(folder / "test.csv")
        truth = table[cut:][target]
        print(
            f"\n  {name}: {cut:,} rows to learn from, {table.height - cut:,} held out, {budget} s, {metric}"
        )
        for contender in ("kervan", *PEERS):
            try:
                found[contender] = _run(contender, folder, target, metric, budget, truth)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"    {contender:20} {error}", flush=True)
                continue
            print(f"    {contender:20} {_told(found[contender])}", flush=True)
    return found


def _told(each: Result) -> str:
    score = f"{each.score:9.4f} ({each.low:.4f} to {each.high:.4f})  {each.seconds:6.1f} s"
    asked = f"1 row {each.one * 1e3:8.2f} ms  1,000 rows {each.many * 1e3:8.1f} ms"
    return f"{score}  {each.size / 1e6:8.2f} MB  {asked}"


def _run(contender: str, folder: Path, target: str, metric: str, budget: int, truth: pl.Series) -> Result:
    python = sys.executable if contender == "kervan" else os.environ.get("KERVAN_AUTOML_PEERS", "")
    if not python:
        raise RuntimeError("skipped: KERVAN_AUTOML_PEERS names no Python")
    out = folder / f"{contender}.json"
    arguments = [contender, str(folder), target, metric, str(budget), str(out)]
    done = subprocess.run(
        [python, automl_contenders.__file__, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=budget * PATIENCE + 300,
    )
    if done.returncode:
        raise RuntimeError(f"failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ''}")
    said = json.loads(out.read_text(encoding="utf-8"))
    values = np.array(said["values"])
    if metric == "rmse":
        task, known = "regression", truth.cast(pl.Float64).to_numpy()
    else:
        places = {label: place for place, label in enumerate(said["classes"])}
        task, known = "classification", np.array([places[str(label)] for label in truth.to_list()])
    score = scores(task, known, values)[metric]
    interval = intervals(task, known, values, only=metric)[metric]
    return Result(
        score, interval.low, interval.high, said["seconds"], said["size"], said["one"], said["many"]
    )


def _ranked(found: dict[str, Result], metric: str) -> dict[str, float]:
    sign = -1 if higher_is_better(metric) else 1
    ordered = sorted(found, key=lambda each: sign * found[each].score)
    return {name: float(place) for place, name in enumerate(ordered, 1)}
