"""What a server counts, for Prometheus. Labels take few values: routes, statuses, reasons, the models.

Counting is plain arithmetic on lists, a microsecond cheaper for each request than counters with locks: the
event loop counts alone, and only what threads count takes a lock.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
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

    def buckets(self) -> list[tuple[str, float]]:
        """Return the counts up to each bound."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


class Metrics:
    """One server's counters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, Spread] = {}
        self._parts = {part: Spread(_SECONDS) for part in ("decode", "wait", "score")}
        self._batches = Spread(_ROWS)
        self._rows = 0
        self._refused: dict[str, int] = {}
        self._written = self._failed = 0
        self._models: Sequence[Sequence[str]] = ()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

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

    def add_failed(self, requests: int) -> None:
        """Count requests that were refused because no record could be taken."""
        with self._lock:
            self._failed += requests

    def name_models(self, models: Sequence[Sequence[str]]) -> None:
        """Tell which models answer from now on: name, version, package, environment, deployment of each."""
        self._models = models

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
        names = ("model", "version", "package", "environment", "deployment")
        models = GaugeMetricFamily("kervan_model_info", "The models that answer.", labels=names)
        for labels in self._models:
            models.add_metric(labels, 1)
        yield models

    def exposition(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
