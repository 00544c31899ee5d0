from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import zstandard

from kervan.serve.desk import Desk
from kervan.serve.engine import Engine
from kervan.serve.http import App
from kervan.serve.table import Table
from serve.live import JSON
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.core.serving import Serving
    from serve.live import Live, Reply


def problem(reply: Reply) -> Any:
    assert reply.headers["content-type"] == "application/problem+json"
    content = reply.json
    assert content["status"] == reply.status
    assert content["request"] == reply.headers["x-request-id"]
    assert "Traceback" not in reply.body.decode()
    return content


def test_predicts_one_row_and_many(shared: Live) -> None:
    reply = shared.predict({"features": ROW})
    assert reply.status == 200
    assert reply.json["model"] == "gelir@1.0.0"
    (one,) = reply.json["predictions"]
    assert set(one["probabilities"]) == {"<=50K", ">50K"}
    assert one["label"] == max(one["probabilities"], key=one["probabilities"].get)
    many = shared.predict([ROW, {**ROW, "yaş": 90}, ROW]).json["predictions"]
    assert many[0] == many[2] == one


def test_ten_thousand_rows_in_one_request(shared: Live) -> None:
    rows = [{**ROW, "yaş": place % 100} for place in range(10_000)]
    predictions = shared.predict({"features": rows}).json["predictions"]
    assert len(predictions) == 10_000
    assert predictions[:100] == predictions[100:200]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"yaş": None}, "yaş", "is missing"),
        ({"yaş": "39"}, "yaş", "is a text, not a whole number"),
        ({"yaş": 39.5}, "yaş", "not a whole number"),
        ({"yaş": 121}, "yaş", "above 120"),
        ({"yaş": True}, "yaş", "true or false"),
        ({"0": 1e300}, "0", "beyond"),
        ({"şehir adı": 6}, "şehir adı", "not a text"),
        ({"tür": "c"}, "tür", "category that the model does not know"),
        ({"evli": 1}, "evli", "not true or false"),
    ],
)
def test_a_refused_row_is_named(shared: Live, change: dict[str, Any], field: str, words: str) -> None:
    content = problem(reply := shared.predict([ROW, {**ROW, **change}]))
    assert reply.status == 422
    assert (content["row"], content["field"]) == (1, field)
    assert words in content["detail"]
    assert content["hint"]


def test_what_is_allowed_to_be_missing_or_unseen_is_answered(shared: Live) -> None:
    known = {name: value for name, value in ROW.items() if name not in ("0", "şehir adı")}
    assert shared.predict(known).status == 200
    assert shared.predict({**ROW, "şehir adı": "Göbekli", "extra": [1, 2]}).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"a": 1e400}', 400),
        (b"[" * 100_000, 400),
        (b'{"yas": 1, "yas": 2}', 400),
        (b"[]", 422),
        (b'{"features": []}', 422),
        (b"7", 400),
        (b'{"a": "\\ud800"}', 400),
    ],
)
def test_bad_bodies_are_problems(shared: Live, body: bytes, status: int) -> None:
    reply = shared.predict(body)
    assert reply.status == status
    assert problem(reply)["detail"]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""]
)
def test_only_json_is_read_and_the_answer_says_how(shared: Live, kind: str) -> None:
    reply = shared.ask("POST", "/predict", ROW, headers={"content-type": kind} if kind else {})
    assert reply.status == 415
    assert problem(reply)["hint"] == "add -H 'content-type: application/json'"


def test_json_may_be_declared_with_a_charset(shared: Live) -> None:
    reply = shared.ask("POST", "/predict", ROW, headers={"content-type": "Application/JSON; charset=utf-8"})
    assert reply.status == 200


def test_packed_bodies_are_read(shared: Live) -> None:
    body = json.dumps(ROW).encode()
    for coding, packed in (("gzip", gzip.compress(body)), ("zstd", zstandard.compress(body))):
        reply = shared.ask("POST", "/predict", packed, {**JSON, "content-encoding": coding})
        assert reply.json["predictions"] == shared.predict(ROW).json["predictions"]


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", b"\x1f\x8b", 400),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-4], 400),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more", 400),
        ("gzip", gzip.compress(bytes(9 << 20), mtime=0), 413),
        ("zstd", b"nonsense", 400),
        ("zstd", zstandard.compress(b"[" * 1000)[:-4], 400),
        ("zstd", zstandard.compress(bytes(9 << 20)), 413),
        ("br", b"x", 415),
        ("gzip, gzip", b"x", 415),
    ],
)
def test_bodies_that_are_packed_badly_or_unpack_to_too_much_are_refused(
    shared: Live, coding: str, body: bytes, status: int
) -> None:
    reply = shared.ask("POST", "/predict", body, {**JSON, "content-encoding": coding})
    assert reply.status == status
    assert problem(reply)["hint"]


