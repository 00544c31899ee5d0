"""A model under rising load: what it needs is found, kept, and the released server is not touched."""

from __future__ import annotations

import http.server
import itertools
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from journeys.home import Home
from kervan.api.session import open as open_workspace
from kervan.app.profile import LoadGoal, newest_profile
from kervan.app.register import find_model
from kervan.core.errors import InvalidInput, ServerFailed
from kervan.deploy.rush import put_load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "müşteri-kaybı@1.0.0"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Home:
    """A project after its first run, with a file of a row that its model refuses."""
    folder = tmp_path_factory.mktemp("bir") / "Müşteri Kaybı"
    shutil.copytree(template, folder)
    here = Home(folder)
    here.write("kötü.json", '[{"yaş": 30, "şehir": "ısparta", "gelir": "çok"}]')
    return here


def test_what_a_model_needs_is_found_and_kept(lived: Home) -> None:
    goal = "p90 < 2s at 120/s"
    asked = ("--goal", goal, "--rows", "müşteriler.csv", "--seconds", "0.2", "-o", "yük.html", "--json")
    found = lived.ask("profile", MODEL, *asked).json
    assert found["rows"] == 200
    assert 0.7 < found["quality"]["accuracy"] <= 1
    held = [each for each in found["levels"] if each["holds"]]
    assert found["capacity"] == max(each["rate"] for each in held)
    assert found["replicas"] * found["capacity"] >= 120
    assert held[0]["latency"]["p50"] <= held[0]["latency"]["p99"]
    assert found["memory"] > 10_000_000
    assert "<polyline" in (lived.folder / "yük.html").read_text(encoding="utf-8")
    assert lived.ask("releases", "--json").json[0]["state"] == "gone"  # as it was
    with open_workspace(lived.folder) as ws:
        kept = newest_profile(ws.project, find_model(ws.project, MODEL))
        assert kept is not None
        assert (kept.goal, kept.replicas) == (goal, found["replicas"])
    lived.ask("audit", "verify")
    settings = (lived.folder / "kervan.toml").read_text("utf-8")
    lived.write("kervan.toml", settings.replace("port = 0", 'port = 0\nmemory = "10MB"'))
    refused = lived.ask("deploy", MODEL, "--dry-run", code=1).out
    lived.write("kervan.toml", settings)
    rendered = lived.ask("render", MODEL, "--target", "kubernetes", "--json", code=None).json["files"]
    workload = next(text for name, text in rendered.items() if name.startswith("workload"))
    assert f"replicas: {found['replicas']}\n" in workload  # what a place starts from
    assert "memory:" in workload
    assert "MiB when it was profiled, and a replica may take 10 MiB; give at least" in refused


def test_a_goal_that_nothing_reaches_ends_with_four(lived: Home) -> None:
    asked = lived.ask("profile", MODEL, "--goal", "p50 < 1us at 10/s", "--seconds", "0.2", code=4)
    assert "no number of replicas reaches p50 < 1us at 10/s" in asked.out
    with open_workspace(lived.folder) as ws:
        kept = newest_profile(ws.project, find_model(ws.project, MODEL))
        assert kept is not None
        assert (kept.replicas, kept.capacity) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((MODEL, "--goal", "fast"), 2, "no goal for a load"),
        ((MODEL, "--goal", "p99 < 20ms at 0/s"), 2, "asks for nothing"),
        ((MODEL, "--goal", "errors < 1% at 5/s"), 2, "bounds no latency"),
        ((MODEL, "--goal", "p99 > 20ms at 5/s"), 2, "bounds no latency"),
        ((MODEL, "--goal", "p98 < 20ms at 5/s"), 2, "'p98', which nobody measures"),
        (("yok", "--goal", "p99 < 20ms at 5/s"), 3, "there is no model 'yok'"),
        ((MODEL, "--goal", "p99 < 20ms at 5/s", "--rows", "yok.csv"), 3, "there is no file yok.csv"),
        ((MODEL, "--goal", "p99 < 20ms at 5/s", "--rows", "kötü.json"), 2, "'gelir'"),
    ],
)
def test_mistakes_are_named(once: Home, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert said in once.ask("profile", *arguments, code=code).err


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers one after the other, 50 ms each; every fourth with an error."""

    protocol_version = "HTTP/1.1"
    count = itertools.count(1)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        number = next(_Slow.count)
        time.sleep(0.05)
        self.send_response(500 if number % 4 == 0 else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def slow() -> Iterator[tuple[str, int]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield ("127.0.0.1", server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join()


def test_latencies_count_from_when_requests_were_due_and_errors_as_failed(slow: tuple[str, int]) -> None:
    found = put_load(slow, [b"{}"], rate=20, seconds=1, process=0)
    assert found.sent == 20
    assert found.failed == 5
    assert min(found.latencies) > 0.045
    assert found.quantile(0.99) == float("inf")
    assert found.quantile(0.5) < 1


def test_nobody_there_is_said() -> None:
    with pytest.raises(ServerFailed, match="no server answers"):
        put_load(("127.0.0.1", 1), [b"{}"], rate=20, seconds=1, process=0)


def test_a_goal_is_read_with_or_without_blanks() -> None:
    assert LoadGoal.parse("p95<5ms at 1_000 / s").rate == 1_000
    with pytest.raises(InvalidInput, match="no number"):
        LoadGoal.parse("p95 < 1.2.3ms at 5/s")
