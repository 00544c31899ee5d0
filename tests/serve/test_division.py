"""Several versions that share the traffic of one server, by every way in."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kervan.core.keeping import Keeping
from kervan.core.observed import Sighting
from kervan.core.serving import Rival, Rule, ShareRole
from kervan.serve.record import find, records
from serve.live import JSON, Live, running
from serve.real_packages import NUMERIC, ROW, make_package

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sampled

MANY = 400


def rival(package: Path, share: float, role: ShareRole = ShareRole.CANDIDATE) -> Rival:
    return Rival(package=str(package), role=role, share=share)


def asked(live: Live, many: int, body: Any = ROW, headers: dict[str, str] | None = None) -> Counter[str]:
    """Which version answered how often, over one connection."""
    found: Counter[str] = Counter()
    connection = live.connect()
    for _ in range(many):
        connection.request("POST", "/predict", json.dumps(body), {**JSON, **(headers or {})})
        reply = connection.getresponse()
        content = json.loads(reply.read())
        assert reply.status == 200, content
        found[content["model"]] += 1
    connection.close()
    return found


def sighting(live: Live) -> dict[str, Any]:
    content = msgspec.json.decode((live.folder / "seen.json").read_bytes(), type=Sighting)
    return {each.model: each for each in content.seen}


def test_each_version_answers_its_share_and_that_is_on_record(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    rivals = (rival(packages["2.0.0"], 0.25),)
    with running(tmp_path, packages["1.0.0"], rivals=rivals) as live:
        found = asked(live, MANY)
        assert found["gelir@1.0.0"] + found["gelir@2.0.0"] == MANY
        assert 0.15 < found["gelir@2.0.0"] / MANY < 0.36  # less than one in 10,000 runs is outside
        live.until(lambda: sum(each.answered for each in sighting(live).values()) == MANY)
        assert live.terminate() == 0
    written = Counter((each.model, each.share, each.role) for each in records(tmp_path / "records"))
    assert written == {
        ("gelir@1.0.0", 0.75, ShareRole.STABLE): found["gelir@1.0.0"],
        ("gelir@2.0.0", 0.25, ShareRole.CANDIDATE): found["gelir@2.0.0"],
    }


def test_a_share_grows_and_shrinks_between_two_requests(packages: dict[str, Path], tmp_path: Path) -> None:
    with running(tmp_path, packages["1.0.0"]) as live:
        stop = threading.Event()
        found: list[Counter[str]] = []

        def keep_asking() -> None:
            while not stop.is_set():
                found.append(asked(live, 20))

        askers = [threading.Thread(target=keep_asking) for _ in range(4)]
        for each in askers:
            each.start()
        for place, share in enumerate((0.5, 1.0, 0.0, 1.0)):
            switch(live, f"D{place + 2}", rival(packages["2.0.0"], share))
            last = asked(live, 60)
            assert last["gelir@2.0.0"] == 60 * share or share == 0.5
            assert share != 0.5 or 10 < last["gelir@2.0.0"] < 50
        stop.set()
        for each in askers:
            each.join()
        assert sum(map(Counter.total, found)) > 0  # and none of them failed


def switch(live: Live, deployment: str, *rivals: Rival, **told: Any) -> None:
    live.write(replace(live.serving, deployment=deployment, rivals=rivals, **told))
    live.hang_up()
    live.until(lambda: live.state.attempt == deployment)
    assert not live.state.error


def test_a_header_keeps_callers_with_a_version_while_its_share_grows(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    callers = [f"caller-{each}" for each in range(60)]

    def who_gets_it(live: Live) -> set[str]:
        return {each for each in callers if asked(live, 2, headers={"x-user": each})["gelir@2.0.0"] == 2}

    told: dict[str, Any] = {"sticky": "X-User", "salt": "R1"}
    with running(tmp_path, packages["1.0.0"], rivals=(rival(packages["2.0.0"], 0.2),), **told) as live:
        few = who_gets_it(live)
        switch(live, "D2", rival(packages["2.0.0"], 0.6))
        many = who_gets_it(live)
        assert few < many < set(callers)
        switch(live, "D3", rival(packages["2.0.0"], 0.6), salt="R2")
        assert who_gets_it(live) != many  # another release, other callers


def test_an_entity_stays_with_a_version_by_every_way(packages: dict[str, Path], tmp_path: Path) -> None:
    told: dict[str, Any] = {"sticky": "entity", "keeping": Keeping(entity="yaş")}
    with running(tmp_path, packages["1.0.0"], rivals=(rival(packages["2.0.0"], 0.5),), **told) as live:
        versions = set()
        for age in range(20):
            row = {**ROW, "yaş": age}
            quick = asked(live, 3, row)
            slow = asked(live, 1, {"features": [{**row, "0": None}], "id": "x"})  # read by the rules
            other = live.ask("POST", "/invocations", {"dataframe_records": [row]})
            assert len(quick) == 1
            assert set(slow) == set(quick)
            assert other.status == 200
            prediction = other.headers["x-kervan-prediction"]
            live.until(lambda ident=prediction: find(tmp_path / "records", ident) is not None)
            found = find(tmp_path / "records", prediction)
            assert found is not None
            assert found.model == next(iter(quick))
            versions |= set(quick)
        assert len(versions) == 2


def test_a_rule_sends_rows_to_the_candidate(packages: dict[str, Path], tmp_path: Path) -> None:
    rule = Rule(column="şehir adı", values=("Ankara", "ısparta"))
    with running(tmp_path, packages["1.0.0"], rivals=(rival(packages["2.0.0"], 0.5),), rule=rule) as live:
        for city, version in (
            ("Ankara", "2.0.0"),
            ("ısparta", "2.0.0"),
            ("İstanbul", "1.0.0"),
            (None, "1.0.0"),
        ):
            assert asked(live, 2, {**ROW, "şehir adı": city}) == {f"gelir@{version}": 2}
            assert asked(live, 2, {"features": [{**ROW, "şehir adı": city}], "id": "me"}) == {
                f"gelir@{version}": 2
            }


def test_who_names_a_version_gets_it(packages: dict[str, Path], tmp_path: Path) -> None:
    with running(tmp_path, packages["1.0.0"], rivals=(rival(packages["2.0.0"], 0.5),)) as live:
        for version in ("1.0.0", "2.0.0"):
            for _ in range(10):
                reply = live.ask("POST", f"/models/gelir/versions/{version}/predict", ROW)
                assert reply.json["model"] == f"gelir@{version}"
        by_name = {live.ask("POST", "/models/gelir/predict", ROW).json["model"] for _ in range(40)}
        assert by_name == {"gelir@1.0.0", "gelir@2.0.0"}


def test_a_shadow_is_asked_and_never_heard(packages: dict[str, Path], tmp_path: Path) -> None:
    rivals = (rival(packages["2.0.0"], 0.0, ShareRole.SHADOW),)
    with running(tmp_path, packages["1.0.0"], rivals=rivals) as live:
        assert asked(live, 50) == {"gelir@1.0.0": 50}
        assert live.predict({"features": [ROW, {**ROW, "0": None}], "id": "x"}).json["model"] == "gelir@1.0.0"
        live.until(lambda: sighting(live)["gelir@2.0.0"].answered == 51)
        seen = sighting(live)
        assert seen["gelir@2.0.0"].compared == 52
        assert seen["gelir@2.0.0"].changed > 0  # it answers otherwise
        assert seen["gelir@2.0.0"].looked == seen["gelir@1.0.0"].looked
        assert live.terminate() == 0
    given = {each.id: each for each in records(tmp_path / "records")}
    shadows = list(records(tmp_path / "records" / "shadow"))
    assert {each.model for each in given.values()} == {"gelir@1.0.0"}
    assert {each.mirrors for each in shadows} == set(given)
    assert {(each.model, each.role, each.share) for each in shadows} == {
        ("gelir@2.0.0", ShareRole.SHADOW, 0.0)
    }
    assert all(each.rows == given[each.mirrors].rows for each in shadows)


def test_what_goes_wrong_is_counted_for_the_version_that_was_dealt(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    other = make_package(tmp_path / "other", NUMERIC, "3.0.0", name="gelir")  # takes other columns
    with running(tmp_path, packages["1.0.0"], rivals=(rival(other, 0.5),)) as live:
        replies = Counter(live.predict(ROW).status for _ in range(60))
        assert replies.keys() == {200, 422} or replies.keys() == {200, 400}
        refused = 60 - replies[200]
        live.until(lambda: sum(each.looked for each in sighting(live).values()) == 60)
        seen = sighting(live)
        assert seen["gelir@1.0.0"].answered == replies[200]
        assert seen["gelir@1.0.0"].looked == replies[200]
        assert seen["gelir@3.0.0"].looked == seen["gelir@3.0.0"].refused == refused
        assert 1 <= seen["gelir@3.0.0"].incidents["refused"] <= refused
        assert not seen["gelir@1.0.0"].incidents