def test_paths_and_methods_that_are_not_there(shared: Live) -> None:
    assert problem(shared.ask("GET", "/nothing"))["status"] == 404
    assert problem(shared.ask("GET", "/predict/"))["status"] == 404
    reply = shared.ask("GET", "/predict")
    assert problem(reply)["status"] == 405
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.nip.io",
        "localhost.",
        "",
        "0.0.0.0",
        "localhost:80:80",
        "localhost@evil.example",
        "[::1",
        "127.0.0.2",
        "şehir",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_foreign_host_is_refused(shared: Live, host: str, method: str) -> None:
    answer = shared.raw(f"{method} / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"421")


def test_our_own_hosts_pass(shared: Live) -> None:
    for host in ("localhost", "127.0.0.1", f"localhost:{shared.port}", "[::1]:80", "LOCALHOST"):
        assert shared.ask("GET", "/livez", headers={"host": host}).status == 200


def test_two_hosts_or_none_are_refused(shared: Live) -> None:
    two = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert shared.raw(two).startswith(b"HTTP/1.1 400")
    assert shared.raw(b"GET /livez HTTP/1.0\r\n\r\n").split(b" ")[1] == b"400"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_cannot_ask(shared: Live, headers: dict[str, str]) -> None:
    reply = shared.ask("POST", "/predict", ROW, headers={"content-type": "application/json", **headers})
    assert reply.status == 403
    assert "access-control-allow-origin" not in reply.headers


def test_the_own_site_can_ask(shared: Live) -> None:
    headers = {"origin": f"http://127.0.0.1:{shared.port}", "sec-fetch-site": "same-origin"}
    assert shared.ask("POST", "/predict", ROW, {"content-type": "application/json", **headers}).status == 200


def test_a_body_that_is_too_large_is_refused_from_its_head(shared: Live) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = shared.raw(head + b"Content-Length: 99999999\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("digits", [10, 19, 25, 5000])
def test_a_length_of_many_digits_is_refused(shared: Live, digits: int) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = shared.raw(head + b"Content-Length: " + b"9" * digits + b"\r\n\r\n{")
    assert answer.split(b" ")[1] in (b"400", b"413")
    assert shared.predict(ROW).status == 200


@pytest.mark.parametrize("path", ["/predict?" + "a=1&" * 200, "/predict?%ff=%fe&a", "/predict?" + "a" * 9000])
def test_any_query_is_read_or_refused(shared: Live, path: str) -> None:
    assert shared.ask("POST", path, ROW).status in {200, 400}
    assert shared.ask("GET", path.replace("predict", "livez")).status in {200, 400}


def test_a_chunked_body_is_counted(shared: Live) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = shared.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 9 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


def test_smuggled_and_oversized_heads_are_refused(shared: Live) -> None:
    lengths = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    both = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n" + lengths
    answer = shared.raw(both + b"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    for extra in (b"X: y\r\n" * 200, b"X: " + b"y" * 40_000 + b"\r\n"):
        assert shared.raw(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + extra + b"\r\n").startswith(
            b"HTTP/1.1 400"
        )


def test_a_head_that_never_ends_is_cut(shared: Live) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", shared.port), timeout=30) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        with contextlib.suppress(ConnectionResetError):
            assert slow.recv(10) == b""
    assert time.monotonic() - started < 25
    assert shared.ask("GET", "/livez").status == 200


def test_a_caller_that_goes_away_leaves_no_trace_of_an_error(live: Callable[..., Live]) -> None:
    server = live()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(head + b"Content-Length: 100\r\n\r\n{")
    counted = b'kervan_requests_total{route="/predict",status="400"} 1.0'
    server.until(lambda: counted in server.ask("GET", "/metrics").body)
    assert server.terminate() == 0
    assert "stack_trace" not in server.log


def test_a_model_that_raises_is_a_problem_without_details(serving: Callable[..., Serving]) -> None:
    engine = Engine(serving())

    class Raising:
        def predict(self, matrix: Any) -> Any:
            raise RuntimeError("secret")

    engine._table = Table(replace(engine.current, predictor=Raising()))
    transport = httpx.ASGITransport(App(Desk(engine)), raise_app_exceptions=False)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/predict", json=ROW)

    answer = asyncio.run(ask())
    engine.close()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert b'kervan_refused_total{reason="surprise"} 1.0' in engine.metrics.exposition()


def test_every_answer_has_the_safe_headers_and_a_request_id(shared: Live) -> None:
    for reply in (
        shared.ask("GET", "/"),
        shared.ask("GET", "/nothing"),
        shared.predict(ROW),
        shared.predict(b""),
    ):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert len(reply.headers["x-request-id"]) == 26
        assert "server" not in reply.headers


def test_a_harmless_request_id_is_echoed_and_another_replaced(shared: Live) -> None:
    assert (
        shared.ask("GET", "/", headers={"x-request-id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    )
    for bad in ("a b", "x" * 129, "<script>", '"'):
        assert len(shared.ask("GET", "/", headers={"x-request-id": bad}).headers["x-request-id"]) == 26


def test_says_who_answers(shared: Live) -> None:
    content = shared.ask("GET", "/").json
    assert content["model"] == "gelir@1.0.0"
    assert (content["environment"], content["deployment"]) == ("production", "D1")
    assert shared.process is not None
    assert content["pid"] == shared.process.pid
    assert shared.ask("GET", "/livez").json == {"live": True}
    assert shared.ask("GET", "/readyz").json["ready"] is True


def test_counts_for_prometheus(live: Callable[..., Live]) -> None:
    server = live()
    server.predict([ROW, ROW])
    server.predict({**ROW, "yaş": None})
    server.predict(b"{")
    server.ask("GET", "/some/other/path")
    server.until(lambda: b"kervan_records_written_total 1.0" in server.ask("GET", "/metrics").body)
    reply = server.ask("GET", "/metrics")
    lines = reply.body.decode().splitlines()
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'kervan_requests_total{route="/predict",status="200"} 1.0',
        'kervan_requests_total{route="/predict",status="422"} 1.0',
        'kervan_requests_total{route="/predict",status="400"} 1.0',
        'kervan_requests_total{route="none",status="404"} 1.0',
        "kervan_rows_total 2.0",
        'kervan_refused_total{reason="row"} 1.0',
        'kervan_refused_total{reason="body"} 1.0',
        "kervan_records_failed_total 0.0",
    ):
        assert line in lines
    (model,) = [line for line in lines if line.startswith("kervan_model_info{")]
    assert 'model="gelir"' in model
    assert 'deployment="D1"' in model


def test_open_inference_protocol(shared: Live) -> None:
    assert shared.ask("GET", "/v2").json["name"] == "kervan"
    assert shared.ask("GET", "/v2/health/live").json["live"] is True
    assert shared.ask("GET", "/v2/health/ready").json["ready"] is True
    assert shared.ask("GET", "/v2/models/gelir/ready").json == {"name": "gelir", "ready": True}
    metadata = shared.ask("GET", "/v2/models/gelir/versions/1.0.0").json
    assert metadata["inputs"][2] == {"name": "şehir adı", "datatype": "BYTES", "shape": [-1, 1]}
    assert metadata["outputs"][1] == {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}
    kinds = {"yaş": "INT64", "0": "FP64", "şehir adı": "BYTES", "tür": "BYTES", "evli": "BOOL"}
    inputs = [
        {"name": name, "shape": [1], "datatype": kinds[name], "data": [value]} for name, value in ROW.items()
    ]
    for path in ("/v2/models/gelir/infer", "/v2/models/gelir/versions/1.0.0/infer"):
        content = shared.ask("POST", path, {"id": "42", "inputs": inputs}).json
        assert (content["id"], content["model_name"], content["model_version"]) == ("42", "gelir", "1.0.0")
        one = shared.predict(ROW).json["predictions"][0]
        assert content["outputs"][0]["data"] == [one["label"]]
        assert content["outputs"][1]["data"] == list(one["probabilities"].values())
    for path in ("/v2/models/other/infer", "/v2/models/gelir/versions/9.9.9/infer"):
        reply = shared.ask("POST", path, {"inputs": inputs})
        assert reply.status == 404
        assert "there is gelir@1.0.0" in problem(reply)["hint"]
    reply = shared.ask("POST", "/v2/models/gelir/infer", {"inputs": inputs[1:]})
    assert reply.status == 422
    assert reply.json["error"] == problem(reply)["detail"]


def test_names_in_paths_may_have_all_letters(shared: Live) -> None:
    reply = shared.ask("GET", "/v2/models/%C5%9Fehir")
    assert "no model şehir here" in problem(reply)["detail"]


def test_regressions_answer_values(live: Callable[..., Live]) -> None:
    (one,) = live("regression").predict(ROW).json["predictions"]
    assert isinstance(one["value"], float)


def test_the_log_is_json_lines(shared: Live) -> None:
    shared.ask("GET", "/%0d%0aX", headers={"user-agent": "a"})
    for line in shared.log.splitlines():
        assert {"@timestamp", "log.level", "message", "ecs.version", "service.name"} <= set(json.loads(line))
