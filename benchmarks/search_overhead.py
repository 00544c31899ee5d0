"""What a search costs beside plain scikit-learn: the same recipes, folds, rows and number of processes.

Kervan's side is the whole race: processes that start, rows that are handed on, the record of every trial and
fold, answers that are kept, the timing of predictions, and the best candidate's ranks.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.measure import alternating, note, show
from kervan.app.compete import Ground, Race, compare_named
from kervan.app.project import Project, open_project
from kervan.core.config import DataSettings
from kervan.core.recipe import Recipe
from kervan.core.schema import Signature
from kervan.data.columns import infer_schema
from kervan.flow.sweep import Sweep
from kervan.flow.track import Tracker
from kervan.flow.values import save, scratch_space
from kervan.model.answered import Rows, read_rows
from kervan.model.candidates import build
from kervan.model.metric import Task
from kervan.model.metrics import scores
from kervan.model.steps import Choice, Folds, Interface, compare_candidate, describe, encode

if TYPE_CHECKING:
    from collections.abc import Callable

RECIPES = int(os.environ.get("KERVAN_OVERHEAD_RECIPES", "24"))
ROWS = int(os.environ.get("KERVAN_OVERHEAD_ROWS", "20000"))
FOLDS = 5
WORKERS = 2
KINDS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("tree", "max_depth", (3, 4, 5, 6, 7, 8, 10, 12)),
    ("linear", "C", (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
    ("forest", "min_samples_leaf", (1, 2, 3, 4, 5, 6, 8, 10)),
)


@dataclass(frozen=True)
class _Spent:
    wall: float
    cpu: float


def main(runs: int) -> None:
    """Measure both, each time in a fresh workspace and with fresh processes."""
    print("\n== overhead")
    _share_cores()
    table = _table(ROWS)
    recipes = _recipes(RECIPES)
    spent: dict[str, list[_Spent]] = {"kervan": [], "scikit-learn": []}
    with scratch_space():
        interface, folder = _prepared(table)
        contenders = {
            "kervan": partial(_race, interface, folder, recipes),
            "scikit-learn": partial(_plain, interface.signature, folder, recipes),
        }
        wall = alternating(
            {name: partial(_measured, work, spent[name]) for name, work in contenders.items()}, runs
        )
    title = f"{RECIPES} recipes over {FOLDS} folds of {ROWS:,} rows, {WORKERS} processes"
    show(f"{title}: wall time", wall, "s")
    show(f"{title}: processor time", alternating(_replayed(spent), runs), "s")
    for what in ("wall", "cpu"):
        ours, theirs = (float(np.median([getattr(each, what) for each in spent[name]])) for name in spent)
        note(f"{what}: {ours / theirs - 1:+.1%} beside scikit-learn (goal: less than +5 %)")


def _measured(work: Callable[[], None], spent: list[_Spent]) -> float:
    before, started = _processor(), time.perf_counter()
    work()
    spent.append(_Spent(wall=time.perf_counter() - started, cpu=_processor() - before))
    return spent[-1].wall


def _replayed(spent: dict[str, list[_Spent]]) -> dict[str, Callable[[], float]]:
    """Return for each contender what gives its processor times one after another."""
    return {name: partial(next, iter([each.cpu for each in found])) for name, found in spent.items()}


def _processor() -> float:
    """Return the processor seconds of this process and of all that it started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _table(rows: int) -> pl.DataFrame:
    dice = np.random.default_rng(0)
    numbers = {f"n{place}": dice.normal(size=rows) for place in range(10)}
    texts = {f"c{place}": pl.Series(dice.integers(0, 8, rows)).cast(pl.String) + "." for place in range(4)}
    score = numbers["n0"] + numbers["n1"] * numbers["n2"] + dice.normal(size=rows)
    return pl.DataFrame({**numbers, **texts, "y": np.where(score > 0, "yes", "no")})


def _recipes(count: int) -> dict[str, Recipe]:
    """Return so many recipes by name, of three families in turn."""
    found = []
    for place in range(count):
        family, parameter, values = KINDS[place % len(KINDS)]
        turn = place // len(KINDS)
        found.append(Recipe(family, {parameter: values[turn % len(values)]}))
    return {f"{each.family} {place}": each for place, each in enumerate(found)}


def _prepared(table: pl.DataFrame) -> tuple[Interface, Path]:
    schema = infer_schema(table, DataSettings(target="y"))
    choice = Choice(families=("tree", "linear", "forest"), formats=("onnx",), tolerance=None, seed=0)
    interface = describe.function(table, schema, "y", "classification", choice)
    return interface, encode.function(table, interface, Folds(folds=FOLDS, seed=0))


def _race(interface: Interface, rows: Path, recipes: dict[str, Recipe]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "kervan.toml").write_text(
            '[project]\nname = "overhead"\n[data]\nsource = "-"\ntarget = "y"\n'
        )
        project = open_project(folder)
        try:
            _raced(project, interface, rows, recipes)
        finally:
            project.store.close()


def _raced(project: Project, interface: Interface, rows: Path, recipes: dict[str, Recipe]) -> None:
    ground = Ground(
        rows=save(rows, project.store),
        interface=save(interface, project.store),
        signature=interface.signature,
        metric="roc_auc",
    )
    tracker = Tracker(project.store, "overhead", folder=project.config.folder, parameters={})
    with tracker, Sweep(compare_candidate, project.store, workers=WORKERS) as sweep:
        race = Race(project, tracker, ground, sweep, float("inf"))
        compare_named(race, recipes)
        if len(race.field.ranked("roc_auc")) != len(recipes):
            raise RuntimeError(f"not all were compared: {race.field.findings}")


def _plain(signature: Signature, rows: Path, recipes: dict[str, Recipe]) -> None:
    """Do what a script would: one task for each recipe, over a pool of processes."""
    context = get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        waiting = [pool.submit(_scored, signature, rows, recipe) for recipe in recipes.values()]
        for each in waiting:
            each.result()


def _share_cores() -> None:
    """Give every process of both sides its share; libraries read this when they are loaded."""
    for setting in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(setting, str(max(1, (os.cpu_count() or 1) // WORKERS)))


def _scored(signature: Signature, rows: Path, recipe: Recipe) -> float:
    from sklearn.model_selection import cross_validate

    found: Rows = read_rows(rows)
    made = build(recipe, signature, found.folding.seed)
    told = cross_validate(
        made, np.asarray(found.matrix), found.truth, cv=list(found.folding.found), scoring=_figures
    )
    return float(np.mean(told["test_roc_auc"]))


def _figures(model: Any, matrix: Any, truth: Any) -> dict[str, float]:
    """Score as Kervan does: all figures of one prediction, where names of scikit-learn would ask twice."""
    return scores(Task.CLASSIFICATION, truth, model.predict_proba(matrix))
