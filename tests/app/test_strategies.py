"""Every strategy forwards and back, with callers who go on asking: none of them fails."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from journeys.callers import calling
from kervan.core.identity import new_id
from kervan.core.releasing import Release, Status

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}
OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"
WHY = ("--why", "dene")
REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("release", NEW, "--strategy", "kanarya"), "there is no strategy 'kanarya'"),
    (("release", NEW, "--strategy", "canary", "--steps", "50,5"), "the steps do not rise"),
    (("release", NEW, "--strategy", "canary", "--steps", "5,120"), "a step of 120 % is no share"),
    (("release", NEW, "--strategy", "canary", "--steps", "5,x"), "'x' in the steps"),
    (("release", NEW, "--strategy", "shadow", "--steps", "5"), "steps are for a canary alone"),
    (("release", NEW, "--strategy", "ab", "--steps", "5,10"), "an experiment has one share"),
    (("release", NEW, "--strategy", "canary", "--guard", "p98 < 20ms"), "which nobody measures"),
    (("release", NEW, "--strategy", "canary", "--guard", "p99"), "is no guard"),
    (("release", NEW, "--strategy", "canary", "--every", "soon"), "is not a length of time"),
    (("release", NEW, "--strategy", "canary", "--steps", "100"), "a canary that begins with everything"),
    (("release", NEW, "--strategy", "canary", "--guard", "p99 < 20%"), "is in %, and p99 is not"),
    (("release", NEW, "--strategy", "canary", "--every", "0s"), "'0s' is no time to prove anything"),
    (("release", NEW, "--strategy", "ab", "--rule", "şehir"), "is no rule"),
    (
        ("release", NEW, "--strategy", "ab", "--rule", "şehir=ısparta", "--sticky", "entity"),
        "either the rule",
    ),
    (("release", NEW, "--strategy", "ab", "--sticky", "X User"), "no header is called 'X User'"),
    (("release", NEW, "--rule", "şehir=ısparta"), "rule does nothing in a release by at-once"),
    (
        ("release", NEW, "--strategy", "shadow", "--sticky", "entity"),
        "sticky does nothing in a release by shadow",
    ),
    (("release", NEW, "--guard", "p99 < 20ms"), "guards does nothing in a release by at-once"),
    (
        (
            "release",
            NEW,
            "--stop",
        ),
        "--stop and müşteri-kaybı@1.0.1 do not go together",
    ),
    (("release", "pause", "üretim", "--stop"), "pause and --stop do not go together"),
    (("release", "--stop", "--port", "0"), "--stop and --port do not go together"),
    (("experiment", "üretim", "--alpha", "nan"), "'nan' is no number"),
    (("approve", NEW, "--why", " "), "an approval needs a reason"),
)


def now(home: Home) -> dict[str, Any]:
    """How the environment stands."""
    found = home.ask("releases", "--json").json
    return next(each for each in found if each["state"])


def until(holds: Any, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_blue_green_switches_and_back_in_an_instant(grown: Home) -> None:
    with calling(grown, ROW) as callers:
        grown.ask("release", NEW, "--strategy", "blue-green", "--every", "1h", *WHY)
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {NEW}
        assert now(grown)["shares"] == {OLD: 0, NEW: 1}
        grown.ask("release", "promote", "üretim", *WHY)
        assert now(grown)["roles"] == {OLD: "standby"}
        grown.ask("release", "roll-back", "üretim", "--why", "geri")
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {OLD}
    history = grown.ask("releases", "--json").json
    assert history[0]["verdict"].startswith("rolled back by")
    refused = grown.ask("release", NEW, code=4)
    assert "was rolled back in üretim: geri" in refused.err
    assert "--again" in refused.err
    grown.ask("release", NEW, "--again", "--why", "şimdi biliyoruz")
    assert grown.predict(ROW)["model"] == NEW
    grown.ask("audit", "verify")
    grown.ask("doctor")


def test_a_canary_takes_its_steps_and_is_promoted_by_the_judge(grown: Home) -> None:
    with calling(grown, ROW) as callers:
        told = grown.ask(
            *("release", NEW, "--strategy", "canary", "--steps", "20,50,100", "--every", "2s"),
            *("--samples", "20", *WHY),
        )
        assert "müşteri-kaybı@1.0.1 20 %" in told.out
        refused = grown.ask("release", OLD, code=None)
        assert refused.code != 0
        assert "in the middle of a release" in refused.err
        assert now(grown)["under_way"]["strategy"] == "canary"
        until(lambda: now(grown)["shares"] == {NEW: 1})
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {NEW}
    shares = [each["shares"] for each in grown.ask("releases", "--json").json]
    assert shares[:3] == [{NEW: 1}, {OLD: 0.5, NEW: 0.5}, {OLD: 0.8, NEW: 0.2}]
    ident = callers.answers[-1][2]
    assert NEW in grown.ask("trace", ident).out
    grown.ask("audit", "verify")
    grown.ask("doctor")


def test_a_pause_holds_and_a_command_takes_it_back(grown: Home) -> None:
    with calling(grown, ROW):
        grown.ask("release", NEW, "--strategy", "canary", "--every", "1s", "--samples", "1", *WHY)
        grown.ask("release", "pause", "üretim", *WHY)
        held = now(grown)["shares"]
        time.sleep(2)
        assert now(grown)["shares"] == held
        assert now(grown)["under_way"]["status"] == "paused"
        grown.ask("release", "resume", "üretim", *WHY)
        until(lambda: now(grown)["shares"] != held)
        grown.ask("release", "roll-back", "üretim", "--why", "yeter", code=None)
    assert now(grown)["shares"] == {OLD: 1}


def test_a_shadow_is_compared_and_then_promoted_by_hand(grown: Home) -> None:
    with calling(grown, ROW) as callers:
        grown.ask("release", NEW, "--strategy", "shadow", "--samples", "20", *WHY)
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 100)
        assert set(callers.since(moment)) == {OLD}
        until(lambda: (now(grown)["judgement"] or {"samples": 0})["samples"] > 20)
        until(lambda: now(grown)["observed"]["candidate"]["compared"] >= 20)
        seen = now(grown)["observed"]["candidate"]
        assert 0 <= seen["changed"] <= seen["compared"]
        grown.ask("release", "promote", "üretim", *WHY)
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {NEW}
    grown.ask("audit", "verify")


def test_rolling_replaces_the_replicas(grown: Home) -> None:
    with calling(grown, ROW) as callers:
        grown.ask("release", NEW, "--strategy", "rolling", *WHY)
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {NEW}
        grown.ask("release", "roll-back", "üretim", *WHY)
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {OLD}


def test_what_is_well_in_one_environment_goes_on_to_the_next(grown: Home) -> None:
    grown.ask("release", NEW, "--to", "deneme", *WHY)
    grown.ask("release", "--from", "deneme", "--to", "üretim", "--why", "bir hafta iyiydi")
    assert grown.predict(ROW)["model"] == NEW
    stands = {each["name"]: each["shares"] for each in grown.ask("releases", "--json").json if each["state"]}
    assert stands == {"deneme": {NEW: 1}, "üretim": {NEW: 1}}
    assert "name a MODEL" in grown.ask("release", NEW, "--from", "deneme", code=2).err
    assert "nothing was released to 'yok'" in grown.ask("release", "--from", "yok", code=None).err


def test_the_first_release_has_no_way_back_while_it_is_under_way(grown: Home) -> None:
    grown.ask("release", NEW, "--to", "deneme", *WHY)
    with grown.opened() as project:  # as a command leaves it that is killed between its first two steps
        first = project.store.catalog.all(Release, name="deneme")[0]
        begun = replace(first, id=new_id(), status=Status.RUNNING, time=time.time(), ended=None)
        with project.store.catalog.transaction() as transaction:
            transaction.put(begun, action="began")
    assert "nothing was in deneme before" in grown.ask("release", "roll-back", "deneme", code=3).err
    until(lambda: all(each["under_way"] is None for each in grown.ask("releases", "--json").json))
    grown.ask("doctor")


def test_a_setting_changed_later_is_no_obstacle_to_the_way_back(grown: Home) -> None:
    grown.ask("release", NEW, *WHY)
    grown.environ["KERVAN_RELEASE_SLOW"] = "7"
    grown.ask("release", NEW, "--why", "ayar")
    grown.ask("release", "roll-back", "üretim", "--why", "şikâyet")
    assert grown.predict(ROW)["model"] == OLD
    told = grown.ask("releases").out
    assert told.count("şikâyet") == 1  # in the verdict, and not as a reason once more, or with each step
    assert "ayar" in told


def test_a_rule_says_whose_rows_and_no_share(grown: Home) -> None:
    rule = ("--rule", "şehir=ısparta,İzmir")
    told = grown.ask("release", NEW, "--strategy", "ab", "--steps", "50", *rule, *WHY)
    assert f"{OLD} otherwise, {NEW} where şehir is ısparta or İzmir" in told.out
    assert grown.predict(ROW)["model"] == NEW
    assert grown.predict({**ROW, "şehir": "ankara"})["model"] == OLD
    assert "by rule: şehir is ısparta or İzmir, candidate" in grown.ask("registry").out
    assert "takes no" not in told.err
    missed = grown.ask("release", "rollback", "üretim", code=2)
    assert 'Did you mean "roll-back"?' in missed.err
    grown.ask("release", "roll-back", "üretim", *WHY)
    told = grown.ask("release", NEW, "--strategy", "ab", "--rule", "sehir=İzmir", "--again", *WHY)
    assert f"{NEW} takes no 'sehir'" in told.err
    assert 'did you mean "şehir"?' in told.err
    grown.ask("release", "roll-back", "üretim", *WHY)


def test_what_cannot_be_is_refused_and_nothing_changes(grown: Home) -> None:
    before = grown.ask("releases", "--json").json
    for told, said in REFUSED:
        refused = grown.ask(*told, code=None)
        assert refused.code not in {0, 1}, told
        assert said in refused.err, told
    assert grown.ask("releases", "--json").json == before


def test_the_way_back_leaves_alone_how_the_server_runs(grown: Home) -> None:
    grown.ask("release", NEW, *WHY)
    grown.environ["KERVAN_RELEASE_SLOW"] = "7"
    grown.ask("release", NEW, *WHY)
    grown.ask("release", "roll-back", "üretim", *WHY)
    assert now(grown)["shares"] == {OLD: 1}
    assert now(grown)["plan"]["slow"] == 7


def test_a_server_ends_whose_folder_is_deleted(grown: Home) -> None:
    place = grown.folder / ".kervan/environments"
    while place.exists():  # the server may write there meanwhile
        shutil.rmtree(place, ignore_errors=True)
    until(lambda: now(grown)["state"] == "gone")
    grown.ask("doctor", code=6)
    grown.ask("release", *WHY)
    assert grown.predict(ROW)["model"] == OLD
    grown.ask("doctor")
