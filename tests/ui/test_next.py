"""Ways on: what comes next, what belongs together, and which of many figures is the one that counts."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ui.visitor import visiting

if TYPE_CHECKING:
    from journeys.home import Home
    from ui.visitor import Visitor


def _ways(page: str) -> set[str]:
    main = page.partition("<main")[2]
    return {unquote(html.unescape(each)) for each in re.findall(r'href="([^"]+)"', main)}


def test_a_new_project_is_told_to_run(home: Home) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        page = visitor.get("/")
    assert "Run the whole way" in page
    assert "the button above" in page
    assert "Nothing happened yet." in page


def test_home_leads_on_and_names_what_happened(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert {"/ask/üretim", "/watch/üretim/quality", "/settings/file"} <= _ways(page)
    shown = html.unescape(page)
    for each in visitor.json("/")["events"]:
        assert f">{each['body'].get('ref') or each['subject']}</a>" in shown


def test_what_belongs_together_is_linked(visitor: Visitor) -> None:
    model = visitor.json("/models")["models"][0]["ref"]
    assert {"/ask/üretim", f"/predictions?model={model}"} <= _ways(visitor.get(f"/models/{quote(model)}"))
    asked = {"/ask/üretim", "/watch/üretim", "/predictions?environment=üretim"}
    assert asked <= _ways(visitor.get("/releases/üretim"))
    assert asked <= _ways(visitor.get("/releases"))
    assert "/begin" in _ways(visitor.get("/data"))


def test_a_model_is_told_by_the_metric_that_it_was_accepted_by(visitor: Visitor) -> None:
    row = visitor.json("/models")["models"][0]
    model = visitor.json(f"/models/{quote(row['ref'])}")
    assert row["metric"] == model["acceptance"]["metric"]


def test_runs_show_first_what_they_were_to_reach(visitor: Visitor) -> None:
    address = "/runs?where=goal+~+a+and+family+~+a"
    found = visitor.json(address)
    goal = found["runs"][0]["parameters"]["goal"]
    measured = [each for each in found["columns"] if each.startswith("validation.")]
    assert measured[0] == f"validation.{goal}"
    assert found["columns"][0] in {"candidate", "family"}
    assert "[&#39;" not in visitor.get(address)
