"""Every strategy forwards and back under constant load: no request fails, none gets a version that was gone.

How long each way takes, and what the slowest requests waited in the second around it, beside quiet seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

import kervan as kv
from benchmarks.release_load import RECORD
from kervan.api.session import Session
from kervan.app.release import stop

CONNECTIONS = 64
ENVIRONMENT = "production"
NAME = "cells"
OLD, NEW = f"{NAME}@1.0.0", f"{NAME}@1.0.1"
VERSIONS = (OLD, NEW)
_WORD = np.dtype([("sent", "<f8"), ("got", "<f8"), ("status", "<u2"), ("version", "u1")])
_QUIET = 2.0  # seconds before the first move
INSIDE = Path(__file__).parent.parent / "tests" / "app" / "inside"
RATE = 200  # requests a second
FAULTS = {
    "everything fails": "fails 1",
    "5 % fail": "fails 0.224",
    "half are slow": "slow 0.5",
}  # asked twice
# What fails is asked once more by itself: 0.224² is 5 %.
_BASELINE = 10.0  # seconds in which the canary is well
_PATIENCE = 180.0
_SLOW = {"every": "1h", "samples": 10**9}  # people promote, not the judge
STRATEGIES: dict[str, dict[str, Any]] = {
    "at-once": {},
    "blue-green": _SLOW,
    "canary": {"steps": [5, 25, 50], **_SLOW},
    "rolling": {},
    "shadow": _SLOW,
    "ab": _SLOW,
    "bandit": _SLOW,
}


@dataclass(frozen=True, slots=True)
class Move:
    """One way: of which strategy, when it began and was done, and who may have answered since then."""

    strategy: str
    began: float
    done: float
    after: frozenset[str]


@dataclass(slots=True)
class Moves:
    """All ways so far, in order; before the first only the old version answers."""

    all: list[Move] = field(default_factory=list)

    def take(self, strategy: str, way: Callable[[], object], after: frozenset[str]) -> None:
        began = time.monotonic()
        way()
        self.all.append(Move(strategy, began, time.monotonic(), after))
        time.sleep(0.05)


def main(runs: int) -> None:
    """Go every way `runs` times, forwards and back, and print what came of all requests."""
    with tempfile.TemporaryDirectory(prefix="kervan-releases-") as scratch:
        folder = Path(scratch)
        with kv.open(folder, progress=False, release={"port": 0, "workers": 2, "replay": 0}) as session:
            row = _two_versions(session)
            endpoint = session.release(OLD, to=ENVIRONMENT, why="the old one").url
            moves = Moves()
            with _loaded(endpoint, row, folder / "requests"):
                time.sleep(_QUIET)
                for _ in range(runs):
                    for strategy, terms in STRATEGIES.items():
                        _forwards_and_back(session, strategy, terms, moves)
                time.sleep(_QUIET)
            stop(session.project, ENVIRONMENT)
            _print(np.fromfile(folder / "requests", dtype=_WORD), moves.all)
    planted(runs)


def planted(runs: int) -> None:
    """Plant faults into a canary of 5 % at 200 requests a second, and print when it was taken back."""
    with tempfile.TemporaryDirectory(prefix="kervan-faults-") as scratch:
        folder = Path(scratch)
        faults = folder / "faults"
        faults.write_text("")
        os.environ |= {"FAULTS": str(faults), "PYTHONPATH": str(INSIDE)}
        with kv.open(folder, progress=False, release={"port": 0, "replay": 0}) as session:
            row = _two_versions(session)
            endpoint = session.release(OLD, to=ENVIRONMENT, why="the old one").url
            with _loaded(endpoint, row, folder / "requests", rate=RATE):
                for name, fault in FAULTS.items():
                    took = [_take_back(session, faults, fault) for _ in range(runs)]
                    seconds = f"{np.median(took):.1f} s (most {max(took):.1f})"
                    print(f"  a canary of 5 % of which {name:<16} was taken back after {seconds}")
            stop(session.project, ENVIRONMENT)


def _take_back(session: Session, faults: Path, fault: str) -> float:
    """Release a canary, let it be faulty from a moment on, and return after how many seconds it was gone."""
    faults.write_text("")
    session.release(
        NEW,
        to=ENVIRONMENT,
        why="a canary",
        again=True,
        strategy="canary",
        steps=[5],
        every="1h",
        samples=10**9,
    )
    time.sleep(_BASELINE)
    began = time.monotonic()
    faults.write_text(f"{NEW} {fault}\n")
    while session.releases()[0].shares != {OLD: 1.0}:
        time.sleep(0.05)
        if time.monotonic() - began > _PATIENCE:
            session.roll_back(ENVIRONMENT, why="not noticed")
            return float("inf")
    return time.monotonic() - began


def _forwards_and_back(session: Session, strategy: str, terms: dict[str, Any], moves: Moves) -> None:
    both, new, old = frozenset(VERSIONS), frozenset({NEW}), frozenset({OLD})
    is_first_whole = strategy in {"at-once", "rolling", "blue-green"}
    meanwhile = new if is_first_whole else old if strategy == "shadow" else both
    moves.take(
        strategy,
        lambda: session.release(NEW, to=ENVIRONMENT, why="forwards", again=True, strategy=strategy, **terms),
        meanwhile,
    )
    if strategy not in {"at-once", "rolling"}:
        moves.take(strategy, lambda: session.promote(ENVIRONMENT, why="forwards"), new)
    moves.take(strategy, lambda: session.roll_back(ENVIRONMENT, why="back"), old)


def _two_versions(session: Session) -> dict[str, Any]:
    """Train two versions of a model of cells, and return a row to ask for."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer(as_frame=True).frame
    for rows in (400, 500):
        data = session.ingest(table.head(rows), target="target", name=NAME)
        session.train(data, name=NAME, families=("boosting",), why="for the benchmark")
    return {name: float(value) for name, value in table.drop(columns="target").iloc[0].items()}


