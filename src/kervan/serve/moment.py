"""How a server stands at a moment: what its processes hold of the machine, what waits, who is connected."""

from __future__ import annotations

import resource
import time
from contextlib import suppress
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric


@dataclass(frozen=True, slots=True)
class Process:
    """What the system knows of processes: CPU seconds, bytes in memory, open descriptors, since when."""

    cpu: float = 0.0
    memory: int = 0
    descriptors: int = 0
    since: float = inf

    def plus(self, other: Process) -> Process:
        """Return both together."""
        return Process(
            cpu=self.cpu + other.cpu,
            memory=self.memory + other.memory,
            descriptors=self.descriptors + other.descriptors,
            since=min(self.since, other.since),
        )

    def collect(self) -> Iterator[Metric]:
        """Tell it under the names that all servers have."""
        yield CounterMetricFamily("process_cpu_seconds", "User and system CPU time in seconds.", self.cpu)
        yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory in bytes.", self.memory)
        yield GaugeMetricFamily("process_open_fds", "Open file descriptors.", self.descriptors)
        yield GaugeMetricFamily(
            "process_start_time_seconds", "When the server started, seconds since 1970.", self.since
        )


_STARTED = time.time()


def process_now() -> Process:
    """Ask the system about this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    memory = usage.ru_maxrss * 1024
    with suppress(OSError):
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    folder = Path("/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd")
    return Process(
        cpu=usage.ru_utime + usage.ru_stime,
        memory=memory,
        descriptors=sum(1 for _ in folder.iterdir()),
        since=_STARTED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How things stand at this moment: what waits for its turn, who is connected, which processes answer."""

    turn: int = 0
    large: int = 0
    records: int = 0
    connections: int = 0
    processes: int = 0
    ready: int = 0

    def plus(self, other: Now) -> Now:
        """Return both together."""
        return Now(**{entry.name: getattr(self, entry.name) + getattr(other, entry.name) for entry in _NOW})

    def collect(self) -> Iterator[Metric]:
        """Tell it."""
        waiting = GaugeMetricFamily("kervan_waiting", "What waits now, by what it is.", labels=("what",))
        for what, many in (("turn", self.turn), ("large", self.large), ("records", self.records)):
            waiting.add_metric((what,), many)
        yield waiting
        yield GaugeMetricFamily("kervan_connections", "Connections by HTTP that are open.", self.connections)
        yield GaugeMetricFamily("kervan_processes", "Processes of the server that answer.", self.processes)
        yield GaugeMetricFamily("kervan_processes_ready", "Those that can predict and record.", self.ready)


_NOW = fields(Now)
