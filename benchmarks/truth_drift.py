"""Is drift seen where it is, and nowhere else?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kervan.core.config import DataSettings, WatchSettings
from kervan.core.nouns import Verdict
from kervan.data.columns import infer_schema
from kervan.data.profile import profile
from kervan.monitor.drift import drift

REFERENCE = 5_000
ROWS = (100, 1_000, 10_000)
COLUMNS = (10, 100)
HEALTHY, MOVED = 40, 5  # tables of each cell, times the runs

_SHARES = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02])
_ZIPF = 1 / np.arange(1, 301) / (1 / np.arange(1, 301)).sum()
Make = Callable[[np.random.Generator, int], NDArray[np.object_]]

# What a healthy table is made of, in turns.
KINDS: tuple[Make, ...] = (
    lambda random, rows: random.normal(size=rows).round(3),
    lambda random, rows: np.where(random.random(rows) < 0.9, 0, random.integers(1, 50, rows)),
    lambda random, rows: np.array([f"v{code}" for code in random.choice(8, rows, p=_SHARES)]),
    lambda random, rows: np.array([f"shop {code}" for code in random.integers(40, size=rows)]),
    lambda random, rows: np.array([f"rare {code}" for code in random.choice(300, rows, p=_ZIPF)]),
)

# What happens to the first column of one kind: its name, the kind, and what the column holds then.
MOVES: tuple[tuple[str, int, Make], ...] = (
    ("number, mean moved by ¼ deviation", 0, lambda random, rows: random.normal(0.25, 1, rows).round(3)),
    ("number, mean moved by 1 deviation", 0, lambda random, rows: random.normal(1, 1, rows).round(3)),
    (
        "number, 10 % beyond the greatest",
        0,
        lambda random, rows: np.where(random.random(rows) < 0.1, 99.0, KINDS[0](random, rows)),
    ),
    (
        "category, two of eight shares swapped",
        2,
        lambda random, rows: np.array(
            [f"v{code}" for code in random.choice(8, rows, p=_SHARES[[1, 0, *range(2, 8)]])]
        ),
    ),
    ("category, all from one of forty", 3, lambda _, rows: np.full(rows, "shop 7")),
    (
        "category, 10 % never seen",
        3,
        lambda random, rows: np.where(random.random(rows) < 0.1, "new", KINDS[3](random, rows)),
    ),
    (
        "category, its rare ones become one unseen",
        4,
        lambda random, rows: np.array(
            [f"rare {code}" if code < 20 else "new" for code in random.choice(300, rows, p=_ZIPF)]
        ),
    ),
)


def main(runs: int) -> None:
    print("\n== drift: of 100 reports, how many have a column that failed + was only warned about")
    heads = [f"{rows:,} × {columns}" for columns in COLUMNS for rows in ROWS]
    print(f"{'rows × columns':44}" + "".join(f"{head:>14}" for head in heads))
    print(
        f"{'no drift: false alarms':44}"
        + "".join(_shown(rows, columns, runs, None) for columns in COLUMNS for rows in ROWS)
    )
    for name, kind, make in MOVES:
        shown = "".join(_shown(rows, columns, runs, (kind, make)) for columns in COLUMNS for rows in ROWS)
        print(f"{name:44}{shown}", flush=True)


def _shown(rows: int, columns: int, runs: int, move: tuple[int, Make] | None) -> str:
    tables = runs * (MOVED if move else HEALTHY)
    failed = warned = 0
    for seed in range(tables):
        random = np.random.default_rng([rows, columns, seed])
        before = _table(random, REFERENCE, columns)
        schema = infer_schema(before, DataSettings())
        now = _table(random, rows, columns)
        if move:
            kind, make = move
            now = now.with_columns(pl.Series(f"c{kind}", make(random, rows)))
        found = drift(profile(before, schema), now.to_dicts(), WatchSettings(), schema)
        judged = [each for each in found.columns if move is None or each.name == f"c{kind}"]
        failed += any(each.verdict is Verdict.FAILED for each in judged)
        warned += any(each.verdict is Verdict.WARNED for each in judged)
    return f"{f'{100 * failed / tables:.1f} + {100 * warned / tables:.1f}':>14}"


def _table(random: np.random.Generator, rows: int, columns: int) -> pl.DataFrame:
    return pl.DataFrame({f"c{place}": KINDS[place % len(KINDS)](random, rows) for place in range(columns)})
