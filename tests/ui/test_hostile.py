"""Whatever tables, callers and reasons hold is shown as text, and never as a part of the page."""

from __future__ import annotations

import csv
import io
import random
from typing import TYPE_CHECKING

import pytest

from journeys.home import Home
from ui.browser import opened, window
from ui.pages import every_page
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ui.visitor import Visitor

pytestmark = [pytest.mark.service, pytest.mark.slow]

EVIL = "<img src=x onerror=alert(1)>"
BREAKS = '"><script>alert(2)</script>'
CLOSES = "</script><script>alert(3)</script>"
TURNS = "a\u202egnp.exe"
_SETTINGS = """
[project]
name = "kötü"
[data]
source = "t.csv"
target = "left"
entity = "who"
[model]
families = ["linear"]
folds = 2
[release]
to = "production"
port = 0
"""


def _table() -> str:
    dice = random.Random(0)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([EVIL, "şehir", BREAKS, "many", "who", "left"])
    for place in range(2_000):
        number = dice.random()
        city = dice.choice([EVIL, CLOSES, TURNS, "İstanbul"])
        text = dice.choice([BREAKS, "b", "c"])
        writer.writerow(
            [number, city, text, f"c{place}", f"<b>{place % 50}</b>", "yes" if number > 0.5 else "no"]
        )
    return out.getvalue()


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A visitor of a project whose names and values would like to be markup."""
    home = Home(tmp_path_factory.mktemp("kötü"))
    home.write("t.csv", _table())
    home.write("kervan.toml", _SETTINGS)
    try:
        home.ask("run", "--quiet", "--why", CLOSES)
        home.write("rows.csv", "\n".join(_table().splitlines()[:60]))
        home.ask("predict", "production", "-f", "rows.csv", "--quiet")
        _track(home.folder)
        with visiting(home.folder) as visitor:
            yield visitor
    finally:
        home.stop()


def _wide() -> str:
    """Return a table of 1,000 columns, of which one has 10,000 categories."""
    heads = ["many", "left", *(f"column {place}" for place in range(998))]
    rows = (
        f"c{place},{'yes' if place % 3 else 'no'}," + ",".join([str(place % 1009)] * 998)
        for place in range(10_000)
    )
    return "\n".join([",".join(heads), *rows])


def _track(folder: Path) -> None:
    import kervan as kv

    with kv.open(folder) as workspace, workspace.track(EVIL, family=BREAKS, lr=0.1) as run:
        run.log_metric("loss", 0.5)
        run.log_metric("loss", 0.4, step=1)


def test_a_thousand_columns_and_ten_thousand_categories_are_a_page_like_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write("wide.csv", _wide())
    home.write("kervan.toml", '[data]\nsource = "wide.csv"\ntarget = "left"\nname = "wide"\n')
    home.ask("data", "ingest", "--quiet")
    with visiting(home.folder) as visitor, opened() as browser, window(browser, visitor.address) as page:
        for path in ("/data/wide:1", "/data/wide:1?page=20", "/data/wide:1/column?name=many"):
            assert len(visitor.get(path)) < 500_000
            page.goto(path)
            assert page.locator("h1").is_visible()
        page.goto("/data/wide:1")
        page.get_by_label("Search columns").fill("many")
        page.get_by_role("button", name="Search").click()
        assert page.get_by_role("link", name="many").first.is_visible()


def test_nothing_that_users_name_becomes_markup(evil: Visitor) -> None:
    paths = (*every_page(evil), "/find?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", f"/runs?where={EVIL}")
    with opened() as browser, window(browser, evil.address) as page:
        for path in paths:
            page.goto(path)
            assert page.locator("img").count() == 0, path
            assert page.evaluate("document.querySelectorAll('script:not([src]):not([type])').length") == 0, (
                path
            )
            assert "\u202e" not in page.content(), path
