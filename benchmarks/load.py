"""One turn of one server: from its start to its end, with everything that is asked of it between."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from benchmarks.contenders import Contender, Place
from benchmarks.grpc_load import METHOD, request_for
from benchmarks.processes import Tree, free_port, started
from benchmarks.served_model import MODEL, ROWS, Model
from kervan.serve.rpc.messages import message

HERE = Path(__file__).parent
TOLERANCE = 1e-5
STREAMS = 64
GRPC = f"1 row a call by gRPC, {STREAMS} streams"
_SECONDS_TO_START = 120.0
_FINAL = {400, 401, 403, 405, 415, 422}  # what is refused so will be refused again
_WARM = 1.0  # seconds before a case is measured
# One process gets one core, and no model more threads than that.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


class Failed(Exception):
    """A server did not start, answered wrongly, or refused."""


@dataclass(frozen=True, slots=True)
class Case:
    """How a server is asked."""

    connections: int
    rows: int

    def __str__(self) -> str:
        return f"{_count(self.rows, 'row')} a request, {_count(self.connections, 'connection')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}"


def measure_turn(
    contender: Contender, model: Model, cases: Sequence[Case], seconds: int, cache: Path
) -> dict[str, dict[str, float]]:
    """Start a server, check its answers, ask it all cases, and end it; figures by case."""
    with tempfile.TemporaryDirectory(dir=cache, prefix="run-") as scratch:
        place = Place(Path(scratch), free_port(), free_port())
        command = contender.command(place)
        began = time.perf_counter()
        with started(command, place.folder, {**_ENVIRONMENT, **contender.environment}) as tree:
            _await_answer(contender, model, place, tree)
            start = {
                "seconds": time.perf_counter() - began,
                "cpu_seconds": tree.cpu_seconds(),
                "memory_mb": tree.memory_mb(),
            }
            found = {"start": start}
            if contender.speaks_grpc:
                found[GRPC] = _measure_grpc(contender, model, place, tree, seconds)
            else:
                _check(contender, model, place, ROWS)
                found |= {str(case): _measure_case(contender, case, seconds, place, tree) for case in cases}
            start["memory_after_mb"] = tree.memory_mb()
            return found


def _await_answer(contender: Contender, model: Model, place: Place, tree: Tree) -> None:
    """Ask again and again until a row is answered."""
    check = _check_grpc if contender.speaks_grpc else _check
    until = time.monotonic() + _SECONDS_TO_START
    why = ""
    while time.monotonic() < until:
        try:
            return check(contender, model, place, 1)
        except HTTPError as error:
            why = str(error)
            if error.code in _FINAL:
                break
        except OSError as error:
            why = str(error)
        if tree.process.poll() is not None:
            why = "it ended"
            break
        time.sleep(0.01)
    log = tree.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise Failed(f"no answer: {why}; its log ends: {' / '.join(log[-3:])}")


def _check(contender: Contender, model: Model, place: Place, rows: int) -> None:
    """Compare an answer with that of scikit-learn."""
    request = contender.requests[rows]
    headers = {"content-type": "application/json"} if request.body else {}
    if contender.key:
        headers["authorization"] = f"Bearer {contender.key}"
    asked = HttpRequest(_url(place, request.path), data=request.body or None, headers=headers)
    with urlopen(asked, timeout=30) as reply:
        answer: Any = json.load(reply)
    try:
        found = contender.read(answer)
    except (KeyError, IndexError, TypeError) as error:
        raise Failed(f"another answer than expected: {str(answer)[:200]}") from error
    _compare(found, model.expected[:rows])


def _check_grpc(contender: Contender, model: Model, place: Place, rows: int) -> None:
    """Compare the answer to a call by gRPC."""
    import grpc

    request = request_for(model.named(rows)[0], MODEL)
    metadata = (("authorization", f"Bearer {contender.key}"),) if contender.key else ()
    with grpc.insecure_channel(f"127.0.0.1:{place.grpc_port}") as channel:
        try:
            answer = channel.unary_unary(METHOD)(request, metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            raise OSError(str(error.details())) from error
    tensors = message("inference.ModelInferResponse").FromString(answer).outputs
    scores = [[*tensor.contents.fp64_contents, *tensor.contents.fp32_contents] for tensor in tensors]
    _compare([row[1] for row in scores if len(row) == 2], model.expected[:rows])


def _compare(found: list[float], expected: list[float]) -> None:
    if len(found) != len(expected):
        raise Failed(f"{len(found)} answers to {len(expected)} rows")
    difference = max(abs(one - other) for one, other in zip(found, expected, strict=True))
    if difference > TOLERANCE:
        raise Failed(f"its answers differ from those of scikit-learn by {difference:.2g}")


def _measure_case(
    contender: Contender, case: Case, seconds: int, place: Place, tree: Tree
) -> dict[str, float]:
    _ask(contender, case, _WARM, place)
    _settle(tree)
    before = tree.cpu_seconds()
    found = _ask(contender, case, seconds, place)
    cpu = tree.cpu_seconds() - before
    _settle(tree)
    return {
        "a_second": found["requests"] / found["seconds"],
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "cpu_us": 1e6 * cpu / max(found["requests"], 1),
    }


def _settle(tree: Tree) -> None:
    """Wait some seconds at most until nothing is left to do of what was asked before."""
    for _ in range(15):
        before = tree.cpu_seconds()
        time.sleep(0.2)
        if tree.cpu_seconds() - before < 0.03:
            return


def _ask(contender: Contender, case: Case, seconds: float, place: Place) -> dict[str, float]:
    """Let wrk ask; a request that is refused, or that fails, fails the server."""
    request = contender.requests[case.rows]
    body = place.folder / "body.json"
    body.write_bytes(request.body)
    command = [
        *("wrk", "-t1", f"-c{case.connections}", f"-d{seconds:.0f}s", "--timeout", "30s"),
        *("-s", str(HERE / "ask.lua"), _url(place, request.path)),
        *("--", str(body) if request.body else "", contender.key),
    ]
    said = subprocess.run(command, capture_output=True, check=False, text=True)
    if said.returncode:
        raise Failed(f"wrk: {said.stderr.strip()}")
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    if found["refused"] or found["failed"] or not found["requests"]:
        raise Failed(f"{case}: {found}")
    return found


def _measure_grpc(
    contender: Contender, model: Model, place: Place, tree: Tree, seconds: int
) -> dict[str, float]:
    command = [
        *(sys.executable, "-m", "benchmarks.grpc_load", f"127.0.0.1:{place.grpc_port}", str(model.package)),
        *(str(STREAMS), str(seconds), str(tree.process.pid), contender.key),
    ]
    said = subprocess.run(command, cwd=HERE.parent, capture_output=True, check=False, text=True)
    if said.returncode:
        raise Failed(f"gRPC: {said.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    return {
        "a_second": found["calls_a_second"],
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "cpu_us": found["cpu_us_a_call"],
    }


def _url(place: Place, path: str) -> str:
    return f"http://127.0.0.1:{place.port}{path}"
