"""Requests as OpenTelemetry's spans, sent by OTLP. Nothing of it is imported where nobody wants it."""

from __future__ import annotations

import os
import threading
import time
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput
from kervan.core.plugins import extras_named
from kervan.core.ports import GRPC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.serving import Serving
    from kervan.serve.visit import Visit

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_SECONDS = 3.0  # in which what waits is sent at the end


def are_wanted(serving: Serving) -> bool:
    """Say whether spans are to be sent: that is told, or stands in OpenTelemetry's own variables."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return bool(serving.otlp or any(map(os.environ.get, _ENDPOINTS)))


class Spans:
    """Makes a span of each request, and hands it to a thread that sends them together."""

    def __init__(self, serving: Serving) -> None:
        with extras_named():
            from opentelemetry import trace
            from opentelemetry.context import Context
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        if serving.otlp and not serving.otlp.startswith(("http://", "https://")):
            raise InvalidInput(
                f"{serving.otlp!r} is no address of a collector", hint="such as http://127.0.0.1:4318"
            )
        endpoint = f"{serving.otlp.rstrip('/')}/v1/traces" if serving.otlp else None
        exporter = OTLPSpanExporter(endpoint=endpoint)
        self._provider = TracerProvider(resource=Resource.create(_resource(serving)), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("kervan.serve", version("kervan"))
        self._extract = TraceContextTextMapPropagator().extract
        self._nothing = Context()
        self._kind = trace.SpanKind.SERVER
        self._error = trace.Status(trace.StatusCode.ERROR)
        self._scheme = "https" if serving.certificate else "http"

    def add(self, visit: Visit, status: int, seconds: float) -> None:
        """Make the span of a request that was answered just now, or, as its caller wants it, none."""
        ended = time.time_ns()
        headers = visit.admission.headers if visit.admission is not None else {}
        span = self._tracer.start_span(
            _name(visit),
            context=self._extract(headers, context=self._nothing),
            kind=self._kind,
            attributes={**self._way(visit, status), **_outcome(visit, status)},
            start_time=ended - round(seconds * 1e9),
        )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            span.set_status(self._error)
        span.end(ended)

    def close(self) -> None:
        """Send what waits, if that takes no long time."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True, name="kervan-spans")
        ending.start()
        ending.join(_FLUSH_SECONDS)

    def _way(self, visit: Visit, status: int) -> dict[str, Any]:
        """Return how it came in, by the semantic conventions of HTTP or of RPC."""
        found: dict[str, Any] = {"kervan.request_id": visit.request_id}
        if visit.admission is None:
            return {**found, "http.request.method": visit.method, "http.response.status_code": status}
        mounted, headers = visit.admission.mounted, visit.admission.headers
        found["kervan.protocol"] = mounted.protocol
        if GRPC in mounted.route.takes:
            _, service, method = mounted.route.path.split("/")
            return {**found, "rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        found |= {
            "http.request.method": mounted.route.method,
            "http.route": mounted.route.path,
            "http.response.status_code": status,
            "url.path": visit.admission.path,
            "url.scheme": self._scheme,
        }
        return found | _told_by(headers)


def _told_by(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "user-agent" in headers:
        found["user_agent.original"] = headers["user-agent"]
    host, _, port = headers.get("host", "").rpartition(":")
    if host and port.isdecimal():
        found |= {"server.address": host, "server.port": int(port)}
    return found


def _outcome(visit: Visit, status: int) -> dict[str, Any]:
    """Return what came of it."""
    found: dict[str, Any] = {}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        found["error.type"] = visit.error or str(status)
    work = visit.work
    if work is not None:
        found |= {
            "kervan.model": work.model,
            "kervan.version": work.version,
            "kervan.rows": work.rows,
            "kervan.prediction_id": work.prediction,
            "kervan.wait": work.wait,
            "kervan.decode": work.decode,
            "kervan.score": work.score,
        }
    return found


def _name(visit: Visit) -> str:
    """Return the span's name: few of them, whatever callers send."""
    if visit.admission is None:
        return visit.method or "gRPC"
    route = visit.admission.mounted.route
    return route.path.strip("/") if GRPC in route.takes else f"{route.method} {route.path}"


def _resource(serving: Serving) -> dict[str, Any]:
    """Return who sends the spans; the variables of OpenTelemetry go before."""
    found = {"service.version": version("kervan"), "deployment.environment.name": serving.environment}
    named = "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not named and "OTEL_SERVICE_NAME" not in os.environ:
        found["service.name"] = "kervan"
    return found
