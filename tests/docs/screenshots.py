"""Pictures of every page for the documentation, of a project that is in the middle of its life.

`python -m docs.screenshots` in `tests/` writes them into `docs/images/ui/`; with a folder, every page in both
colours and at two widths there instead, to be looked at.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeys.home import Home
from ui.browser import opened, window
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from ui.visitor import Visitor

OUT = Path(__file__).parents[2] / "docs" / "images" / "ui"
WIDTHS = {1280: 860, 390: 844}
_SECOND = """
[model]
families = ["forest", "boosting"]
goal = { metric = "roc_auc", at_least = 0.9 }
"""


def live(home: Home) -> None:
    """Let a project live: a first model that answers, a second that comes as a canary, labels, drift."""
    home.run("demo", str(home.folder), "--quiet")
    settings = (home.folder / "kervan.toml").read_text(encoding="utf-8")
    head = settings.partition("[model]")[0]
    (home.folder / "kervan.toml").write_text(head + _SECOND + "[release]\nport = 0\n", encoding="utf-8")
    home.run("run", "--quiet", "--why", "trees, for the nurses to read")
    track_some(home)
    home.run("release", "--to", "production", "--quiet")
    address = home.run("releases", "--json").json[0]["endpoint"]
    table = rows(home.folder / "breast-cancer.csv")
    first = [ask(address, row) for row, _ in table[:300]]
    tell(home, first, [label for _, label in table[:300]])
    canary = ["--strategy", "canary", "--steps", "10,50", "--samples", "100", "--every", "10m"]
    home.run("release", "breast-cancer@1.0.1", "--to", "production", *canary, "--why", "easier to explain")
    for row, _ in table * 4:
        ask(address, row)
        time.sleep(0.004)
    home.run("drift", "--quiet", code=None)


def track_some(home: Home) -> None:
    """Record a few tries with curves, as a notebook does."""
    import kervan as kv

    with kv.open(home.folder) as workspace:
        for place in range(24):
            rate = 0.003 * 1.3**place
            with workspace.track(f"try {place}", rate=round(rate, 4), depth=3 + place % 4) as run:
                for step in range(60):
                    run.log_metric("loss", 0.7 * math.exp(-step * rate) + 0.02 * (place % 3), step=step)
                run.log_metric("accuracy", 0.97 - 0.004 * (place - 12) ** 2 / 12)


def rows(path: Path) -> list[tuple[dict[str, Any], str]]:
    """Return the rows of the table as they are asked for, each with what is true."""
    with path.open(encoding="utf-8") as file:
        return [(_asked(row), row["diagnosis"]) for row in csv.DictReader(file)]


def _asked(row: dict[str, str]) -> dict[str, Any]:
    return {name: float(value) for name, value in row.items() if name not in {"patient", "diagnosis"}}


def ask(address: str, row: dict[str, Any]) -> str:
    """Return the id of an answer."""
    body = json.dumps({"features": row}).encode()
    request = urllib.request.Request(f"{address}/predict", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        found: str = json.load(answer)["id"]
    return found


def tell(home: Home, ids: list[str], labels: list[str]) -> None:
    """Give labels back."""
    pairs = zip(ids, labels, strict=True)
    home.write("labels.csv", "id,label\n" + "".join(f"{ident},{label}\n" for ident, label in pairs))
    home.run("feedback", "labels.csv", "--quiet")


def pages(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Yield the name and the address of every page."""
    run = visitor.json("/runs?where=name+~+try")["runs"]
    compared = "&".join(f"run={each['id']}" for each in run[:6])
    asked = visitor.json("/predictions")["page"]["rows"][0]["id"]
    yield "home", "/"
    yield "data", "/data"
    yield "dataset", "/data/breast-cancer:1"
    yield "runs", "/runs"
    yield "run", f"/runs/{run[0]['id']}"
    yield "runs-compared", f"/runs/compare?{compared}"
    yield "models", "/models"
    yield "model", "/models/breast-cancer@1.0.1"
    yield "releases", "/releases"
    yield "release", "/releases/production"
    yield "predictions", "/predictions"
    yield "prediction", f"/predictions/{asked}"
    yield "ask", "/ask"
    yield "watch", "/watch"
    yield "audit", "/audit"
    yield "settings", "/settings"


def shoot(browser: Browser, visitor: Visitor, folder: Path, *, width: int, colours: str, whole: bool) -> None:
    """Write a picture of every page."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"viewport": {"width": width, "height": WIDTHS[width]}, "color_scheme": colours}
    with window(browser, visitor.address, **options) as page:
        for name, path in pages(visitor):
            page.goto(path)
            page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{name}.png", full_page=whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    chosen = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch) / "breast-cancer")
        home.folder.mkdir()
        try:
            live(home)
            with visiting(home.folder) as visitor, opened() as browser:
                if chosen is None:
                    shoot(browser, visitor, OUT, width=1280, colours="light", whole=False)
                    return
                for width in WIDTHS:
                    for colours in ("light", "dark"):
                        place = chosen / f"{width}-{colours}"
                        shoot(browser, visitor, place, width=width, colours=colours, whole=True)
        finally:
            home.stop()


if __name__ == "__main__":
    main()
