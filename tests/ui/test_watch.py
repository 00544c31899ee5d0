"""Drift, traffic and quality in the browser: looked at, looked for, and fed with labels."""

from __future__ import annotations

import json
import time
from html import unescape
from typing import TYPE_CHECKING

import pytest

from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home
    from ui.visitor import Visitor

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


@pytest.fixture
def watched(lived: Home) -> Iterator[tuple[Home, Visitor]]:
    """A project whose model was asked for its own rows, and somebody who looks at it."""
    lived.ask("release")
    lived.ask("predict", "üretim", "-f", "müşteriler.csv")
    with visiting(lived.folder) as visitor:
        yield lived, visitor


def test_before_anybody_looked_the_pages_say_the_next_command(watched: tuple[Home, Visitor]) -> None:
    _, visitor = watched
    assert "kervan drift üretim" in visitor.get("/watch/üretim")
    assert "kervan feedback labels.csv üretim" in visitor.get("/watch/üretim/quality")
    assert visitor.json("/watch")["environments"][0]["name"] == "üretim"
    visitor.get("/watch/yok", status=404)
    visitor.get("/watch/üretim/drift.html", status=404)
    visitor.get("/watch/üretim/traffic?span=year", status=422)


def test_somebody_looks_for_drift_and_sees_each_column_over_time(watched: tuple[Home, Visitor]) -> None:
    home, visitor = watched
    home.ask("drift", "üretim")
    home.write("aynı.json", json.dumps([ROW] * 200))
    home.ask("predict", "üretim", "-f", "aynı.json")
    visitor.post("/watch/üretim", since="")
    until = time.monotonic() + 60
    while len(visitor.json("/watch/üretim")["checks"]) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    found = visitor.json("/watch/üretim")
    assert [each["verdict"] for each in found["checks"]] == ["passed", "failed"]
    assert found["total"] == 4
    page = visitor.get("/watch/üretim?column=yaş")
    assert "Shares in training and now" in page
    assert "failed" in visitor.get("/watch")
    mailed = visitor.get("/watch/üretim/drift.html")
    assert mailed.lower().startswith("<!doctype html>")
    assert visitor.json("/watch/üretim?name=YAŞ")["total"] == 1


def test_traffic_is_shown_for_a_span(watched: tuple[Home, Visitor]) -> None:
    _, visitor = watched
    for span in ("1h", "all"):
        (version,) = visitor.json(f"/watch/üretim/traffic?span={span}")["traffic"]["versions"]
        assert (version["model"], sum(version["requests"])) == ("müşteri-kaybı@1.0.0", 1)
    page = unescape(visitor.get("/watch/üretim/traffic?span=1h"))
    assert "kervan traffic 'üretim' --since 1h" in page


def test_labels_that_somebody_brings_say_how_right_answers_were(watched: tuple[Home, Visitor]) -> None:
    home, visitor = watched
    answers = [home.predict(ROW) for _ in range(3)]
    labels = "".join(f"{each['id']},{each['label']}\n" for each in answers)
    brought = {"file": ("<b>.csv", f"id,label\n{labels}".encode())}
    assert "3 came back" in visitor.post("/watch/üretim/quality", files=brought)
    found = visitor.json("/watch/üretim/quality")["quality"]
    assert (found["figure"], found["known"]) == ("accuracy", 3)
    assert {each for each in found["versions"][0]["figure"] if each is not None} == {1.0}
    assert "Share of right answers" in visitor.get("/watch/üretim/quality?all=1")
    visitor.post("/watch/üretim/quality", files={"file": ("labels.exe", b"MZ")}, status=422)
    visitor.post("/watch/üretim/quality", status=422)
    broken = {"file": ("labels.csv", b"id,label\nyok,evet\n")}
    assert "row 1" in visitor.post("/watch/üretim/quality", files=broken, status=422)
