"""Fills a workspace as a busy year would: 10,000 runs, a table of 1,000 columns, a million predictions."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

RUNS = 10_000
COLUMNS = 1_000
ROWS = 2_000
FAMILIES = ("linear", "tree", "forest", "boosting")
METRICS = ("roc_auc", "accuracy", "log_loss", "f1")


def parameters(place: int) -> dict[str, object]:
    """Return what a run was told."""
    dice = random.Random(place)
    return {
        "family": dice.choice(FAMILIES),
        "depth": dice.randint(2, 12),
        "rate": round(dice.uniform(0.01, 0.3), 4),
        "leaves": dice.choice([15, 31, 63, 127]),
        "seed": place % 5,
    }


def metrics(place: int) -> dict[str, float]:
    """Return what came of a run."""
    dice = random.Random(-place)
    return {name: round(dice.random(), 6) for name in METRICS}


def live(folder: Path) -> None:
    """Let a small project live until its model answers, and ask it for some rows."""
    import polars as pl
    from sklearn.datasets import load_breast_cancer

    import kervan as kv

    table = pl.from_pandas(load_breast_cancer(as_frame=True).frame)
    table.write_csv(folder / "cells.csv")
    settings = {"source": "cells.csv", "target": "target", "entity": ""}
    (folder / "kervan.toml").write_text("")
    with kv.open(folder, data=settings, model={"families": ["linear"]}, release={"port": 0}) as workspace:
        workspace.run(why="to be looked at")
        answers = workspace.release(to="production", why="to be looked at")
        for row in table.drop("target").head(200).to_dicts():
            answers.predict(row)


def fill_runs(folder: Path, count: int = RUNS) -> None:
    """Put finished runs on record, directly."""
    import kervan as kv
    from kervan.core.identity import new_id

    with kv.open(folder) as workspace:
        with workspace.track("pattern") as run:
            run.log_parameter("family", "linear")
        catalog = workspace.project.store.catalog
        pattern = catalog.get(type(run.run), run.run.id)
        made = [
            replace(
                pattern,
                id=new_id(),
                name=f"try {place}",
                time=pattern.time - place * 60,
                ended=pattern.time - place * 60 + 31.5,
                parameters=parameters(place),
                metrics=metrics(place),
            )
            for place in range(count)
        ]
        with catalog.transaction() as transaction:
            for each in made:
                transaction.put(each)
    values = [(each.id, name, value) for each in made for name, value in each.metrics.items()]
    with closing(sqlite3.connect(folder / ".kervan" / "catalog.sqlite")) as database:
        database.executemany("INSERT INTO results (run, name, value) VALUES (?, ?, ?)", values)
        database.commit()


def fill_data(folder: Path, columns: int = COLUMNS) -> str:
    """Ingest a table of many columns, and return the dataset's reference."""
    import numpy as np
    import polars as pl

    import kervan as kv

    dice = np.random.default_rng(0)
    table = {f"column {place}": dice.normal(size=ROWS) for place in range(columns - 2)}
    table["city"] = np.array([f"city {each}" for each in dice.integers(0, 10_000, ROWS)])
    table["left"] = np.where(table["column 0"] > 0, "yes", "no")
    pl.DataFrame(table).write_csv(folder / "wide.csv")
    with kv.open(folder) as workspace:
        return workspace.ingest("wide.csv", target="left", name="wide").dataset.ref
