"""Spans by OTLP, as a collector gets them: a receiver reads the messages by OpenTelemetry's own classes."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from kervan.core.errors import InvalidInput
from kervan.serve.spans import Spans
from serve.live import JSON, Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kervan.core.serving import Serving

pytestmark = pytest.mark.sampled

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector:
    """Takes `POST /v1/traces`."""

    def __init__(self) -> None:
        self.messages: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    collector.messages.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def spans(self) -> dict[str, Span]:
        return {
            span.name: span
            for message in self.messages
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def resource(self) -> dict[str, Any]:
        return named(self.messages[0].resource_spans[0].resource.attributes)


def named(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()
    found.thread.join()


def test_each_request_is_a_span_of_its_caller_s_trace(
    live: Callable[..., Live], collector: Collector
) -> None:
    server = live(otlp=collector.url)
    headers = {**JSON, "traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "r1", "user-agent": "shop"}
    answer = server.ask("POST", "/predict", ROW, headers).json
    assert server.ask("GET", "/nothing").status == 404
    assert server.terminate() == 0  # sends what waits
    span = collector.spans["POST /predict"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.kind == Span.SPAN_KIND_SERVER
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 30e9
    told = named(span.attributes)
    assert told["http.request.method"] == "POST"
    assert told["http.route"] == told["url.path"] == "/predict"
    assert told["http.response.status_code"] == 200
    assert (told["url.scheme"], told["server.address"]) == ("http", "127.0.0.1")
    assert (told["server.port"], told["user_agent.original"]) == (server.port, "shop")
    assert (told["kervan.model"], told["kervan.version"], told["kervan.rows"]) == ("gelir", "1.0.0", 1)
    assert (told["kervan.prediction_id"], told["kervan.request_id"]) == (answer["id"], "r1")
    alone = collector.spans["GET"]
    assert named(alone.attributes)["http.request.method"] == "GET"
    assert named(alone.attributes)["http.response.status_code"] == 404
    assert not alone.parent_span_id
    assert alone.status.code == Status.STATUS_CODE_UNSET
    assert collector.resource["service.name"] == "kervan"
    assert collector.resource["deployment.environment.name"] == "production"


def test_who_does_not_sample_gets_no_span(live: Callable[..., Live], collector: Collector) -> None:
    server = live(otlp=collector.url)
    server.ask("POST", "/predict", ROW, {**JSON, "traceparent": f"00-{TRACE}-{PARENT}-00"})
    server.ask("GET", "/livez")
    assert server.terminate() == 0
    assert set(collector.spans) == {"GET /livez"}


def test_the_variables_of_opentelemetry_are_enough(
    live: Callable[..., Live], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "prices")
    server = live()
    server.predict(ROW)
    assert server.terminate() == 0
    assert "POST /predict" in collector.spans
    assert collector.resource["service.name"] == "prices"


def test_a_call_by_grpc_is_a_span_too(live: Callable[..., Live], collector: Collector) -> None:
    server = live(otlp=collector.url, grpc_port=0)
    with grpc.insecure_channel(f"127.0.0.1:{server.state.grpc_port}") as channel:
        ask = channel.unary_unary("/inference.GRPCInferenceService/ServerLive")
        ask(b"", metadata=(("traceparent", f"00-{TRACE}-{PARENT}-01"),))
    assert server.terminate() == 0
    span = collector.spans["inference.GRPCInferenceService/ServerLive"]
    assert span.parent_span_id.hex() == PARENT
    told = named(span.attributes)
    assert (told["rpc.system"], told["rpc.method"]) == ("grpc", "ServerLive")


def test_a_collector_that_is_gone_holds_nobody_up(live: Callable[..., Live], collector: Collector) -> None:
    server = live(otlp="http://127.0.0.1:9")
    for _ in range(50):
        assert server.predict(ROW).status == 200
    assert server.terminate() == 0


def test_what_is_no_address_of_a_collector_is_said(serving: Callable[..., Serving]) -> None:
    with pytest.raises(InvalidInput, match="no address of a collector"):
        Spans(replace(serving(), otlp="localhost:4318"))


def test_nothing_is_imported_where_nobody_traces() -> None:
    code = "import sys, kervan.serve.server; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_several_processes_send_theirs(live: Callable[..., Live], collector: Collector) -> None:
    server = live(otlp=collector.url, workers=2)
    for _ in range(20):
        server.predict(ROW)
    assert server.terminate() == 0
    sent = sum(
        len(scope.spans)
        for message in collector.messages
        for resource in message.resource_spans
        for scope in resource.scope_spans
    )
    assert sent == 20
