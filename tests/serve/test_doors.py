"""A server with its doors closed: however somebody comes, a key has to open it, and only what it is for."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.plugins import plugin, plugins
from kervan.core.ports import Scope
from kervan.core.private import write_private
from kervan.serve.own import OwnPages
from serve.authority import Authority
from serve.keyring import issue, publish
from serve.live import JSON
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.core.ports import Route
    from serve.live import Live, Reply


class Guarded:
    """A server and the keys that open it."""

    def __init__(self, server: Live, keys: dict[str, str]) -> None:
        self.server = server
        self.keys = keys

    def ask(self, key: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        sent = {**(JSON if body is not None else {}), **headers}
        if key:
            sent["authorization"] = f"Bearer {self.keys.get(key, key)}"
        return self.server.ask(method, path, body, sent)

    def predict(self, key: str, **headers: str) -> Reply:
        return self.ask(key, "POST", "/predict", [ROW], **headers)


@pytest.fixture(scope="module")
def guarded(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    wanted = {
        "all": ("predict",),
        "gelir": ("predict:gelir",),
        "kira": ("predict:kira",),
        "metrics": ("metrics",),
        "control": ("control", "docs", "feedback"),
    }
    made = {name: issue(*scopes) for name, scopes in wanted.items()}
    made["slow"] = issue("predict", rate="3/hour")
    publish(folder / "access.json", *(grant for grant, _ in made.values()))
    server = live_in(folder, packages["1.0.0"], keys=str(folder / "access.json"))
    yield Guarded(server, {name: token for name, (_, token) in made.items()})
    server.kill()


def live_in(folder: Path, package: Path, **closed: str) -> Live:
    from kervan.core.serving import Serving
    from serve.live import Live

    serving = Serving(
        environment="production",
        deployment="D1",
        package=str(package),
        records=str(folder / "records"),
        port=0,
        **closed,
    )
    server = Live(folder, serving)
    server.start()
    return server


def routes() -> list[Route]:
    wires = [plugin("protocol", name) for name in sorted(plugins("protocol"))]
    return [*OwnPages.routes, *(route for wire in wires for route in wire.routes)]


def filled(route: Route) -> str:
    return route.path.replace("{name}", "gelir").replace("{version}", "1.0.0")


def test_no_route_answers_without_a_key_but_those_that_are_open(guarded: Guarded) -> None:
    closed = [route for route in routes() if route.scope is not Scope.OPEN]
    assert len(closed) >= 4
    for route in closed:
        body = [ROW] if route.method == "POST" else None
        for key in ("", "kv_wrong", f"{guarded.keys['all'][:-1]}!"):
            reply = guarded.ask(key, route.method, filled(route), body)
            assert reply.status == 401, (route, key, reply.body)
            assert reply.headers["www-authenticate"].startswith("Bearer")
            assert b"gelir" not in reply.body
    for path in ("/livez", "/readyz"):
        assert guarded.ask("", "GET", path).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_no_method_gets_around_the_key(guarded: Guarded, method: str) -> None:
    for route in routes():
        if route.scope is not Scope.OPEN:
            body = [ROW] if method in {"POST", "PUT", "PATCH"} else None
            assert guarded.ask("", method, filled(route), body).status in {400, 401, 403, 404, 405}, route


@pytest.mark.parametrize(
    "path",
    [
        "//predict", "/./predict", "/predict/", "/predict;x=1", "/%70redict", "/PREDICT", "/livez/../predict",
        "/livez%2f..%2fpredict", "/predict%00", "/predict?authorization=x", "/livez/../metrics", "//metrics",
        "http://localhost/predict", "/v2/models/gelir/infer/..", "/v2//models/gelir/infer",
    ],
)  # fmt: skip
def test_no_form_of_a_path_gets_around_the_key(guarded: Guarded, path: str) -> None:
    for method, body in (("POST", [ROW]), ("GET", None)):
        assert guarded.ask("", method, path, body).status in {400, 401, 403, 404, 405}


def test_a_key_opens_only_what_it_is_for(guarded: Guarded) -> None:
    assert guarded.predict("all").status == 200
    assert guarded.predict("gelir").status == 200
    for path in ("/predict", "/v2/models/gelir/infer", "/v2/models/gelir/versions/1.0.0/infer"):
        for key in ("kira", "metrics", "control"):
            reply = guarded.ask(key, "POST", path, [ROW])
            assert reply.status == 403, (path, key)
            assert "scope predict" in reply.json["detail"]
            assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]
    assert guarded.ask("metrics", "GET", "/metrics").status == 200
    assert guarded.ask("all", "GET", "/metrics").status == 403


def test_a_key_may_come_in_either_header_but_not_in_two_ways(guarded: Guarded) -> None:
    token = guarded.keys["all"]
    assert guarded.ask("", "POST", "/predict", [ROW], **{"x-api-key": token}).status == 200
    assert guarded.predict("all", **{"x-api-key": token}).status == 200
    reply = guarded.predict("all", **{"x-api-key": guarded.keys["gelir"]})
    assert reply.status == 401
    body = json.dumps([ROW]).encode()
    twice = guarded.server.raw(
        b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"connection: close\r\n"
        b"authorization: Bearer kv_wrong\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
        % (token.encode(), len(body), body)
    )
    assert b" 400 " in twice.partition(b"\r\n")[0] or b" 401 " in twice.partition(b"\r\n")[0]


def test_a_rate_holds_whatever_a_header_says_of_its_sender(guarded: Guarded) -> None:
    sent = [
        guarded.predict("slow", **{"x-forwarded-for": f"10.0.0.{turn}", "forwarded": f"for=10.0.0.{turn}"})
        for turn in range(5)
    ]
    assert [reply.status for reply in sent] == [200, 200, 200, 429, 429]
    assert int(sent[-1].headers["retry-after"]) > 0
    assert "3/hour" in sent[-1].json["detail"]
    assert guarded.predict("all").status == 200


def test_the_record_of_a_prediction_says_whose_key_it_was(guarded: Guarded) -> None:
    ident = guarded.predict("gelir").json["id"]
    folder = guarded.server.folder / "records"
    owner = guarded.keys["gelir"].split("_")[1]

    def found() -> bool:
        lines = [line for path in folder.glob("*.jsonl") for line in path.read_bytes().splitlines()]
        return any(ident.encode() in line and owner.encode() in line for line in lines)

    guarded.server.until(found)
    kept = b"".join(path.read_bytes() for path in guarded.server.folder.rglob("*") if path.is_file())
    for token in guarded.keys.values():
        assert token.encode() not in kept  # nor in the log


def test_a_key_that_is_revoked_under_load_opens_nothing_any_more(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    (lost, token), (kept, other) = issue("predict"), issue("predict")
    file = tmp_path / "access.json"
    publish(file, lost, kept)
    server = live_in(tmp_path, packages["1.0.0"], keys=str(file))
    answers: list[tuple[float, float, str, int]] = []  # sent, answered, by which key, status
    over = threading.Event()

    def ask(token: str) -> None:
        headers = {**JSON, "authorization": f"Bearer {token}"}
        body = json.dumps([ROW]).encode()
        with closing(server.connect()) as connection:
            while not over.is_set():
                sent = time.monotonic()
                connection.request("POST", "/predict", body, headers)
                reply = connection.getresponse()
                reply.read()
                answers.append((sent, time.monotonic(), token, reply.status))

    threads = [threading.Thread(target=ask, args=(each,)) for each in (token, token, other)]
    for thread in threads:
        thread.start()
    try:
        server.until(lambda: len(answers) > 200)
        publish(file, kept)
        revoked = time.monotonic()
        server.until(lambda: any(sent > revoked + 1 and each == token for sent, _, each, _ in answers))
    finally:
        over.set()
        for thread in threads:
            thread.join()
        server.kill()
    mine = [(sent, answered, status) for sent, answered, each, status in answers if each == token]
    assert {status for *_, status in mine} == {200, 401}
    assert {status for sent, _, status in mine if sent > revoked + 1} == {401}
    first = min(answered for _, answered, status in mine if status == 401)
    assert {status for sent, _, status in mine if sent > first} == {401}
    assert {status for _, _, each, status in answers if each == other} == {200}


def test_a_broken_or_missing_file_of_keys_lets_nobody_in(packages: dict[str, Path], tmp_path: Path) -> None:
    grant, token = issue("predict")
    file = tmp_path / "access.json"
    publish(file, grant)
    server = live_in(tmp_path, packages["1.0.0"], keys=str(file))
    try:
        door = Guarded(server, {"one": token})
        assert door.predict("one").status == 200
        write_private(file, b"{")
        server.until(lambda: door.predict("one").status == 503)
        file.unlink()
        assert door.predict("one").status == 503
        assert door.predict("").status == 401
        publish(file, grant)
        server.until(lambda: door.predict("one").status == 200)
    finally:
        server.kill()


def test_a_running_server_keeps_its_doors(guarded: Guarded) -> None:
    server = guarded.server
    before = server.serving
    server.write(replace(before, deployment="D2", port=server.port, keys=""))
    server.hang_up()
    server.until(lambda: server.state.attempt == "D2")
    assert "keeps its keys" in server.state.error
    assert guarded.predict("").status == 401
    server.write(replace(before, deployment="D3", port=server.port))
    server.hang_up()
    server.until(lambda: server.state.deployment == "D3")
    assert guarded.predict("all").status == 200


def test_a_server_for_other_machines_answers_over_tls_with_a_key(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    import ssl

    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("server", "127.0.0.1")
    grant, token = issue("predict")
    publish(tmp_path / "access.json", grant)
    server = live_in(
        tmp_path,
        packages["1.0.0"],
        host="0.0.0.0",
        keys=str(tmp_path / "access.json"),
        certificate=str(certificate),
        certificate_key=str(key),
    )
    try:
        server.context = ssl.create_default_context(cafile=authority.file)
        door = Guarded(server, {"one": token})
        assert door.predict("one").status == 200
        assert door.predict("").status == 401
        assert door.predict("one", host="evil.example").status == 421
    finally:
        server.kill()


def test_behind_a_proxy_only_the_proxy_may_connect(packages: dict[str, Path], tmp_path: Path) -> None:
    grant, token = issue("predict")
    publish(tmp_path / "access.json", grant)
    keys = str(tmp_path / "access.json")
    server = live_in(tmp_path, packages["1.0.0"], host="0.0.0.0", keys=keys, proxy="127.0.0.1")
    try:
        door = Guarded(server, {"one": token})
        assert door.predict("one", host="models.example", origin="https://models.example").status == 200
        assert door.predict("one", host="models.example", origin="https://evil.example").status == 403
        assert door.predict("", host="models.example").status == 401
    finally:
        server.terminate()
    server = live_in(tmp_path, packages["1.0.0"], host="0.0.0.0", keys=keys, proxy="192.0.2.7")
    try:
        with pytest.raises((OSError, http.client.HTTPException)):
            Guarded(server, {"one": token}).predict("one")
        with suppress(ConnectionResetError):
            assert server.raw(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n") == b""
    finally:
        server.kill()
