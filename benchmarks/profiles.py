"""Whole profiles of tables that pass in batches: CPU seconds and memory, each in a process of its own.

With `KERVAN_YDATA` set to a Python that has ydata-profiling, its time on a part of the table is shown beside.
`KERVAN_WIDE_MILLIONS=3` adds a table of 3 million rows and 1,000 columns, which takes 20 GB of disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from benchmarks.measure import alternating, figure_of, note, show

MILLION = 1_000_000
PEER_ROWS = 100_000
WIDE_ROWS = 100_000

OURS = """
import sys, time
from pathlib import Path
from kervan.data.profile import profile
start = time.process_time()
found = profile(Path(sys.argv[1]), None, "y")
spent = time.process_time() - start
# Not from getrusage: there the memory of the process that started this one counts too.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
memory = int(status["VmHWM"].split()[0]) / 1024
print(spent, memory, found.rows)
"""
PEERS = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import pandas
from ydata_profiling import ProfileReport
table = pandas.read_parquet(sys.argv[1])
start = time.process_time()
ProfileReport(table, minimal=sys.argv[2] == "minimal", progress_bar=False).to_json()
print(time.process_time() - start)
"""


def main(runs: int) -> None:
    """Measure whole profiles of Parquet files."""
    print("\n== profiles")
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch)
        for millions in (1, 10):
            path = write(folder / f"{millions}.parquet", millions)
            cost(f"whole profile of {millions} M x 20, from Parquet", path)
        for columns in (10, 100, 1000):
            cost(f"whole profile of 100,000 x {columns:,}", wide(folder / f"wide{columns}.parquet", columns))
        if millions := int(os.environ.get("KERVAN_WIDE_MILLIONS", "0")):
            path = wide(folder / "wide.parquet", 1_000, millions * MILLION // WIDE_ROWS)
            cost(f"whole profile of {millions} M x 1,000", path)
        beside(folder, runs)


def cost(title: str, path: Path) -> None:
    """Print CPU seconds and peak memory of one profile."""
    seconds, memory, rows = ran(sys.executable, OURS, str(path))
    each = f"{seconds / rows * MILLION:.2f} s for a million rows"
    print(f"  {title:44} {figure_of(seconds):>6} s CPU ({each}), {memory:,.0f} MB resident", flush=True)


def beside(folder: Path, runs: int) -> None:
    """Compare with ydata-profiling, where there is one."""
    python = os.environ.get("KERVAN_YDATA", "")
    if not python:
        note("Skipped: ydata-profiling. Set KERVAN_YDATA to a Python that has it.")
        return
    path = folder / "part.parquet"
    rows(PEER_ROWS, 0).write_parquet(path)
    contenders = {
        "kervan": lambda: ran(sys.executable, OURS, str(path))[0],
        "ydata-profiling, minimal": lambda: ran(python, PEERS, str(path), "minimal")[0],
        "ydata-profiling, whole": lambda: ran(python, PEERS, str(path), "whole")[0],
    }
    show(
        f"whole profile of {PEER_ROWS:,} x 20, the peer's imports left out",
        alternating(contenders, min(runs, 2)),
        "s CPU",
    )


def ran(python: str, code: str, *arguments: str) -> list[float]:
    """Run some code and return the figures in the last line that it prints."""
    done = subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return [float(each) for each in done.stdout.splitlines()[-1].split()]


def write(path: Path, millions: int) -> Path:
    """Write a table of so many million rows, never more than one million in memory."""
    parts = [path.with_suffix(f".{place}") for place in range(millions)]
    for place, part in enumerate(parts):
        rows(MILLION, place).write_parquet(part, row_group_size=1 << 17)
    pl.scan_parquet(parts).sink_parquet(path, row_group_size=1 << 17)
    for part in parts:
        part.unlink()
    return path


def rows(size: int, place: int) -> pl.DataFrame:
    """Return twenty columns of all kinds; numbers go on from the table before."""
    dice = np.random.default_rng(place)
    columns: dict[str, object] = {"id": np.arange(size) + place * size}
    columns |= {f"normal{each}": dice.normal(size=size) for each in range(4)}
    for each in range(3):
        gaps = dice.random(size) < 0.05
        columns[f"income{each}"] = pl.Series(dice.lognormal(size=size)).set(pl.Series(gaps), None)
    columns |= {f"count{each}": dice.poisson(3 + each, size) for each in range(3)}
    columns["amount"] = np.round(dice.gamma(2, 50, size), 2)
    for each in range(4):
        columns[f"class{each}"] = (
            pl.Series(dice.integers(0, 5 * (each + 1) ** 3, size)).cast(pl.String) + " şehir"
        )
    columns["code"] = pl.Series(dice.integers(0, MILLION, size)).cast(pl.String)
    columns["flag"] = dice.random(size) < 0.3
    columns["day"] = pl.Series(dice.integers(0, 3000, size)).cast(pl.Int32).cast(pl.Date)
    columns["y"] = pl.Series(dice.integers(0, 2, size)).cast(pl.String)
    return pl.DataFrame(columns)


def wide(path: Path, columns: int, blocks: int = 1) -> Path:
    """Write blocks of 100,000 rows of many columns, one of five a category."""
    writer: pq.ParquetWriter | None = None
    for block in range(blocks):
        dice = np.random.default_rng(block)
        made = {
            f"s{place}": dice.normal(size=WIDE_ROWS)
            if place % 5
            else pl.Series(dice.integers(0, 10, WIDE_ROWS)).cast(pl.String)
            for place in range(columns - 1)
        }
        target = pl.Series(dice.integers(0, 2, WIDE_ROWS)).cast(pl.String)
        table = pl.DataFrame({**made, "y": target}).to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=1 << 15)
    if writer is not None:
        writer.close()
    return path
