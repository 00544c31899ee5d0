"""A request means the same whether the connection answers it itself or hands it to the application."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from kervan.serve.record import find
from serve.live import JSON, Live, Reply
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def whole(server: Live, path: str, body: bytes, headers: dict[str, str]) -> Reply:
    """Head and body arrive as they are usually sent: the connection answers."""
    return server.ask("POST", path, body, headers)


def in_one(server: Live, path: str, body: bytes, headers: dict[str, str]) -> Reply:
    """Head and body arrive together, twice, so that the head is known the second time."""
    given = {"host": f"127.0.0.1:{server.port}", **headers, "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    message = f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.connect()
    try:
        for _ in range(2):
            connection.sock.sendall(message)
            response = http.client.HTTPResponse(connection.sock, method="POST")
            response.begin()
            found = {name.lower(): value for name, value in response.getheaders()}
            reply = Reply(response.status, found, response.read())
        return reply
    finally:
        connection.close()


def in_chunks(server: Live, path: str, body: bytes, headers: dict[str, str]) -> Reply:
    """The body arrives in chunks: the application answers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", path, iter([body]), headers, encode_chunked=True)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
    finally:
        connection.close()


WAYS = (whole, in_one, in_chunks)
ONE = json.dumps({"features": ROW}, ensure_ascii=False).encode()
CASES: dict[str, tuple[str, bytes, dict[str, str], int]] = {
    "one row": ("/predict", ONE, JSON, 200),
    "many rows": ("/predict", json.dumps([ROW] * 3).encode(), JSON, 200),
    "by name": ("/models/gelir/predict", ONE, JSON, 200),
    "by version": ("/models/gelir/versions/1.0.0/predict", ONE, JSON, 200),
    "a version in the body": ("/predict", ONE[:-1] + b', "model_version": "v1.0"}', JSON, 200),
    "the environment": ("/predict", ONE[:-1] + b', "model_version": "production"}', JSON, 200),
    "another version": ("/predict", ONE[:-1] + b', "model_version": "v2"}', JSON, 404),
    "another model": ("/models/other/predict", ONE, JSON, 404),
    "a row that is refused": ("/predict", ONE.replace(b"39", b"390"), JSON, 422),
    "a key twice": ("/predict", ONE.replace(b'"evli"', b'"0": 1, "evli"'), JSON, 400),
    "no JSON": ("/predict", b"{", JSON, 400),
    "nothing": ("/predict", b"", JSON, 400),
    "another type": ("/predict", ONE, {"content-type": "text/plain"}, 415),
    "a foreign host": ("/predict", ONE, {**JSON, "host": "evil.example"}, 421),
    "another site": ("/predict", ONE, {**JSON, "origin": "http://evil.example"}, 403),
    "an id": ("/predict", ONE, {**JSON, "x-request-id": "abc-1"}, 200),
    "no path": ("/nothing", ONE, JSON, 404),
}


@pytest.mark.parametrize("case", CASES)
def test_every_way_gives_the_same_answer(shared: Live, case: str) -> None:
    path, body, headers, status = CASES[case]
    replies = [way(shared, path, body, headers) for way in WAYS]
    assert [reply.status for reply in replies] == [status] * len(WAYS)
    first, *others = [(_without_ids(reply.json), _kept(reply.headers)) for reply in replies]
    assert all(other == first for other in others)


def _without_ids(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in {"id", "request"}}


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"date", "x-request-id"}}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_leaves_the_same_record(live: Callable[..., Live], way: Any, tmp_path: Path) -> None:
    server = live()
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {**JSON, "x-request-id": "abc", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    reply = way(server, "/predict", ONE, headers)
    assert server.terminate() == 0
    record = find(tmp_path / "records", reply.json["id"])
    assert record is not None
    assert (record.request, record.trace, record.protocol, record.caller) == ("abc", trace, "predict", "")
    assert record.inputs == (ROW,)
    assert list(record.outputs) == reply.json["predictions"]
    assert 0 < record.score <= record.seconds
    assert record.decode > 0


def test_requests_that_come_together_are_answered_in_their_order(shared: Live) -> None:
    bodies = [json.dumps({**ROW, "yaş": age}).encode() for age in (1, 500, 99)]
    messages = [
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        for body in bodies
    ]
    messages.insert(2, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answers = shared.raw(b"".join(messages)).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200", b"422", b"200", b"200"]
    assert b'"live"' in answers[2]


def test_one_caller_after_the_other_on_one_connection_in_pieces_of_any_size(shared: Live) -> None:
    message = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(ONE), ONE)
    )
    expected = shared.predict(ROW).json["predictions"]
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
    connection.connect()
    for size in (1, 7, 100, len(message) - 1, len(message)):
        for place in range(0, len(message), size):
            connection.sock.sendall(message[place : place + size])
        response = http.client.HTTPResponse(connection.sock)
        response.begin()
        assert json.loads(response.read())["predictions"] == expected
    connection.close()


def test_a_row_that_is_refused_does_not_spoil_those_that_came_with_it(shared: Live) -> None:
    good, bad = ONE, ONE.replace(b"39", b"390")
    connections = []
    for body in (good, bad, good, bad, good):
        connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
        connection.request("POST", "/predict", body, JSON)
        connections.append(connection)
    assert [connection.getresponse().status for connection in connections] == [200, 422, 200, 422, 200]
    for connection in connections:
        connection.close()
