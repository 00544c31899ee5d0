"""Tables of a million rows: profile, checks, split, drift; beside what their libraries offer themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import ks_2samp
from sklearn.model_selection import train_test_split

from benchmarks.measure import alternating, note, show, timed
from kervan.core.checking import Check
from kervan.core.config import DataSettings, SplitSettings, WatchSettings
from kervan.data.columns import infer_schema
from kervan.data.profile import profile
from kervan.data.split import assign, split
from kervan.data.validate import validate
from kervan.monitor.drift import drift

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 1_000_000
ASKED = 100_000
NUMBERS = 14
CATEGORIES = 6


def main(runs: int) -> None:
    """Measure what happens to a table before and after training."""
    print("\n== data")
    table = make_table(ROWS, seed=0)
    checks = [Check(column=f"n{place}", between=(-100, 100)) for place in range(5)]
    checks += [Check(column=f"c{place}", missing_at_most=0.2) for place in range(CATEGORIES - 1)]
    settings = DataSettings(target="y", checks=tuple(checks))
    schema = infer_schema(table, settings)

    show(
        f"profile {ROWS:,} x {table.width} (moments, quantiles, histograms, frequent values)",
        alternating(
            {"kervan": once(lambda: profile(table, schema, "y")), "polars describe()": once(table.describe)},
            runs,
        ),
        "s",
    )
    show(
        f"check {ROWS:,} x {table.width}: ten rules, duplicates, empty and constant columns, leaks",
        alternating(
            {
                "kervan": once(lambda: validate(table, settings)),
                "polars, ten rules": once(lambda: ten_rules(table)),
                "polars, duplicates": once(table.n_unique),
            },
            runs,
        ),
        "s",
    )
    show(
        f"split {ROWS:,} x {table.width} into three parts",
        alternating(
            {
                "kervan, by content": once(lambda: split(table, assign(table, SplitSettings()))),
                "sklearn, at random": once(lambda: at_random(table)),
            },
            runs,
        ),
        "s",
    )
    before = profile(table[:ASKED], schema, "y")
    asked = make_table(ASKED, seed=1).drop("y")
    rows = asked.to_dicts()
    names = [f"n{place}" for place in range(NUMBERS)]
    show(
        f"drift of {ASKED:,} x {asked.width} logged rows",
        alternating(
            {
                "kervan, all columns": once(
                    lambda: drift(before, rows, WatchSettings(), schema.without("y"))
                ),
                "scipy, numbers only": once(
                    lambda: [ks_2samp(table[name][:ASKED], asked[name], method="asymp") for name in names]
                ),
            },
            runs,
        ),
        "s",
    )
    note("Kervan reads rows as they were logged; SciPy gets ready columns and the training data itself.")
    note("Skipped: ydata-profiling, Great Expectations, Evidently: each wants an environment of about a GB.")


def make_table(rows: int, seed: int) -> pl.DataFrame:
    dice = np.random.default_rng(seed)
    numbers = {f"n{place}": dice.normal(size=rows) for place in range(NUMBERS)}
    texts = {
        f"c{place}": pl.Series(dice.integers(0, 5 * (place + 1), rows)).cast(pl.String) + " şehir"
        for place in range(CATEGORIES - 1)
    }
    return pl.DataFrame({**numbers, **texts, "y": pl.Series(dice.integers(0, 2, rows)).cast(pl.String) + "."})


def ten_rules(table: pl.DataFrame) -> pl.DataFrame:
    numbers = [(~pl.col(f"n{place}").is_between(-100, 100)).sum() for place in range(5)]
    texts = [pl.col(f"c{place}").null_count() for place in range(CATEGORIES - 1)]
    return table.select([*numbers, *texts])


def at_random(table: pl.DataFrame) -> list[pl.DataFrame]:
    train, rest = train_test_split(np.arange(table.height), test_size=0.2, random_state=0)
    validation, test = train_test_split(rest, test_size=0.5, random_state=0)
    return [table[part] for part in (train, validation, test)]


def once(work: Callable[[], object]) -> Callable[[], float]:
    def measured() -> float:
        with timed() as watch:
            work()
        return watch.seconds

    return measured
