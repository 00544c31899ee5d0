"""What a server counts, for Prometheus. Labels take few values: routes, statuses, reasons, the models.

Counting is plain arithmetic on lists, a microsecond cheaper for each request than counters with locks: the
event loop counts alone, and only what threads count takes a lock.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from kervan.serve.ledger import Ledger, ModelCounts
from kervan.serve.moment import Now, Process, process_now
from kervan.serve.problem import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric

    from kervan.serve.tally import Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CLOSED = ("full", "idle", "peer")
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Spread:
    """Values counted by the bound below which they lie, as a histogram of Prometheus has them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value, once or several times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def join(self, counts: Sequence[int], total: float) -> None:
        """Add what another one counted."""
        self.counts = [own + other for own, other in zip(self.counts, counts, strict=True)]
        self.total += total

    def buckets(self) -> list[tuple[str, float]]:
        """Return the counts up to each bound."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found

    def quantile(self, share: float) -> float | None:
        """Return the value below which a share of all lies, None where there are none.

        As Prometheus has it: evenly spread between two bounds, and the last one for what is beyond.

        >>> spread = Spread((1.0, 2.0))
        >>> spread.add(0.5), spread.add(1.5)
        (None, None)
        >>> spread.quantile(0.75)
        1.5
        """
        wanted, so_far, lower = share * sum(self.counts), 0, 0.0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            if count and so_far + count >= wanted:
                return lower + (bound - lower) * (wanted - so_far) / count
            so_far, lower = so_far + count, bound
        return lower if any(self.counts) else None


def spread_of(seconds: Iterable[tuple[Sequence[int], float]]) -> Spread:
    """Return times that were counted apart as one spread."""
    spread = Spread(_SECONDS)
    for counts, total in seconds:
        spread.join(counts, total)
    return spread


_Spread = tuple[list[int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one process has counted."""

    requests: list[tuple[str, int, int]]
    seconds: dict[str, _Spread]
    parts: dict[str, _Spread]
    batches: _Spread
    rows: int
    refused: dict[str, int]
    written: int
    failed: int
    closed: dict[str, int]
    models: list[tuple[str, str, ModelCounts]]
    ended: int = 0  # 1 of a process that is gone
    now: Now
    process: Process
    dropped: dict[str, int] = field(default_factory=dict)
    feedback: int = 0


