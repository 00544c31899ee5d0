"""The limits of Google's places, from their documentation, as tables that can be edited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kervan.deploy.targets.findings import failed, warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan
    from kervan.deploy.targets.written import Note

_GIB = 1 << 30
# docs.cloud.google.com/run/docs/configuring/services/memory-limits: memory that goes with cores, in GiB
_RUN_MEMORY = {1: (0.125, 4), 2: (0.125, 8), 4: (2, 16), 6: (4, 24), 8: (4, 32)}
_RUN_LEAST = 0.08
_RUN_INSTANCES = 1000
_RUN_NAME = 49
# docs.cloud.google.com/vertex-ai/docs/predictions/configure-compute: GiB for each core
_MACHINES = {"n1-standard": 3.75, "n1-highmem": 6.5, "n1-highcpu": 0.9, "n2-standard": 4, "n2-highmem": 8}
_MACHINES |= {"e2-standard": 4, "e2-highmem": 8, "e2-highcpu": 1, "c2-standard": 4, "c3-standard": 4}
_VERTEX_BODY = 1_500_000
_FLEX_MEMORY = (1.0, 6.5)  # cloud.google.com/appengine/docs/flexible/reference/app-yaml: GB for each core
_FLEX_CORES = 80


def of_cloud_run(note: Note, plan: Plan, concurrency: int) -> Iterator[Finding]:
    """Find what Cloud Run would refuse."""
    if len(note.name) > _RUN_NAME:
        yield failed("name", note.name, "a service's name has 49 letters at most", "shorten the model's name")
    cores = plan.cpu or 1.0
    if cores < 1:
        if cores < _RUN_LEAST:
            yield failed("cpu", "cpu", f"{cores:g} cores are too few", "0.08 at least")
        if concurrency > 1:
            yield failed(
                "cpu", "concurrency", "with less than a core an instance answers one request at a time",
                "concurrency = 1, or cpu = 1",
            )  # fmt: skip
    elif cores not in _RUN_MEMORY:
        yield failed("cpu", "cpu", f"{cores:g} cores cannot be had", "1, 2, 4, 6 or 8, or a part of one")
    least, most = _RUN_MEMORY.get(int(cores) if cores >= 1 else 1, (0.125, 32))
    if plan.memory and not least * _GIB <= plan.memory <= most * _GIB:
        yield failed(
            "memory",
            "memory",
            f"with {cores:g} cores an instance has {least:g} to {most:g} GiB, not {plan.memory / _GIB:.3g}",
            "change memory or cpu; 32 GiB is the most, with 8 cores",
        )
    if max(plan.most_workers, plan.workers) > _RUN_INSTANCES:
        yield failed("instances", "most_workers", "there are 1000 instances at most", "fewer workers")
    yield from _common(plan)
    yield warned("body", "request", "requests over 32 MiB are refused in front of the service")


def _common(plan: Plan) -> Iterator[Finding]:
    if plan.grpc_port is not None:
        yield failed("port", "grpc_port", "an instance has one port", "leave out grpc_port")
    if plan.sticky:
        yield warned("plan", "sticky", "traffic is dealt out by chance: callers do not stay with a version")
    if plan.rule is not None:
        yield failed("plan", "rule", "nobody there looks into rows", "leave out the rule")


def of_vertex(plan: Plan, machine: str) -> Iterator[Finding]:
    """Find what Vertex AI would refuse."""
    match = re.fullmatch(r"([a-z0-9]+-[a-z]+)-([0-9]+)", machine)
    if match is None:
        yield failed("machine", "machine", f"{machine!r} is no type of machine", "such as n1-standard-2")
    elif match[1] in _MACHINES:
        cores, memory = int(match[2]), int(match[2]) * _MACHINES[match[1]] * _GIB
        if plan.cpu > cores or plan.memory > memory:
            yield failed(
                "machine",
                "machine",
                f"{machine} has {cores} cores and {memory / _GIB:g} GiB, less than a replica may take",
                "choose a larger one",
            )
    if plan.workers < 1 or plan.idle:
        yield warned("plan", "idle", "an endpoint keeps one replica at least, also while nobody asks")
    yield from _common(plan)
    yield warned("body", "request", f"requests over {_VERTEX_BODY / 1e6:g} MB are refused")


def of_app_engine(plan: Plan) -> Iterator[Finding]:
    """Find what App Engine's flexible environment would refuse."""
    cores = plan.cpu or 1.0
    if cores != 1 and (cores % 2 or cores > _FLEX_CORES):
        yield failed("cpu", "cpu", f"{cores:g} cores cannot be had", "1, or an even number up to 80")
    least, most = (each * cores - 0.4 for each in _FLEX_MEMORY)
    if plan.memory and not least <= plan.memory / 1e9 <= most:
        yield failed(
            "memory",
            "memory",
            f"with {cores:g} cores an instance has {least:.1f} to {most:.1f} GB, not {plan.memory / 1e9:.3g}",
            "change memory or cpu",
        )
    if not plan.platform:
        yield failed(
            "keys",
            "platform",
            "App Engine mounts no secrets, so that keys cannot be there",
            "put Identity-Aware Proxy in front, and say so: [release] platform = true",
        )
    if plan.idle:
        yield warned("plan", "idle", "one instance stays, also while nobody asks")
    yield from _common(plan)
