"""What a server counts, for Prometheus. Labels take few values: routes, statuses, reasons, the one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from kervan.core.nouns import Serving
    from kervan.package.contents.manifest import Manifest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """One server's counters, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "kervan_requests", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "kervan_request_seconds",
            "Time from the request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.rows = Counter("kervan_rows", "Rows predicted.", registry=self.registry)
        self.refused = Counter(
            "kervan_refused", "Requests not answered, by reason.", ("reason",), registry=self.registry
        )
        self.records_written = Counter(
            "kervan_records_written", "Prediction records that reached the disk.", registry=self.registry
        )
        self.records_failed = Counter(
            "kervan_records_failed",
            "Requests refused because no prediction record could be taken.",
            registry=self.registry,
        )
        self._model = Gauge(
            "kervan_model_info",
            "The model that answers.",
            ("model", "version", "package", "environment", "deployment"),
            registry=self.registry,
        )

    def name_model(self, serving: Serving, manifest: Manifest) -> None:
        """Set the model that answers from now on; the one before disappears."""
        self._model.clear()
        labels = (manifest.name, manifest.version, manifest.hash, serving.environment, serving.deployment)
        self._model.labels(*labels).set(1)

    def exposition(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
