"""Ingest of a CSV file that does not fit into memory: time, and the most that was resident.

`KERVAN_LARGE_GB` says how large it is, 1 by default; the temporary folder has to hold five times as much.
With `KERVAN_LARGE_PACKED=1` it is packed by zstd, which needs as much room as it is large, and then the
peers are left out: Polars unpacks all of it into memory.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.measure import figure_of, note
from benchmarks.profiles import ran

BLOCK = 250_000
SETTINGS = """\
[project]
name = "large"
[data]
source = "{source}"
target = "y"
protect = {{ email = "hash", age = {{ generalise = 10 }} }}
[[data.steps]]
filter = "n0 < 4"
[[data.steps]]
derive = {{ n8 = "n1 * n2" }}
[[data.checks]]
column = "age"
between = [0, 130]
"""
OURS = """
import sys, time
from pathlib import Path
from kervan.app.ingest import ingest_data
from kervan.app.project import open_project
start = time.perf_counter()
found = ingest_data(open_project(Path(sys.argv[1])))
spent = time.perf_counter() - start
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(spent, int(status["VmHWM"].split()[0]) / 1024, found.rows)
"""
POLARS = """
import sys, time
import polars
start = time.perf_counter()
polars.scan_csv(sys.argv[1]).sink_parquet(sys.argv[2])
spent = time.perf_counter() - start
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(spent, int(status["VmHWM"].split()[0]) / 1024)
"""
DUCKDB = """
import sys, time
import duckdb
start = time.perf_counter()
duckdb.sql("SET memory_limit = '2GB'")
duckdb.sql(f"COPY (FROM read_csv('{sys.argv[1]}')) TO '{sys.argv[2]}' (FORMAT parquet)")
spent = time.perf_counter() - start
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(spent, int(status["VmHWM"].split()[0]) / 1024)
"""


def main(runs: int) -> None:
    """Measure one ingest of a large file, beside programs that only turn it into Parquet."""
    size = float(os.environ.get("KERVAN_LARGE_GB", "1"))
    packed = os.environ.get("KERVAN_LARGE_PACKED") == "1"
    print(f"\n== large: a CSV file of {size:g} GB{', packed by zstd' if packed else ''}")
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch)
        path = folder / ("large.csv.zst" if packed else "large.csv")
        rows = write(path, size * 1e9)
        (folder / "kervan.toml").write_text(SETTINGS.format(source=path), encoding="utf-8")
        ours, memory, kept = ran(sys.executable, OURS, str(folder))
        note(f"kervan: read, hashed, shaped, checked, protected, profiled, split, sealed: {kept:,.0f} rows")
        told("kervan, all of ingest", ours, memory, size)
        peers = () if packed else (("polars, to Parquet", POLARS), ("duckdb, to Parquet", DUCKDB))
        for name, program in peers:
            seconds, memory = ran(sys.executable, program, str(path), str(folder / "peer.parquet"))
            told(name, seconds, memory, size)
        note(f"{rows:,} rows of 21 columns; the peers neither keep the original nor look at anything")


def told(name: str, seconds: float, memory: float, size: float) -> None:
    """Print one line for a table of `size` GB of text."""
    rate = size * 1e3 / seconds
    print(f"  {name:24} {figure_of(seconds):>7} s  {rate:6,.0f} MB/s  {memory:7,.0f} MB resident", flush=True)


def write(path: Path, size: float) -> int:
    """Write rows of every kind until there is so much text, and return how many there are."""
    rows, written = 0, 0
    with pa.output_stream(path, compression="zstd" if path.suffix == ".zst" else None) as file:
        while written < size:
            written += file.write(block(rows).write_csv(include_header=not rows).encode())
            rows += BLOCK
    return rows


def notes(dice: np.random.Generator) -> np.ndarray:
    """Return some free texts of 200 to 1,200 letters."""
    words = [
        f"{a}{b}" for a in ("gel", "sor", "öde", "iptal", "bekle", "ara") for b in ("di", "ecek", "miş", "ir")
    ]
    lengths = dice.integers(30, 160, 2_000)
    return np.array([" ".join(dice.choice(words, length)) for length in lengths])


def block(start: int) -> pl.DataFrame:
    dice = np.random.default_rng(start)
    numbers = dice.normal(size=(8, BLOCK)).round(6)
    cities = np.array([f"şehir {each}" for each in range(81)])
    since = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    ids = np.arange(start, start + BLOCK)
    return pl.DataFrame(
        {
            "id": ids,
            "email": [f"kişi{each * 7919 % 1_000_003}@example.com" for each in ids],
            **{f"n{place}": each for place, each in enumerate(numbers)},
            "age": dice.integers(0, 100, BLOCK),
            "count": dice.poisson(3, BLOCK),
            "zip": [f"{each:05}" for each in dice.integers(1_000, 82_000, BLOCK)],
            "city": cities[dice.integers(0, 81, BLOCK)],
            "kind": np.array(["a", "b", "c"])[dice.integers(0, 3, BLOCK)],
            "flag": dice.integers(0, 2, BLOCK).astype(bool),
            "day": pl.Series(ids % 2000).cast(pl.Int32).cast(pl.Date),
            "at": [since + timedelta(seconds=int(each) * 61) for each in ids],
            "amount": dice.lognormal(3, 1, BLOCK).round(2),
            "note": pl.Series(ids).cast(pl.String) + pl.Series(notes(dice)[dice.integers(0, 2_000, BLOCK)]),
            "y": np.where(numbers[0] + dice.normal(size=BLOCK) > 0, "yes", "no"),
        }
    )
