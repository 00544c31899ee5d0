"""What Kervan's server, with keys, records, metrics and checks, is to reach beside others in the same run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.contenders import BARE_GRPC, FASTAPI, KERVAN_GRPC, KERVAN_KEYS, KERVAN_TWO, NGINX, PEERS
from benchmarks.load import GRPC, Case
from benchmarks.measure import figure_of
from benchmarks.served_model import ROWS

_Figures = dict[str, dict[str, dict[str, float]]]
_MANY, _LONE, _TABLE = str(Case(64, 1)), str(Case(1, 1)), str(Case(8, ROWS))


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: `limit` is the least, or the most where `is_most`.

    A `value` of None was not measured.
    `by_cpu` is the same ratio by CPU time for each request, which a busy machine changes less.
    """

    what: str
    limit: float
    value: float | None
    is_most: bool = False
    by_cpu: float | None = None

    def __str__(self) -> str:
        said = "not measured"
        if self.value is not None:
            is_reached = self.value <= self.limit if self.is_most else self.value >= self.limit
            said = f"{figure_of(self.value):>7}: {'reached' if is_reached else 'NOT reached'}"
        beside = "" if self.by_cpu is None else f", by CPU time {figure_of(self.by_cpu)}"
        return f"{self.what:<65} {'≤' if self.is_most else '≥'} {self.limit:<6g}{said}{beside}"


def show_goals(found: _Figures) -> None:
    """Print each goal with what was measured."""
    if KERVAN_KEYS in found:
        print(f"\ngoals, for {KERVAN_KEYS!r}")
        for goal in _goals(found):
            print(f"  {goal}")


def _goals(found: _Figures) -> Iterator[Goal]:
    yield _beside(found, NGINX, _MANY, 0.70)
    yield _beside(found, FASTAPI, _MANY, 10)
    yield from (_beside(found, peer, _MANY, 300) for peer in PEERS)
    yield Goal(f"{_MANY}: CPU µs", 50, _of(found, _MANY, "cpu_us"), is_most=True)
    yield Goal(f"{_LONE}: p50 in ms", 0.15, _of(found, _LONE, "p50_ms"), is_most=True)
    yield from (_beside(found, peer, _LONE, 100) for peer in PEERS)
    yield Goal(f"{_TABLE}: a second", 600, _of(found, _TABLE, "a_second"))
    yield from (_beside(found, peer, _TABLE, 12) for peer in PEERS)
    yield Goal(f"{GRPC}: calls a second", 4_000, _of(found, GRPC, "a_second", KERVAN_GRPC))
    yield _beside(found, BARE_GRPC, GRPC, 1, of=KERVAN_GRPC)
    cores = "" if (os.cpu_count() or 1) > 3 else " (wrk has one of their cores)"
    one, two = (_of(found, _MANY, "a_second", name) for name in (KERVAN_KEYS, KERVAN_TWO))
    yield Goal(f"two workers: × one{cores}", 1.8, two / one if one and two else None)
    yield Goal("start to first answer: CPU seconds", 0.8, _of(found, "start", "cpu_seconds"), is_most=True)
    yield Goal("resident MB after the first answer", 90, _of(found, "start", "memory_mb"), is_most=True)


def _beside(found: _Figures, other: str, case: str, limit: float, of: str = KERVAN_KEYS) -> Goal:
    """Say how many times as many requests are answered as by another."""
    what = f"{case}: × {other}"
    ours, theirs = (found.get(name, {}).get(case) for name in (of, other))
    if ours is None or theirs is None:
        return Goal(what, limit, None)
    by_cpu = theirs["cpu_us"] / ours["cpu_us"] if ours["cpu_us"] else None
    return Goal(what, limit, ours["a_second"] / theirs["a_second"], by_cpu=by_cpu)


def _of(found: _Figures, case: str, figure: str, of: str = KERVAN_KEYS) -> float | None:
    return found.get(of, {}).get(case, {}).get(figure)
