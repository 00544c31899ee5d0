"""What Kervan's server, with keys, records, metrics and checks, is to reach beside others in the same run."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.contenders import BARE_GRPC, FASTAPI, KERVAN_GRPC, KERVAN_KEYS, KERVAN_TWO, NGINX, PEERS
from benchmarks.load import GRPC, Case
from benchmarks.served_model import ROWS

_Figures = dict[str, dict[str, dict[str, float]]]
_MANY, _LONE, _TABLE = str(Case(64, 1)), str(Case(1, 1)), str(Case(8, ROWS))


def show_goals(found: _Figures) -> None:
    """Print each goal with what was measured."""
    if KERVAN_KEYS not in found:
        return
    print(f"\ngoals, for {KERVAN_KEYS!r}")
    for goal, value, limit, is_least in _goals(found):
        said = "not measured"
        if value is not None:
            is_reached = value >= limit if is_least else value <= limit
            said = f"{value:,.3g}: {'reached' if is_reached else 'NOT reached'}"
        print(f"  {goal:<62} {'≥' if is_least else '≤'} {limit:<6g} {said}")


def _goals(found: _Figures) -> Iterator[tuple[str, float | None, float, bool]]:
    """Give what is to be reached, the figure, its limit, and whether that is the least or the most."""
    yield "64 connections: times nginx with a static file", _ratio(found, NGINX, _MANY), 0.70, True
    yield f"64 connections: times {FASTAPI}", _ratio(found, FASTAPI, _MANY), 10, True
    for peer in PEERS:
        yield f"64 connections: times {peer}", _ratio(found, peer, _MANY), 300, True
    yield "64 connections: CPU µs a request", _of(found, _MANY, "cpu_us"), 50, False
    yield "1 connection: p50 in ms", _of(found, _LONE, "p50_ms"), 0.15, False
    for peer in PEERS:
        yield f"1 connection: times {peer}", _ratio(found, peer, _LONE), 100, True
    yield "100 rows a request, 8 connections: requests a second", _of(found, _TABLE, "a_second"), 600, True
    for peer in PEERS:
        yield f"100 rows a request, 8 connections: times {peer}", _ratio(found, peer, _TABLE), 12, True
    yield "gRPC, 64 streams: calls a second", _of(found, GRPC, "a_second", KERVAN_GRPC), 4_000, True
    yield f"gRPC, 64 streams: times {BARE_GRPC}", _ratio(found, BARE_GRPC, GRPC, of=KERVAN_GRPC), 1, True
    two = _ratio(found, KERVAN_KEYS, _MANY, of=KERVAN_TWO)
    cores = "" if (os.cpu_count() or 1) > 3 else " (wrk takes one of their cores)"
    yield f"two workers: times one{cores}", two, 1.8, True
    yield "start to first answer: CPU seconds", _of(found, "start", "cpu_seconds"), 0.8, False
    yield "resident memory in MB after the first answer", _of(found, "start", "memory_mb"), 90, False


def _of(found: _Figures, case: str, figure: str, of: str = KERVAN_KEYS) -> float | None:
    return found.get(of, {}).get(case, {}).get(figure)


def _ratio(found: _Figures, other: str, case: str, *, of: str = KERVAN_KEYS) -> float | None:
    ours = found.get(of, {}).get(case)
    theirs = found.get(other, {}).get(case)
    return ours["a_second"] / theirs["a_second"] if ours and theirs else None
