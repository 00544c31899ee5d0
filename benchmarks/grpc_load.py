"""Asks a server by gRPC for some seconds, and prints the calls a second and the server's CPU time for each.

python -m benchmarks.grpc_load ADDRESS PACKAGE STREAMS SECONDS [PID [KEY]]: one row, `ModelInfer` of the Open
Inference Protocol, STREAMS calls under way at any time over a channel for each 16 of them. PACKAGE is a
folder whose first sample is asked for, PID the server's process, KEY what it is opened with.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import grpc.aio
import uvloop

from kervan.serve.rpc.messages import message

METHOD = "/inference.GRPCInferenceService/ModelInfer"
CALLS_OF_A_CHANNEL = 16
MEMBERS = {
    bool: ("BOOL", "bool_contents"),
    int: ("INT64", "int64_contents"),
    float: ("FP64", "fp64_contents"),
}


def request_for(row: dict[str, Any], name: str) -> bytes:
    """Write the request for one row."""
    found = message("inference.ModelInferRequest")(model_name=name)
    for column, value in row.items():
        datatype, member = MEMBERS.get(type(value), ("BYTES", "bytes_contents"))
        tensor = found.inputs.add(name=column, datatype=datatype, shape=[1])
        getattr(tensor.contents, member).append(value.encode() if isinstance(value, str) else value)
    return bytes(found.SerializeToString())


async def main(
    address: str, request: bytes, streams: int, seconds: float, pid: int | None, key: str
) -> dict[str, float]:
    channels = [
        grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        for _ in range(-(-streams // CALLS_OF_A_CHANNEL))
    ]
    metadata = (("authorization", f"Bearer {key}"),) if key else ()
    calls = [
        partial(channels[place % len(channels)].unary_unary(METHOD), metadata=metadata)
        for place in range(streams)
    ]
    await asyncio.gather(*(ask(call, request, time.perf_counter() + 0.5, []) for call in calls))
    times: list[float] = []
    before, started = cpu_of(pid), time.perf_counter()
    await asyncio.gather(*(ask(call, request, started + seconds, times) for call in calls))
    took = time.perf_counter() - started
    cpu = cpu_of(pid) - before
    await asyncio.gather(*(channel.close() for channel in channels))
    times.sort()
    return {
        "calls_a_second": len(times) / took,
        "cpu_us_a_call": 1e6 * cpu / len(times),
        "p50_ms": 1e3 * times[len(times) // 2],
        "p99_ms": 1e3 * times[len(times) * 99 // 100],
    }


async def ask(call: Any, request: bytes, until: float, times: list[float]) -> None:
    now = time.perf_counter()
    while now < until:
        await call(request)
        then, now = now, time.perf_counter()
        times.append(now - then)


def cpu_of(pid: int | None) -> float:
    """Return the CPU time of a process in seconds, on Linux."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    manifest = json.loads((Path(sys.argv[2]) / "manifest.json").read_text(encoding="utf-8"))
    body = request_for(manifest["samples"][0], manifest["name"])
    measured = main(
        sys.argv[1],
        body,
        int(sys.argv[3]),
        float(sys.argv[4]),
        int(sys.argv[5]) if len(sys.argv) > 5 else None,
        sys.argv[6] if len(sys.argv) > 6 else "",
    )
    print(json.dumps({name: round(value, 2) for name, value in uvloop.run(measured).items()}))
