"""Kervan's server beside others with the same model, the limit of Python, and nginx with a static file."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import FASTAPI, NGINX, contenders
from benchmarks.goals import show_goals
from benchmarks.load import GRPC, Case, Failed, measure_turn
from benchmarks.measure import figure_of, machine, note
from benchmarks.peers import CACHE, version_of
from benchmarks.served_model import ROWS, Model, make_model
from kervan.package.quick.kernel import library

Turn = dict[str, dict[str, float]]  # of each case its figures

CASES = [Case(connections, rows) for rows in (1, ROWS) for connections in (1, 8, 64)]
QUICK = [Case(1, 1), Case(64, 1), Case(8, ROWS)]
_PEERS = ("fastapi", "mlflow-serving", "bentoml", "mlserver", "litserve", "ray")
_COLUMNS = {"a_second": "a second", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "cpu_us": "CPU µs"}
_START = {
    "seconds": "seconds",
    "cpu_seconds": "CPU s",
    "memory_mb": "MB then",
    "memory_after_mb": "MB at the end",
}


def main(
    runs: int,
    *,
    family: str = "boosting",
    is_named: bool = False,
    quick: bool = False,
    only: Sequence[str] = (),
    file: Path | None = None,
) -> None:
    """Let servers take turns, each alone on the machine from its start to its end, and show medians."""
    print("\n== serving")
    if shutil.which("wrk") is None:
        note("skipped: wrk is not installed")
        return
    if library() is None:
        note("Kervan's compiled sum of trees is not there: ONNX Runtime does its work")
    cases, seconds = (QUICK, 2) if quick else (CASES, 4)
    where = machine()
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="model-") as scratch:
        model = make_model(family, Path(scratch), is_named=is_named)
        turns = _take_turns(model, Path(scratch), (cases, seconds, runs, only))
    found = {name: _medians(each) for name, each in turns.items()}
    _show(found, cases)
    show_goals(found)
    print()
    note(f"model: {family}, {len(model.names)} columns; {seconds} s a case after a warm-up, by keep-alive,")
    note("with one thread of wrk on the same cores. CPU time and memory are of all processes of a server;")
    note("what several share counts for each. Kervan always checks types, records on disk, counts metrics.")
    note(f"scikit-learn gets {'tables with names' if is_named else 'matrices, the quickest that it takes'}.")
    versions = {peer.partition("-")[0]: version_of(peer) for peer in _PEERS}
    note(", ".join(f"{peer} {version}" for peer, version in versions.items() if version))
    if file is not None:
        whole = {
            "where": where,
            "model": family,
            "named": is_named,
            "seconds": seconds,
            "versions": versions,
            "medians": found,
            "turns": turns,
        }
        file.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")


def _take_turns(
    model: Model, scratch: Path, plan: tuple[list[Case], int, int, Sequence[str]]
) -> dict[str, list[Turn]]:
    """Measure each server once in every round; one that fails is named and left out."""
    cases, seconds, runs, only = plan
    left = contenders(model, scratch, only)
    all_turns: dict[str, list[Turn]] = {each.name: [] for each in left}
    for number in range(runs):
        for contender in list(left):
            print(f"  round {number + 1} of {runs}: {contender.name}", flush=True)
            try:
                turn = measure_turn(contender, model, cases, seconds, CACHE)
            except (Failed, OSError) as failure:
                note(f"skipped: {contender.name}: {failure}")
                left.remove(contender)
            else:
                all_turns[contender.name].append(turn)
    return {name: turns for name, turns in all_turns.items() if turns}


def _medians(turns: list[Turn]) -> Turn:
    return {
        case: {figure: statistics.median(turn[case][figure] for turn in turns) for figure in figures}
        for case, figures in turns[0].items()
    }


def _show(found: dict[str, Turn], cases: list[Case]) -> None:
    for case in [*map(str, cases), GRPC]:
        measured = {name: figures[case] for name, figures in found.items() if case in figures}
        if measured:
            _table(case, measured, _COLUMNS, beside=[NGINX, FASTAPI])
    _table("start to first answer", {name: each["start"] for name, each in found.items()}, _START)


def _table(title: str, rows: Turn, columns: dict[str, str], *, beside: Sequence[str] = ()) -> None:
    """Print a table; beside whom a row stands, it says how many times as many it answers."""
    others = [name for name in beside if name in rows]
    heads = [*columns.values(), *(f"× {name.split()[0].strip(',')}" for name in others)]
    width = max(map(len, rows), default=0)
    print(f"\n{title}\n  {'':<{width}}" + "".join(f"{head:>15}" for head in heads))
    for name, figures in rows.items():
        cells = [figure_of(figures[column]) for column in columns]
        cells += [f"{figures['a_second'] / rows[other]['a_second']:.3g}" for other in others]
        print(f"  {name:<{width}}" + "".join(f"{cell:>15}" for cell in cells))
