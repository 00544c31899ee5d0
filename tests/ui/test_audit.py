"""The page about the audit trail: searched, checked, taken along."""

from __future__ import annotations

import html
import json
import re
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from ui.visitor import visiting

if TYPE_CHECKING:
    from journeys.home import Home
    from ui.visitor import Visitor

HOSTILE = "<img src=x onerror=alert(1)>"


def test_what_happened_is_shown_newest_first_in_pages(visitor: Visitor) -> None:
    found = visitor.json("/audit?size=3")["found"]
    numbers = [event["sequence"] for event in found["events"]]
    assert numbers == [found["total"], found["total"] - 1, found["total"] - 2]
    page = visitor.get("/audit?size=3&page=2")
    assert f"4 to 6 of {found['total']}" in page
    assert "page=3" in page


def test_it_is_searched_and_the_line_that_does_the_same_is_shown(visitor: Visitor) -> None:
    address = "/audit?action=registered+model&text=ilk&since=7d"
    found = visitor.json("/audit?action=registered+model")["found"]
    assert [event["action"] for event in found["events"]] == ["registered model"]
    page = html.unescape(visitor.get(address))
    assert "kervan audit --action 'registered model' --text ilk --since 7d --limit 50" in page
    assert "No event is like that." in visitor.get("/audit?actor=kimse")
    assert "'gestern' is no time" in html.unescape(visitor.get("/audit?since=gestern", status=422))
    assert "Olay" in visitor.get("/audit", language="tr")


def test_what_is_asked_for_is_taken_along(visitor: Visitor) -> None:
    lines = visitor.client.get("/audit/export?form=jsonl")
    assert lines.headers["content-disposition"] == 'attachment; filename="audit-trail.jsonl"'
    events = [json.loads(line) for line in lines.text.splitlines()]
    assert len(events) == visitor.json("/audit")["found"]["total"]
    table = visitor.client.get("/audit/export?form=csv&action=registered")
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 2
    visitor.get("/audit/export?form=xls", status=422)


def test_the_trail_is_checked_by_a_button(lived: Home) -> None:
    with visiting(lived.folder) as visitor:
        assert "Nothing was altered" in _checked(visitor)
        head = visitor.json("/audit?size=1")["found"]["events"][0]
        assert "Nothing was altered" in _checked(visitor, anchor=f"{head['sequence']}:{head['hash']}")
        assert "does not contain its anchor" in _checked(visitor, anchor=f"1:{'0' * 64}")
        assert "Hiçbir şey değiştirilmemiş" in _checked(visitor, language="tr")
        with closing(sqlite3.connect(lived.folder / ".kervan" / "catalog.sqlite")) as raw:
            raw.execute("UPDATE events SET why = ? WHERE sequence = 2", [HOSTILE])
            raw.commit()
        assert "event 2" in _checked(visitor)
        page = visitor.get("/audit?size=500")
        assert "<img" not in page
        assert "&lt;img src=x" in page


def _checked(visitor: Visitor, language: str = "en", **fields: str) -> str:
    """Press the button, wait for the work, and return what it says."""
    visitor.client.headers["accept-language"] = language
    try:
        page = visitor.post("/audit/verify", **fields)
    finally:
        del visitor.client.headers["accept-language"]
    [path] = set(re.findall(r'action="(/work/[^/"]+)/interrupt"', page)) or {""}
    until = time.monotonic() + 60
    while path and time.monotonic() < until:
        page = visitor.get(path)
        if "/interrupt" not in page:
            break
        time.sleep(0.2)
    return html.unescape(page)
