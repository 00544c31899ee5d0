"""Other predictions about the same entity, and what a release, a shadow and a deletion leave in a trace."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS
from kervan.api.session import open as open_workspace
from kervan.app import entity as entities
from kervan.core.identity import new_id
from kervan.core.nouns import Deployment
from kervan.core.releasing import Release, Status
from kervan.core.serving import Plan
from kervan.serve.recorder import Recorder

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


@pytest.mark.parametrize("compacts", [False, True])
def test_the_newest_others_of_an_entity_are_named_by_row(lived: Home, compacts: bool) -> None:
    lived.write("kervan.toml", SETTINGS.replace("[model]", 'entity = "kim"\n[model]'))
    lived.ask("release")
    answers = [lived.predict({**ROW, "kim": whose}) for whose in ("Ayşe", 17, 'Ayşe "A"', "17", 17.0)]
    rows = [{**ROW, "kim": whose} for whose in ("Ayşe", "Can", "17", "Ayşe")]
    lived.write("çok.json", json.dumps(rows))
    many = [each["id"] for each in lived.ask("predict", "üretim", "-f", "çok.json", "--json").json]
    if compacts:
        lived.ask("release", "--stop")
        lived.ask("records", "compact")
        assert list(lived.folder.glob(".kervan/predictions/üretim/*.parquet"))
    ids = [each["id"] for each in answers]

    def others(ident: str) -> list[str]:
        found = lived.ask("trace", ident, "--json").json["others"]
        assert found["since"] is None
        listed: list[str] = found["ids"]
        return listed

    assert others(ids[0]) == [many[3], many[0]]
    assert others(many[0]) == [many[3], ids[0]]
    assert others(ids[1]) == [many[2], ids[4], ids[3]]
    assert others(ids[2]) == others(many[1]) == []
    assert many[3] in lived.ask("trace", ids[0]).out


def test_only_the_newest_ten_and_never_beyond_the_time_there_is(
    lived: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.write("kervan.toml", SETTINGS.replace("[model]", 'entity = "kim"\n[model]'))
    lived.ask("release")
    ids = [lived.predict({**ROW, "kim": "Ayşe"})["id"] for _ in range(12)]
    found = lived.ask("trace", ids[0], "--json").json["others"]
    assert found == {"ids": ids[:1:-1], "since": None}
    monkeypatch.setattr(entities, "_SECONDS", -1.0)
    found = lived.ask("trace", ids[0], "--json").json["others"]
    assert found["ids"] == []
    assert found["since"] >= time.time() - 60
    assert "not looked for before" in lived.ask("trace", ids[0]).out


def test_a_trace_names_the_release_its_verdict_and_who_agreed(lived: Home) -> None:
    lived.ask("release")
    answer = lived.predict(ROW)
    assert "100 % of the traffic, as stable" in lived.ask("trace", answer["id"]).out
    with open_workspace(lived.folder) as ws:
        catalog = ws.project.store.catalog
        deployment = catalog.all(Deployment)[0]
        release = Release(
            id=new_id(),
            name="üretim",
            creator="ayşe",
            time=time.time(),
            model="müşteri-kaybı@1.0.0",
            before="",
            strategy="canary",
            steps=(0.05, 1.0),
            plan=Plan(),
            every=60.0,
            samples=100,
            status=Status.ROLLED_BACK,
            reason="errors rose from 0.1 % to 5 %",
            approvers=("Işıl", "Can"),
        )
        with catalog.transaction() as transaction:
            transaction.put(release)
            transaction.update(replace(deployment, release=release.id), action="released")
    text = lived.ask("trace", answer["id"]).out
    assert "canary of müşteri-kaybı@1.0.0: rolled back, errors rose from 0.1 % to 5 %" in text
    assert "approved     by Işıl, Can" in text


def test_a_shadow_says_who_was_heard_instead(lived: Home) -> None:
    lived.ask("release")
    answer = lived.predict(ROW)
    (segment,) = lived.folder.glob(".kervan/predictions/üretim/*.jsonl")
    record = json.loads(segment.read_text(encoding="utf-8").splitlines()[-1])
    shadow = {name: value for name, value in record.items() if name not in {"id", "chain"}}
    shadow |= {"role": "shadow", "mirrors": answer["id"], "share": 0.0}
    recorder = Recorder(segment.parent)
    (ident,) = recorder.extend([json.dumps(shadow, separators=(",", ":")).encode()[1:]], 1)
    recorder.close()
    said = f"none, as shadow: nobody heard it; {answer['id']} was answered instead"
    with open_workspace(lived.folder) as ws:
        found = ws.trace(ident).trace
        assert found.prediction.mirrors == answer["id"]
    assert said in lived.ask("trace", ident).out
