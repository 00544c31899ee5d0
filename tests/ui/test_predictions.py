"""Predictions in the browser: found, one with its way, asked by hand; and what nobody may inject."""

from __future__ import annotations

from html import escape, unescape
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS, Home, as_csv, customers
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.visitor import Visitor

HOSTILE = "<img src=x onerror=alert(1)>"
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


@pytest.fixture
def hostile(home: Home) -> Iterator[tuple[Home, Visitor]]:
    """A project with hostile names of a column, a category and an entity, whose model answers."""
    header = ("müşteri", HOSTILE, "şehir", "gelir", "0", "ayrıldı")
    rows = [[*row[:2], HOSTILE if row[2] == "ısparta" else row[2], *row[3:]] for row in customers(200)]
    home.write("müşteriler.csv", as_csv(rows, header))
    home.write("kervan.toml", SETTINGS.replace("[model]", 'entity = "müşteri"\n[model]'))
    home.ask("run", "--quiet", "--why", HOSTILE)
    with visiting(home.folder) as visitor:
        yield home, visitor


def test_predictions_are_listed_in_pages(visitor: Visitor) -> None:
    first = visitor.json("/predictions?limit=50")["page"]
    assert len(first["rows"]) == 1  # one request of 120 rows
    ident = first["rows"][0]["id"].partition(".")[0]
    rows = visitor.json(f"/predictions?id={ident}&limit=100")["page"]
    assert len(rows["rows"]) == 100
    rest = visitor.json(f"/predictions?id={ident}&limit=100&before={rows['before']}")["page"]
    assert len(rest["rows"]) == 20
    page = visitor.get("/predictions")
    assert "of 120 rows" in page
    assert f"/predictions/{ident}.0" in page
    late = unescape(visitor.get("/predictions?environment=üretim&since=7d"))
    assert "kervan predictions 'üretim' --since 7d" in late
    assert "No prediction fits." in visitor.get("/predictions?entity=kimse")
    assert "Uyan tahmin yok." in visitor.get("/predictions?entity=kimse", language="tr")


def test_what_cannot_be_looked_for_says_why(visitor: Visitor) -> None:
    assert "is no time" in visitor.get("/predictions?since=dün", status=422)
    assert "begins with" in visitor.get("/predictions?id=%3Cb%3E", status=422)
    assert "limit" in visitor.get("/predictions?limit=0", status=422)
    visitor.get("/predictions?environment=yok", status=404)
    visitor.get("/predictions/01JD4Z8Y7W0000000000000000", status=404)
    visitor.get("/predictions/yok", status=422)
    visitor.get("/ask/yok", status=404)


def test_one_prediction_shows_its_way_to_the_rows(visitor: Visitor) -> None:
    ident = visitor.json("/predictions")["page"]["rows"][0]["id"]
    found = visitor.json(f"/predictions/{ident}")
    places = [each["place"] for each in found["way"]]
    assert places[:3] == ["caller", "request", "deployment"]
    assert places[-4:] == ["run", "code", "dataset", "rows"]
    page = visitor.get(f"/predictions/{ident}")
    for part in ("/models/m%C3%BC%C5%9Fteri-kayb%C4%B1@1.0.0", "/runs/", "/data/", "İstanbul", "ilk sürüm"):
        assert part in page
    assert f"kervan trace {ident}" in page


def test_a_model_is_asked_by_hand_and_refusals_keep_what_was_written(hostile: tuple[Home, Visitor]) -> None:
    _, visitor = hostile
    form = visitor.json("/ask/üretim")["form"]
    texts = {f"in:{name}": str(value) for name, value in form["example"].items()}
    page = visitor.post("/ask/üretim", **texts, **{"in:müşteri": HOSTILE})
    assert "evet" in page
    assert HOSTILE not in page
    answer = visitor.tell("/ask/üretim", **texts)["answer"]
    assert answer["label"] in {"evet", "hayır"}
    wrong = visitor.post("/ask/üretim", status=422, **{**texts, f"in:{HOSTILE}": "otuz"})
    assert "whole number" in wrong
    assert "otuz" in wrong
    assert HOSTILE not in wrong


def test_what_people_name_is_text_and_nothing_else(hostile: tuple[Home, Visitor]) -> None:
    home, visitor = hostile
    row = {HOSTILE: 30, "şehir": HOSTILE, "gelir": 1.0, "0": None, "müşteri": HOSTILE}
    ident = home.predict(row)["id"]
    home.ask("predict", "üretim", "-f", "müşteriler.csv")
    home.ask("drift", "üretim")
    home.write("dönen.json", f'[{{"id": "{ident}", "label": "{HOSTILE}"}}]')
    home.ask("feedback", "dönen.json", "üretim")
    for path in (
        "/predictions",
        f"/predictions/{ident}",
        "/ask/üretim",
        "/watch",
        "/watch/üretim",
        f"/watch/üretim?column={HOSTILE}",
        "/watch/üretim/traffic",
        "/watch/üretim/quality",
    ):
        page = visitor.get(path)
        assert HOSTILE not in page
        assert escape(HOSTILE, quote=False) in page or "traffic" in path or "quality" in path
