"""The site over a filled workspace: seconds and bytes of every page, and its runs beside MLflow's server."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.measure import Measured, alternating, note, show
from benchmarks.peers import python_of
from benchmarks.recorded import record_many
from benchmarks.ui_filled import COLUMNS, RUNS, fill_data, fill_runs, live, metrics, parameters

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parent
PREDICTIONS = 1_000_000
PORT, OTHER_PORT = 18_967, 18_968
MOST_SECONDS, MOST_BYTES = 0.3, 500_000
SORTED = "sort=-roc_auc"


def main(runs: int) -> None:
    """Measure every page, then the table of runs beside MLflow's."""
    print("\n== ui")
    with tempfile.TemporaryDirectory() as scratch:
        folder, other = Path(scratch) / "kervan", Path(scratch) / "mlflow"
        folder.mkdir()
        other.mkdir()
        mlflow = python_of("mlflow-serving")
        with filled(folder) as dataset, ours(folder) as address:
            pages(address, dataset, runs)
            painted(address, dataset, runs)
            if mlflow is not None:
                with theirs(mlflow, other) as (peer, experiment):
                    beside(address, peer, experiment, runs)


@contextmanager
def filled(folder: Path) -> Iterator[str]:
    """Fill a workspace in which a model answers; gives the reference of the wide dataset."""
    import kervan as kv
    from kervan.app.release import stop

    live(folder)
    fill_runs(folder)
    dataset = fill_data(folder)
    with kv.open(folder) as workspace:
        record_many(workspace.project, "production", PREDICTIONS)
        try:
            yield dataset
        finally:
            stop(workspace.project, "production")


def pages(address: str, dataset: str, runs: int) -> None:
    """Show how long every page takes, and how large it is."""
    paths = [
        "/",
        "/data",
        f"/data/{dataset}",
        f"/data/{dataset}?sort=-missing&page=3",
        "/runs",
        f"/runs?{SORTED}",
        "/runs?where=roc_auc+%3E+0.5+and+family+%3D+forest",
        "/models",
        "/releases",
        "/predictions",
        "/predictions?entity=C-17",
        "/watch",
        "/watch/production",
        "/watch/production/traffic",
        "/audit",
        "/settings",
    ]
    print(f"\npages over {RUNS:,} runs, {COLUMNS:,} columns, {PREDICTIONS:,} predictions")
    with httpx.Client(base_url=address, timeout=60) as client:
        for path in paths:
            client.get(path)
            seconds = sorted(_seconds(client, path) for _ in range(runs))
            size = len(client.get(path).content)
            middle = seconds[len(seconds) // 2]
            told = "" if middle < MOST_SECONDS and size < MOST_BYTES else "   TOO MUCH"
            print(f"  {path:<52} {middle * 1e3:7.1f} ms  {size / 1e3:7.1f} kB{told}")


def beside(address: str, peer: str, experiment: str, runs: int) -> None:
    """Compare what the table of runs, sorted by a metric, takes on the server."""
    query = {"experiment_ids": [experiment], "order_by": ["metrics.roc_auc DESC"], "max_results": 100}
    url = f"{peer}/ajax-api/2.0/mlflow/runs/search"
    with httpx.Client(timeout=60) as client:
        found = alternating(
            {
                "kervan, the page": lambda: _seconds(client, f"{address}/runs?{SORTED}&size=100"),
                "mlflow, the JSON for its page": lambda: _post(client, url, query),
            },
            runs,
        )
    show(f"{RUNS:,} runs sorted by a metric, the first 100, on the server", found, "s")
    note("The same runs, inserted directly into both SQLite databases; MLflow's after ANALYZE. Ours is the")
    note("whole page, MLflow's the data alone: its page, which a script draws, fails on runs inserted so.")


def painted(address: str, dataset: str, runs: int) -> None:
    """Show how long it takes until a browser shows the first of each page, with nothing cached."""
    paths = ("/", f"/data/{dataset}", "/runs", "/models", "/releases", "/predictions", "/watch", "/audit")
    with chromium() as browser:
        found = {path: [_painted(browser, f"{address}{path}") for _ in range(runs)] for path in paths}
    first = {path: Measured(statistics.median(each), min(each), max(each)) for path, each in found.items()}
    show("first paint in a new window of Chromium, from the request on", first, "s")


def _painted(browser: Browser, url: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    found = None
    while found is None:
        found = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    context.close()
    return float(found) / 1e3


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def _seconds(client: httpx.Client, path: str) -> float:
    started = time.perf_counter()
    assert client.get(path, headers={"accept": "text/html"}).status_code == 200, path
    return time.perf_counter() - started


def _post(client: httpx.Client, url: str, query: dict[str, object]) -> float:
    started = time.perf_counter()
    found = client.post(url, json=query)
    assert len(found.json()["runs"]) == 100
    return time.perf_counter() - started


@contextmanager
def ours(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "kervan", "ui", "-C", str(folder), "--no-browser", "--port", str(PORT)]
    with running(command, f"http://127.0.0.1:{PORT}/settings"):
        yield f"http://127.0.0.1:{PORT}"


@contextmanager
def theirs(python: Path, folder: Path) -> Iterator[tuple[str, str]]:
    now = int(time.time() * 1_000)
    told = [
        {
            "name": f"try {place}",
            "time": now - place * 60_000,
            "parameters": parameters(place),
            "metrics": metrics(place),
        }
        for place in range(RUNS)
    ]
    runs = folder / "runs.json"
    runs.write_text(json.dumps(told))
    filled = [str(python), str(HERE / "ui_mlflow.py"), str(folder), str(runs)]
    experiment = subprocess.run(filled, check=True, capture_output=True, text=True).stdout.split()[-1]
    store = f"sqlite:///{folder}/mlflow.db"
    options = [
        "--backend-store-uri",
        store,
        "--host",
        "127.0.0.1",
        "--port",
        str(OTHER_PORT),
        "--workers",
        "1",
    ]
    command = [str(python), "-m", "mlflow", "server", *options]
    with running(command, f"http://127.0.0.1:{OTHER_PORT}/health"):
        yield f"http://127.0.0.1:{OTHER_PORT}", experiment


@contextmanager
def running(command: list[str], url: str) -> Iterator[None]:
    """Run a server while it is needed, from when it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                if httpx.get(url, timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(20)
