"""Requests a second for one row, with the record on, beside a FastAPI service on the same model."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.measure import alternating, note, show
from benchmarks.peers import OURS, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CONNECTIONS = (1, 8, 64)
SECONDS = 4
PORT = 18_427


def main(runs: int) -> None:
    """Measure two servers that are up at the same time, asked in turns."""
    print("\n== serving")
    peer = python_of("fastapi")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with kervan_server(folder) as (address, package):
            manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
            row = manifest["samples"][0]
            bodies = {"kervan": (f"{address}/predict", {"features": row})}
            if peer is None:
                measure(folder, bodies, runs)
            else:
                with fastapi_server(peer, package) as other:
                    measure(folder, {**bodies, "fastapi + onnxruntime": (f"{other}/predict", row)}, runs)
    note("Kervan checks types, records every prediction on disk, counts metrics; the peer checks types only.")
    note(f"One worker each, boosting on 30 columns, {SECONDS} s a run, keep-alive, on the same cores.")


def measure(folder: Path, bodies: dict[str, tuple[str, Any]], runs: int) -> None:
    tool = "wrk" if shutil.which("wrk") else "a small asyncio client (wrk is not installed), itself a limit"
    note(f"asked by {tool}")
    for connections in CONNECTIONS:
        contenders = {
            name: lambda url=url, body=body, connections=connections: load(folder, url, body, connections)
            for name, (url, body) in bodies.items()
        }
        title = f"POST /predict, one row, {connections} connections"
        show(title, alternating(contenders, runs), "a second", higher_is_better=True)


def load(folder: Path, url: str, body: Any, connections: int) -> float:
    """Return the requests a second; a run with a failed request ends the benchmark."""
    if not shutil.which("wrk"):
        command = [OURS, str(HERE / "client.py"), url, json.dumps(body), str(connections), str(SECONDS)]
        return float(subprocess.run(command, capture_output=True, check=True).stdout)
    script = folder / "ask.lua"
    text = json.dumps(json.dumps(body))
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = {text}\nwrk.headers["content-type"] = "application/json"\n',
        encoding="utf-8",
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    if "Non-2xx" in said:
        raise SystemExit(said)
    return float(said.partition("Requests/sec:")[2].split()[0])


@contextmanager
def kervan_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """Train on the breast cancer table that scikit-learn carries, and release."""
    from kervan.app.demo import write_demo

    project = folder / "project"
    write_demo(project)
    settings = (project / "kervan.toml").read_text(encoding="utf-8")
    (project / "kervan.toml").write_text(
        settings.replace("[model]", '[model]\nfamilies = ["boosting"]'), encoding="utf-8"
    )
    kervan = [OURS, "-m", "kervan"]
    done = subprocess.run([*kervan, "run", "-q", "--json"], cwd=project, capture_output=True, check=True)
    try:
        ran = json.loads(done.stdout)
        package = folder / "package"
        subprocess.run(
            [*kervan, "package", "export", ran["model"], str(package)],
            cwd=project,
            check=True,
            capture_output=True,
        )
        yield ran["address"], package
    finally:
        subprocess.run([*kervan, "release", "--stop"], cwd=project, check=True, capture_output=True)


@contextmanager
def fastapi_server(python: Path, package: Path) -> Iterator[str]:
    """Serve the exported model by hand."""
    command = [str(python), str(HERE / "fastapi_service.py"), str(package), str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{PORT}"
            for _ in range(100):
                if answers(url):
                    break
                time.sleep(0.2)
            yield url
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=1) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False