class Metrics:
    """One server's counters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, Spread] = {}
        self._parts = {part: Spread(_SECONDS) for part in ("decode", "wait", "score")}
        self._batches = Spread(_ROWS)
        self._rows = 0
        self._refused = dict.fromkeys(REASONS, 0)  # that all are there at 0 lets the first one be seen
        self._written = self._failed = self._feedback = self._ended = 0
        self._closed: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._ledger = Ledger()
        self._now = Now()
        self._watched: list[Callable[[], Now]] = []
        self._models: Sequence[Sequence[str]] = ()
        self._process = Process()
        self._others: Callable[[], Iterable[Counted]] = tuple

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        spread = self._seconds.get(route)
        if spread is None:
            spread = self._seconds[route] = Spread(_SECONDS)
        spread.add(seconds)

    def add_run(self, rows: int, requests: int, parts: Sequence[float]) -> None:
        """Count a run of the model over rows of some requests.

        `parts` are the seconds that each of them was decoded, waited and scored.
        """
        with self._lock:
            self._rows += rows
            self._batches.add(rows)
            for spread, seconds in zip(self._parts.values(), parts, strict=True):
                spread.add(seconds, requests)

    def refuse(self, reason: str) -> None:
        """Count a request that was not answered."""
        with self._lock:
            self._refused[reason] = self._refused.get(reason, 0) + 1

    def add_written(self, records: int) -> None:
        """Count prediction records that reached the disk."""
        with self._lock:
            self._written += records

    def drop(self, reason: str) -> None:
        """Count a record of which a rule did not let everything be kept."""
        with self._lock:
            self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def add_feedback(self, count: int) -> None:
        """Count labels and rewards that came back."""
        with self._lock:
            self._feedback += count

    def add_failed(self, requests: int) -> None:
        """Count requests that were refused because no record could be taken."""
        with self._lock:
            self._failed += requests

    def add_closed(self, reason: str, connections: int) -> None:
        """Count connections that were closed though nobody had asked for it."""
        self._closed[reason] = self._closed.get(reason, 0) + connections

    def watch(self, look: Callable[[], Now]) -> None:
        """From now on also tell how things stand where `look` looks."""
        self._watched.append(look)

    def watch_models(self, tallies: Callable[[], Iterable[tuple[str, str, Tally]]]) -> None:
        """From now on also tell what each version has answered, of those that `tallies` gives."""
        self._ledger.watch(tallies)

    def name_models(self, models: Sequence[Sequence[str]]) -> None:
        """Tell which models answer from now on: name, version, package, environment, deployment of each."""
        self._models = models
        self._ledger.look()

    def share(self, others: Callable[[], Iterable[Counted]]) -> None:
        """From now on also tell what processes beside this one have counted."""
        self._others = others

    def counted(self) -> Counted:
        """Return all that was counted, to be added to what others have."""
        return Counted(
            requests=[(route, status, count) for (route, status), count in self._requests.items()],
            seconds={route: (spread.counts, spread.total) for route, spread in self._seconds.items()},
            parts={part: (spread.counts, spread.total) for part, spread in self._parts.items()},
            batches=(self._batches.counts, self._batches.total),
            rows=self._rows,
            refused=dict(self._refused),
            written=self._written,
            failed=self._failed,
            closed=dict(self._closed),
            models=self._ledger.counts(),
            now=reduce(Now.plus, (look() for look in self._watched), Now()),
            process=process_now(),
            dropped=dict(self._dropped),
            feedback=self._feedback,
        )

    def all_counted(self) -> Iterator[Counted]:
        """Return what each process of the server has counted."""
        yield self.counted()
        yield from self._others()

    def exposition(self) -> bytes:
        """Write all metrics in Prometheus' text format, over all processes of the server."""
        total = Metrics()
        total.name_models(self._models)
        for counted in self.all_counted():
            total.add(counted)
        registry = CollectorRegistry()
        registry.register(total)
        return generate_latest(registry)

    def add(self, counted: Counted) -> None:
        """Add what another process has counted."""
        for route, status, count in counted.requests:
            self._requests[route, status] = self._requests.get((route, status), 0) + count
        for route, (counts, total) in counted.seconds.items():
            self._seconds.setdefault(route, Spread(_SECONDS)).join(counts, total)
        for part, (counts, total) in counted.parts.items():
            self._parts[part].join(counts, total)
        self._batches.join(*counted.batches)
        for reason, count in counted.refused.items():
            self._refused[reason] = self._refused.get(reason, 0) + count
        for reason, count in counted.dropped.items():
            self._dropped[reason] = self._dropped.get(reason, 0) + count
        self._feedback += counted.feedback
        self._rows += counted.rows
        self._written += counted.written
        self._failed += counted.failed
        self._ended += counted.ended
        for reason, count in counted.closed.items():
            self.add_closed(reason, count)
        self._ledger.add(counted.models)
        self._now = self._now.plus(counted.now)
        self._process = self._process.plus(counted.process)

    def collect(self) -> Iterator[Metric]:
        """Tell all of it to a registry."""
        requests = CounterMetricFamily("kervan_requests", "Requests answered.", labels=("route", "status"))
        for (route, status), count in sorted(self._requests.items()):
            requests.add_metric((route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "kervan_request_seconds",
            "Time from the request's head to the end of its answer.",
            labels=("route",),
        )
        for route, spread in sorted(self._seconds.items()):
            seconds.add_metric((route,), spread.buckets(), spread.total)
        yield seconds
        parts = HistogramMetricFamily(
            "kervan_prediction_seconds", "What the time of predictions went into.", labels=("part",)
        )
        for part, spread in self._parts.items():
            parts.add_metric((part,), spread.buckets(), spread.total)
        yield parts
        batches = HistogramMetricFamily("kervan_batch_rows", "Rows that the model scored in one run.")
        batches.add_metric((), self._batches.buckets(), self._batches.total)
        yield batches
        refused = CounterMetricFamily(
            "kervan_refused", "Requests not answered, by reason.", labels=("reason",)
        )
        for reason, count in sorted(self._refused.items()):
            refused.add_metric((reason,), count)
        yield refused
        yield CounterMetricFamily("kervan_rows", "Rows predicted.", self._rows)
        yield CounterMetricFamily(
            "kervan_records_written", "Prediction records that reached the disk.", self._written
        )
        yield CounterMetricFamily(
            "kervan_records_failed",
            "Requests refused because no prediction record could be taken.",
            self._failed,
        )
        dropped = CounterMetricFamily(
            "kervan_records_dropped",
            "Prediction records of which a rule did not let everything be kept.",
            labels=("reason",),
        )
        for reason, count in sorted(self._dropped.items()):
            dropped.add_metric((reason,), count)
        yield dropped
        yield CounterMetricFamily("kervan_feedback", "Labels and rewards that came back.", self._feedback)
        names = ("model", "version", "package", "environment", "deployment")
        models = GaugeMetricFamily("kervan_model_info", "The models that answer.", labels=names)
        for labels in self._models:
            models.add_metric(labels, 1)
        yield models
        yield from self._ledger.collect()
        closed = CounterMetricFamily(
            "kervan_connections_closed", "Connections that the server closed, by reason.", labels=("reason",)
        )
        for reason in CLOSED:
            closed.add_metric((reason,), self._closed.get(reason, 0))
        yield closed
        yield CounterMetricFamily(
            "kervan_processes_ended", "Processes of the server that ended and were replaced.", self._ended
        )
        yield from self._now.collect()
        yield from self._process.collect()
