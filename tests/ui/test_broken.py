"""What is under the site breaks while it runs: the pages say so, and go on when it is mended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home
    from ui.visitor import Visitor

PAGES = (
    "/",
    "/data",
    "/runs",
    "/models",
    "/releases",
    "/settings",
    "/settings/file",
    "/begin",
    "/audit",
    "/work",
)
SECRET = "gizli42"


def _check(visitor: Visitor, paths: tuple[str, ...] = PAGES) -> None:
    for path in paths:
        found = visitor.client.get(path, follow_redirects=True)
        assert found.status_code in {200, 404, 422, 503}, (path, found.status_code)
        assert "bug in Kervan" not in found.text, path
        told = visitor.client.get(path, headers={"accept": "application/json"})
        assert told.status_code in {200, 404, 422, 503}
        assert told.status_code == 200 or told.json()["hint"], path


def test_a_folder_that_is_gone(home: Home) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        assert visitor.get("/")
        shutil.rmtree(home.folder)
        _check(visitor)
        for path in ("/run", "/begin", "/settings/file"):
            assert visitor.client.post(path, json={"source": "x"}).status_code in {404, 503}
        assert not home.folder.exists()


def test_settings_that_are_no_file(home: Home) -> None:
    home.start()
    path = home.folder / "kervan.toml"
    good = path.read_bytes()
    with visiting(home.folder) as visitor:
        path.unlink()
        path.mkdir()
        _check(visitor)
        path.rmdir()
        path.symlink_to("kervan.toml")
        _check(visitor)
        path.unlink()
        path.write_bytes(b"\xff\xfe")
        _check(visitor)
        path.write_bytes(good)
        assert visitor.get("/runs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_in_it_that_cannot_be_read_holds_no_tables(home: Home) -> None:
    home.start()
    (home.folder / "secret").mkdir(mode=0)
    with visiting(home.folder) as visitor:
        assert [each["name"] for each in visitor.json("/begin")["files"]] == ["müşteriler.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_entered(home: Home) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        home.folder.chmod(0)
        try:
            _check(visitor)
        finally:
            home.folder.chmod(0o700)
        assert visitor.get("/runs")


def test_passwords_are_nowhere_and_outlive_an_edit(home: Home) -> None:
    home.start()
    path = home.folder / "kervan.toml"
    line = f'catalog = "postgresql://ayse:{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}"'
    path.write_text(f"{path.read_text(encoding='utf-8')}[workspace]\n{line}\n", encoding="utf-8")
    with visiting(home.folder) as visitor:
        for page in PAGES:
            for kind in ("text/html", "application/json"):
                found = visitor.client.get(page, headers={"accept": kind})
                assert SECRET not in found.text
                assert found.status_code in {200, 503}
        shown = visitor.json("/settings/file")
        moved = shown["text"].replace("127.0.0.1:1", "127.0.0.1:2")
        page = visitor.post("/settings/file", text=moved, seen=shown["hash"], status=422)
        assert "the password in this line is hidden" in page
        visitor.client.post("/settings/file", json={"text": shown["text"] + "# x\n", "seen": shown["hash"]})
        found = path.read_text(encoding="utf-8")
        assert line in found


@pytest.fixture
def site(home: Home) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`kervan ui` as somebody starts it in a terminal, and its address."""
    home.start()
    command = [sys.executable, "-m", "kervan", "ui", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=home.folder, env=home.surroundings(), stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stderr
    try:
        told = process.stderr.readline().decode()
        yield process, told.partition(" ")[0]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.slow
def test_ctrl_c_ends_it_while_work_goes_on_and_pages_are_open(
    site: tuple[subprocess.Popen[bytes], str], home: Home
) -> None:
    process, address = site
    with httpx.Client(base_url=address) as client:
        work = client.post("/run", json={}, headers={"accept": "application/json"}).json()["to"]
        with client.stream("GET", f"{work}?live=1") as live:
            first = next(live.iter_lines())
            assert first.startswith("data: ")
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(30) in {0, 130, -signal.SIGINT}
    assert process.stderr
    said = process.stderr.read().decode()
    assert not re.search("Traceback|Fatal|Error", said), said
    assert home.ask("runs").code == 0


@pytest.mark.slow
def test_a_second_site_on_a_port_says_so(site: tuple[subprocess.Popen[bytes], str], home: Home) -> None:
    port = site[1].rstrip("/").rpartition(":")[2]
    again = home.ask("ui", "--no-browser", "--port", port, code=None)
    assert again.code == 8
    assert f"port {port} on 127.0.0.1 is taken" in again.err


def test_it_is_not_opened_to_other_machines(home: Home) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "evil.example"):
        refused = home.ask("ui", "--no-browser", "--host", host, code=None)
        assert refused.code == 4
        assert "ssh -L" in refused.err


def test_work_that_is_interrupted_at_once_ends_in_silence(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        for _ in range(3):
            path = visitor.tell("/run")["to"]
            visitor.tell(f"{path}/interrupt")
            for _ in range(300):
                if visitor.json(path)["ended"]:
                    break
                time.sleep(0.1)
            assert visitor.json(path)["error"] == "it was interrupted"
    assert "Traceback" not in capfd.readouterr().err
