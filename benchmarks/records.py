"""A million records of predictions: written, compacted, found by their ids, read by others."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from benchmarks.measure import note, timed
from kervan.app.compacted import About, all_segments, any_lines, compact, find_any, read_any
from kervan.serve.chain import check_segment
from kervan.serve.record import find_among, merged, segments
from kervan.serve.recorder import Recorder

MANY = 1_000_000
AT_ONCE = 64  # in one turn of the loop
LOOKED_FOR = 20


def main(runs: int) -> None:
    """Measure the life of a million records."""
    print(f"\n== {MANY:,} records of predictions")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ids = _written(folder)
        size = sum(segment.path.stat().st_size for segment in segments(folder))
        note(f"{len(segments(folder))} files, {size / 1e6:,.0f} MB of lines")
        wanted = random.Random(0).sample(ids, LOOKED_FOR)
        _find(folder, wanted, "lines")
        with timed() as watch:
            for segment in segments(folder):
                compact(segment, _unheard)
        small = sum(segment.path.stat().st_size for segment in all_segments(folder))
        note(f"compact: {watch.seconds:.1f} s, to {small / 1e6:,.0f} MB ({size / small:.1f} x smaller)")
        _find(folder, wanted, "Parquet")
        with timed() as watch:
            count = sum(1 for _ in merged(all_segments(folder), read_any))
        note(f"read all {count:,} in order: {watch.seconds:.1f} s")
        with timed() as watch:
            after = ""
            for segment in all_segments(folder):
                seen = check_segment(segment, any_lines(segment), {}, after=after)
                after = seen.last
        note(f"check the chain of all: {watch.seconds:.1f} s")
        _ask_others(folder, wanted[0], runs)


def _written(folder: Path) -> list[str]:
    """Write the records as a server does, and return their ids."""
    recorder = Recorder(folder)
    dice = random.Random(1)
    head = (
        b'"version":4,"environment":"production","deployment":"01JD4Z8Y7W0000000000000000","model":"income@1.2.0",'
        b'"package":"%b","share":1.0,"protocol":"predict","caller":""' % (b"a" * 64)
    )
    ids: list[str] = []
    taken = 0.0
    with timed() as watch:
        for _ in range(MANY // AT_ONCE):
            rests = [_record(head, dice) for _ in range(AT_ONCE)]
            started = time.perf_counter()
            ids += recorder.extend(rests, AT_ONCE)
            taken += time.perf_counter() - started
            if len(ids) % 100_000 < AT_ONCE:
                recorder.flush()
        recorder.close()
    note(f"write: {watch.seconds:.1f} s, of which {1e6 * taken / len(ids):.2f} µs each hold up an answer")
    return ids


def _record(head: bytes, dice: random.Random) -> bytes:
    age, hours, gain = dice.randrange(17, 90), dice.randrange(1, 99), dice.random()
    city = (b"Ankara", b"Izmir", b"Van")[age % 3]
    return (
        b'%b,"time":%.6f,"decode":0.0000041,"wait":0.0000000,"score":0.0000007,"seconds":0.0000310,"request":"",'
        b'"trace":"","inputs":[{"age":%d,"city":"%b","hours":%d,"gain":%.4f}],"entity":"C-%d",'
        b'"outputs":[{"label":"<=50K","probabilities":{"<=50K":%.6f,">50K":%.6f}}]}'
        % (head, time.time(), age, city, hours, gain, dice.randrange(100_000), gain, 1 - gain)
    )


def _find(folder: Path, wanted: list[str], form: str) -> None:
    times = []
    for ident in wanted:
        with timed() as watch:
            found = find_among(all_segments(folder), ident, find_any)
        assert found is not None
        assert found.id == ident
        times.append(watch.seconds)
    times.sort()
    middle, worst = (1e3 * times[place] for place in (len(times) // 2, -1))
    note(f"find one by its id among {form}: {middle:.1f} ms, at most {worst:.1f}")


def _ask_others(folder: Path, ident: str, runs: int) -> None:
    import polars as pl

    with timed() as watch:
        found = (
            pl.scan_parquet(folder / "*.parquet").group_by("model").agg(pl.len(), pl.col("seconds").mean())
        )
        assert found.collect()["len"].sum() == MANY // AT_ONCE * AT_ONCE
    note(f"Polars, count by model: {watch.seconds:.2f} s")
    try:
        import duckdb
    except ImportError:
        note("duckdb is not installed")
        return
    places = f"'{folder}/*.parquet'"
    with timed() as watch:
        duckdb.sql(f"SELECT inputs->0->>'city', count(*) FROM {places} GROUP BY 1").fetchall()
    note(f"DuckDB, count by a column of the JSON: {watch.seconds:.2f} s")
    with timed() as watch:
        rows = duckdb.sql(f"SELECT model FROM {places} WHERE id = '{ident}'").fetchall()
        assert len(rows) == 1
    note(f"DuckDB, one by its id: {1e3 * watch.seconds:.0f} ms")


def _unheard(about: About, digest: str) -> None:
    """Nobody keeps a trail here."""


if __name__ == "__main__":
    main(1)
