from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import Refused, ServerFailed
from kervan.core.ports import Request
from kervan.core.serving import Serving
from kervan.serve.asked import Asked
from kervan.serve.engine import Engine
from kervan.serve.record import find, records
from kervan.serve.server import serve
from serve.disk import small_disk
from serve.live import JSON, Live
from serve.real_packages import CLASSIFICATION, KEY, ROW, make_package

if TYPE_CHECKING:
    from collections.abc import Callable


class Load:
    """Constant requests from threads, each on a kept connection."""

    def __init__(self, port: int, threads: int = 4) -> None:
        self.answers: list[tuple[float, int, Any]] = []
        self.errors: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for _ in range(threads)]

    def _ask(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = json.dumps({"features": ROW}).encode()
        with closing(connection):
            while not self._over.is_set():
                try:
                    connection.request("POST", "/predict", body, JSON)
                    response = connection.getresponse()
                    content = json.loads(response.read())
                    self.answers.append((time.time(), response.status, content))
                except (OSError, http.client.HTTPException) as error:
                    self.errors.append(repr(error))
                    return
                time.sleep(0.001)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_switches_under_load_without_failing_a_request(
    live: Callable[..., Live], serving: Callable[..., Serving]
) -> None:
    server = live()
    with Load(server.port) as load:
        for turn in range(2, 8):
            version = "2.0.0" if turn % 2 == 0 else "1.0.0"
            server.write(serving(version, deployment=f"D{turn}", port=server.port))
            server.hang_up()
            server.until(lambda wanted=f"D{turn}": server.state.deployment == wanted)
            assert server.ask("GET", "/").json["model"] == f"gelir@{version}"
            time.sleep(0.1)
    assert not load.errors
    assert {status for _, status, _ in load.answers} == {200}
    by_model: dict[str, set[float]] = {}
    for _, _, content in load.answers:
        probability = content["predictions"][0]["probabilities"][">50K"]
        by_model.setdefault(content["model"], set()).add(probability)
    assert set(by_model) == {"gelir@1.0.0", "gelir@2.0.0"}
    assert all(len(values) == 1 for values in by_model.values()), "an answer names the version that gave it"
    assert server.terminate() == 0
    recorded = {one.id: one for one in records(Path(server.serving.records))}
    for _, _, content in load.answers:
        assert recorded[content["id"]].model == content["model"]


def test_a_package_of_another_key_leaves_the_old_one(
    live: Callable[..., Live], serving: Callable[..., Serving]
) -> None:
    server = live()
    ours = (KEY.signer.key_id,)
    server.write(replace(serving("2.0.0", deployment="D2"), trusted=("0" * 64,)))
    server.hang_up()
    server.until(lambda: server.state.attempt == "D2")
    assert server.state.deployment == "D1"
    assert f"is signed by key {ours[0]}" in server.state.error
    server.write(replace(serving("2.0.0", deployment="D3"), trusted=ours))
    server.hang_up()
    server.until(lambda: server.state.deployment == "D3")


def test_a_package_that_does_not_load_leaves_the_old_one(
    live: Callable[..., Live], serving: Callable[..., Serving], packages: dict[str, Path], tmp_path: Path
) -> None:
    server = live()
    broken = make_package(tmp_path / "broken", CLASSIFICATION, "3.0.0")
    (broken / "onnx" / "matrix.onnx").write_bytes(b"nothing")
    for place, package in enumerate((str(broken), str(tmp_path / "missing"))):
        server.write(replace(serving(deployment=f"X{place}"), package=package))
        server.hang_up()
        server.until(lambda wanted=f"X{place}": server.state.attempt == wanted)
        assert server.state.deployment == "D1"
        assert package in server.state.error
        assert server.predict(ROW).json["model"] == "gelir@1.0.0"
    server.write(serving("2.0.0", deployment="D2"))
    server.hang_up()
    server.until(lambda: server.state.deployment == "D2")
    assert server.state.error == ""


def test_a_file_that_is_none_or_another_address_is_refused(
    live: Callable[..., Live], serving: Callable[..., Serving]
) -> None:
    server = live()
    server.file.write_text("{")
    server.hang_up()
    server.until(lambda: "serving.json" in server.state.error)
    server.write(serving(deployment="D2", port=1))
    server.hang_up()
    server.until(lambda: server.state.attempt == "D2")
    assert "stays on 127.0.0.1" in server.state.error
    assert server.predict(ROW).status == 200


def test_terminating_answers_what_was_asked_and_writes_all_records(live: Callable[..., Live]) -> None:
    server = live()
    ids = [server.predict(ROW).json["id"] for _ in range(50)]
    assert server.terminate() == 0
    folder = Path(server.serving.records)
    assert [one.id for one in records(folder)] == ids


def test_killed_under_load_it_keeps_what_is_older_than_the_window(live: Callable[..., Live]) -> None:
    """The promise: a record is safe 100 ms, and one flush, after the answer; a second is ample for both."""
    server = live()
    with Load(server.port) as load:
        time.sleep(2.0)
        server.kill()
        killed = time.time()
    answered = [(when, content["id"]) for when, status, content in load.answers if status == 200]
    folder = Path(server.serving.records)
    stored = [one.id for one in records(folder)]
    assert len(stored) == len(set(stored))
    old = [ident for when, ident in answered if when < killed - 1.0]
    assert len(old) > 50
    assert set(old) <= set(stored)
    server.start()
    later = server.predict(ROW).json["id"]
    assert server.terminate() == 0
    assert [one.id for one in records(folder)] == [*stored, later]
    found = find(folder, later)
    assert found is not None
    assert found.inputs == (ROW,)


def test_the_record_holds_what_was_asked_and_answered(live: Callable[..., Live]) -> None:
    server = live()
    body = {"features": [ROW, {**ROW, "secret": 1, "0": None}], "id": "mine"}
    answer = server.predict(body).json
    server.terminate()
    found = find(Path(server.serving.records), f"{answer['id']}.1")
    assert found is not None
    assert (found.environment, found.deployment, found.model) == ("production", "D1", "gelir@1.0.0")
    assert (found.protocol, found.request) == ("predict", "mine")
    assert found.inputs == (ROW, {**ROW, "0": None})
    assert list(found.outputs) == answer["predictions"]
    assert 0 < found.seconds < 10


def run(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kervan.serve.server", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_taken_port_is_said(
    live: Callable[..., Live], serving: Callable[..., Serving], tmp_path: Path
) -> None:
    server = live()
    other = Live(tmp_path / "other", serving(port=server.port))
    other.folder.mkdir()
    other.write(other.serving)
    done = run(other.file)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"port {server.port} on 127.0.0.1 is taken" in json.loads(line)["message"]
    assert json.loads(line)["kervan.hint"]
    assert "is taken" in other.state.error


def test_two_servers_cannot_share_a_folder(live: Callable[..., Live]) -> None:
    server = live()
    before = server.state
    done = run(server.file)
    assert done.returncode == 1
    assert "another server runs" in json.loads(done.stderr)["message"]
    assert server.state == before


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org", ""])
def test_only_the_loopback_is_bound(serving: Callable[..., Serving], host: str) -> None:
    with pytest.raises(Refused, match="there are no keys"):
        serve(replace(serving(), host=host))


@pytest.mark.parametrize("port", [70_000, -1])
def test_an_impossible_port_is_said(serving: Callable[..., Serving], port: int) -> None:
    with pytest.raises(ServerFailed, match="cannot listen"):
        serve(serving(port=port))


def test_serves_on_the_other_loopback(serving: Callable[..., Serving], tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = Live(tmp_path, replace(serving(), host="::1"))
    server.start()
    try:
        connection = http.client.HTTPConnection("::1", server.port)
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200
        connection.close()
        assert server.terminate() == 0
    finally:
        server.kill()


def test_in_the_foreground_it_ends_well_on_interrupt(serving: Callable[..., Serving], tmp_path: Path) -> None:
    code = (
        "import sys, msgspec\n"
        "from kervan.core.serving import Serving\n"
        "from kervan.serve.server import serve\n"
        "serve(msgspec.json.decode(sys.argv[1], type=Serving)); print('ended')"
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    import msgspec

    text = msgspec.json.encode(serving(port=port)).decode()
    process = subprocess.Popen([sys.executable, "-c", code, text], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            break
        except OSError:
            time.sleep(0.05)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/predict", json.dumps(ROW), JSON)
    ident = json.loads(connection.getresponse().read())["id"]
    connection.close()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "ended\n"
    assert process.returncode == 0
    assert [one.id for one in records(tmp_path / "records")] == [ident]


def test_a_full_disk_refuses_with_503_and_recovers(serving: Callable[..., Serving], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 8_000_000)
        server = Live(tmp_path, replace(serving(), records=str(disk / "records")))
        server.start()
        try:
            rows = [ROW] * 300
            answered = []
            deadline = time.monotonic() + 30
            while (reply := server.predict(rows)).status == 200 and time.monotonic() < deadline:
                answered.append(reply.json["id"])
            assert reply.status == 503
            assert all(server.predict(ROW).status == 503 for _ in range(20))
            assert server.log.count("predictions cannot be recorded") == 1
            assert reply.headers["retry-after"] == "1"
            assert "No space left" in reply.json["detail"]
            assert server.ask("GET", "/readyz").status == 503
            assert server.ask("GET", "/livez").status == 200
            assert b"kervan_records_failed_total 21.0" in server.ask("GET", "/metrics").body
            ballast.unlink()
            server.until(lambda: server.ask("GET", "/readyz").status == 200)
            reply = server.predict(ROW)
            assert reply.status == 200
            assert server.terminate() == 0
            assert [one.id for one in records(disk / "records")] == [*answered, reply.json["id"]]
        finally:
            server.kill()


def test_a_model_that_answers_nonsense_is_not_answered_but_recorded(
    serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = Engine(serving())
    loaded = engine.current

    class Nonsense:
        def predict(self, matrix: Any) -> Any:
            return loaded.predictor.predict(matrix) * float("nan")

    with pytest.raises(ServerFailed, match="row 0 is not finite"):
        engine.answer(replace(loaded, predictor=Nonsense()), Request(rows=[ROW]), Asked(protocol="predict"))
    engine.close()
    (one,) = records(tmp_path / "records")
    assert one.inputs == (ROW,)
    assert one.outputs == ()


def test_a_package_that_fails_its_health_prediction_never_serves(
    serving: Callable[..., Serving], tmp_path: Path
) -> None:
    package = make_package(tmp_path / "unhealthy", CLASSIFICATION, "3.0.0")
    path = package / "onnx" / "matrix.onnx"
    import onnx
    from onnx import helper

    model = onnx.load(path)
    (output,) = model.graph.output
    last = next(node for node in model.graph.node if output.name in node.output)
    last.output[list(last.output).index(output.name)] = "before"
    model.graph.node.append(helper.make_node("Log", ["before"], ["logarithm"]))
    model.graph.node.append(helper.make_node("Sqrt", ["logarithm"], [output.name]))
    onnx.save(model, path)
    from kervan.package.contents.manifest import FILE_NAME
    from kervan.package.contents.readers.any import parse_manifest
    from kervan.package.contents.seal import write_manifest
    from kervan.package.contents.signing import SigningKey

    write_manifest(parse_manifest((package / FILE_NAME).read_bytes()), package, SigningKey(bytes(32)))
    with pytest.raises(ServerFailed, match=r"gelir@3\.0\.0 failed its health prediction.*not finite"):
        Engine(replace(serving(), package=str(package)))
    assert not (tmp_path / "records").exists()
