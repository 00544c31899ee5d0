"""A suspicion of leakage does not vanish: it is told each time, and kept, until it is answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from journeys.home import HEADER, SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled

SAID = "column 'kopya' gives the target 'ayrıldı' away"


def start(home: Home, extra: str = "", release: bool = True) -> None:
    rows = [[*row, "E" if row[-1] == "evet" else "H"] for row in customers(200)]
    settings = SETTINGS.replace("[model]", f"{extra}\n[model]")
    home.start(settings=settings if release else settings.partition("[release]")[0])
    home.write("müşteriler.csv", as_csv(rows, [*HEADER, "kopya"]))


def test_a_suspicion_is_told_in_every_run_and_kept_with_the_model(home: Home) -> None:
    start(home, release=False)
    for _ in range(2):
        again = home.ask("run", "--json")
        assert again.err.count(SAID) == 2  # of the data, and at acceptance
        assert any(SAID in each for each in again.json["warnings"])
    assert SAID in home.ask("data", "show", "müşteri-kaybı").out
    assert all("gives the target" in page.read_text() for page in home.folder.glob(".kervan/reports/*.html"))
    home.ask("package", "export", "müşteri-kaybı", str(home.folder / "paket"))
    manifest = json.loads((home.folder / "paket" / "manifest.json").read_bytes())
    assert any(SAID in each for each in manifest["doubts"])
    assert "gives the target" in (home.folder / "paket" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_release_under_suspicion_needs_a_reason_or_an_answer(home: Home) -> None:
    start(home)
    refused = home.ask("run", code=4).err
    assert "was accepted under suspicion" in refused
    assert 'accept = ["kopya"]' in refused
    assert home.ask("releases", "--json").json == []
    assert home.ask("release", "--why", "şube sorulduğunda biliniyor", "--json").json["shares"]
    home.ask("release", "--stop")
    start(home, extra='accept = ["kopya"]')
    answered = home.ask("run", "--json")
    assert SAID not in answered.err
    assert not any(SAID in each for each in answered.json.get("warnings", []))
    assert answered.json["environment"] == "üretim"
