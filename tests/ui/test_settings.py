"""The page about settings: each with its value and who set it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from ui.visitor import visiting

if TYPE_CHECKING:
    import pytest

    from journeys.home import Home
    from ui.visitor import Visitor


def test_every_setting_says_who_set_it(visitor: Visitor) -> None:
    tables = visitor.json("/settings")["tables"]
    model = {each["name"]: each for each in tables["model"]}
    assert (model["folds"]["value"], model["folds"]["origin"], model["folds"]["place"]) == (
        2,
        "project's file",
        "kervan.toml",
    )
    assert (model["seed"]["origin"], model["folds"]["default"]) == ("default", 5)
    page = html.unescape(visitor.get("/settings"))
    for text in ("[model]", "müşteriler.csv", "project's file", "kervan settings"):
        assert text in page
    assert "projenin dosyası" in visitor.get("/settings", language="tr")


def test_only_what_is_set_is_shown_where_it_is_asked_for(visitor: Visitor) -> None:
    found = visitor.json("/settings?set=1")
    assert {each["origin"] for rows in found["tables"].values() for each in rows} == {"project's file"}
    assert sum(map(len, found["tables"].values())) == found["set"] < found["total"]


def test_no_password_and_no_markup_is_shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "<img src=x onerror=alert(1)>"
    home.write("kervan.toml", f'[project]\nname = "a"\n[data]\nunits = {{ "{name}" = "{name}" }}\n')
    monkeypatch.setenv("KERVAN_WORKSPACE_BLOBS", "s3://ayse:gizli@kova")
    with visiting(home.folder) as visitor:
        page = visitor.get("/settings")
        assert "gizli" not in page
        assert "KERVAN_WORKSPACE_BLOBS" in page
        assert "<img" not in page
        assert "&lt;img src=x" in page
        assert "gizli" not in visitor.client.get("/settings", headers={"accept": "application/json"}).text