@contextmanager
def _loaded(endpoint: str, row: dict[str, Any], file: Path, *, rate: float = 0.0) -> Iterator[None]:
    """Keep asking from a process of its own."""
    place = urlsplit(endpoint)
    command = [sys.executable, "-m", "benchmarks.release_load", str(place.hostname), str(place.port)]
    command += [json.dumps(row), str(file), str(CONNECTIONS)]
    process = subprocess.Popen(command, env={**os.environ, "VERSIONS": " ".join(VERSIONS), "RATE": str(rate)})
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _print(requests: NDArray[Any], moves: list[Move]) -> None:
    failed = int((requests["status"] != 200).sum())
    wrong = _wrong(requests, moves)
    quiet = requests[requests["got"] < moves[0].began]
    usual = _p99(quiet)
    print(f"{len(requests):,} requests over {CONNECTIONS} connections, {len(moves)} moves")
    print(f"  failed {failed}, of a version that was gone {wrong}, p99 before the first move {usual:.2f} ms")
    for strategy in STRATEGIES:
        mine = [each for each in moves if each.strategy == strategy]
        took = np.array([each.done - each.began for each in mine])
        worst = [_p99(_around(requests, each)) for each in mine]
        print(
            f"  {strategy:<10} {len(mine):>4} moves, {np.median(took):.2f} s each (most {took.max():.2f}); "
            f"p99 in the second of a move {np.median(worst) / usual:.1f} × (most {max(worst) / usual:.1f} ×)"
        )


def _wrong(requests: NDArray[Any], moves: list[Move]) -> int:
    """Count answers of a version that answered at no time between the request and its answer."""
    total = int((requests["version"] >= len(VERSIONS)).sum())
    allowed = frozenset({OLD})
    began = 0.0
    for each, following in zip([None, *moves], [*moves, None], strict=True):
        if each is not None:
            allowed, began = each.after, each.done
        until = following.began if following is not None else np.inf
        inside = requests[(requests["sent"] > began) & (requests["got"] < until)]
        for place, version in enumerate(VERSIONS):
            if version not in allowed:
                total += int((inside["version"] == place).sum())
    return total


def _around(requests: NDArray[Any], move: Move) -> NDArray[Any]:
    middle = (move.began + move.done) / 2
    return requests[(requests["got"] > middle - 0.5) & (requests["got"] < middle + 0.5)]


def _p99(requests: NDArray[Any]) -> float:
    """Return the 99th percentile of the times in milliseconds."""
    return float(np.quantile(requests["got"] - requests["sent"], 0.99) * 1000) if len(requests) else 0.0


assert RECORD.size == _WORD.itemsize
