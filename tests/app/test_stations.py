"""A trace as a way: who asked, what answered, and everything behind it in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeys.home import SETTINGS
from kervan.app.drift import check_drift
from kervan.app.drift_history import DriftHistory, drift_history
from kervan.app.stations import Place, stations
from kervan.app.trace import trace

if TYPE_CHECKING:
    from journeys.home import Home

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


def test_the_way_leads_from_the_key_to_the_rows(lived: Home) -> None:
    issued = lived.ask("key", "create", "--scope", "predict", "--name", "dükkân", "--json").json
    lived.write("kervan.toml", SETTINGS + 'keys = ".kervan/access.json"\n')
    lived.ask("release")
    lived.environ["KERVAN_KEY"] = issued["token"]
    answer = lived.predict(ROW)
    with lived.opened() as project:
        found = trace(project, answer["id"])
        way = stations(project, found)
    assert [each.place for each in way] == [
        Place.CALLER,
        Place.REQUEST,
        Place.DEPLOYMENT,
        *([Place.RELEASE] if found.release else []),
        Place.MODEL,
        Place.ACCEPTANCE,
        Place.RUN,
        Place.CODE,
        Place.DATASET,
        Place.ROWS,
    ]
    named = {each.place: each for each in way}
    assert (named[Place.CALLER].name, named[Place.REQUEST].name) == ("dükkân", answer["id"])
    assert named[Place.MODEL].name == answer["model"]
    assert named[Place.ROWS].facts["rows"] < named[Place.DATASET].facts["rows"] == 200
    assert named[Place.DEPLOYMENT].facts["share"] == 1.0


def test_drift_is_told_check_by_check_for_each_column(lived: Home) -> None:
    lived.ask("release")
    lived.write("satır.json", str([ROW] * 150).replace("'", '"').replace("None", "null"))
    with lived.opened() as project:
        assert drift_history(project, "üretim") == DriftHistory(
            environment="üretim", bound=project.config.watch.psi
        )
    lived.ask("predict", "üretim", "-f", "müşteriler.csv")
    lived.ask("drift", "üretim")
    lived.ask("predict", "üretim", "-f", "satır.json")
    with lived.opened() as project:
        _, newest = check_drift(project, environment="üretim")
        found = drift_history(project, "üretim")
    assert [each.rows for each in found.checks] == [200, 350]
    assert {each.model for each in found.checks} == {"müşteri-kaybı@1.0.0"}
    assert found.newest == newest
    assert "failed" in lived.ask("drift", "üretim", "--history").out
    columns = {each.name: each for each in found.columns}
    assert set(columns) == {"yaş", "şehir", "gelir", "0"}
    assert (columns["yaş"].psi[0] or 0) < (columns["yaş"].psi[1] or 0)
    assert columns["yaş"].verdicts[1] == "failed"
    assert [each.last for each in found.columns] == sorted(
        (each.last for each in found.columns), reverse=True
    )
