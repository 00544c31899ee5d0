"""Planted faults: the judge takes the version back by itself. And what people decide about releases."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest

from app.test_strategies import NEW, OLD, ROW, WHY, now, until
from journeys.callers import calling

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled


@pytest.fixture
def faulty(grown: Home) -> Home:
    """The environment's server, with faults that the file `faults` of its folder names."""
    faults = grown.write("faults", "")
    grown.environ |= {"FAULTS": str(faults), "PYTHONPATH": str(Path(__file__).parent / "inside")}
    grown.ask("release", "--stop")
    grown.ask("release", OLD, "--quiet")
    return grown


CANARY = ("--strategy", "canary", "--steps", "20,50", "--every", "10m", *WHY)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("fails 1", "requests of the candidate failed one after the other"),
        ("fails 0.3", "of the candidate's requests fail"),
        ("slow 0.5", "requests take up to"),
    ],
)
def test_a_canary_with_a_fault_is_rolled_back_by_itself(faulty: Home, fault: str, said: str) -> None:
    with calling(faulty, ROW, may_fail=True) as callers:
        faulty.ask("release", NEW, *CANARY)
        faulty.write("faults", f"{NEW} {fault}\n")
        until(lambda: now(faulty)["shares"] == {OLD: 1})
        moment = time.monotonic()
        until(lambda: callers.since(moment).total() > 50)
        assert set(callers.since(moment)) == {OLD}
    verdict = now(faulty)["verdict"]
    assert verdict.startswith("rolled back by judge")
    assert said in verdict
    page = next((faulty.folder / ".kervan" / "reports").glob("release-*.html")).read_text()
    assert "rolled back" in page
    assert "was rolled back" in faulty.ask("release", NEW, code=4).err
    faulty.ask("audit", "verify")


def test_a_package_that_fails_its_health_prediction_changes_nothing(faulty: Home) -> None:
    faulty.write("faults", f"{NEW} fails 1\n")
    with calling(faulty, ROW):
        refused = faulty.ask("release", NEW, *CANARY, code=None)
    assert refused.code not in {0, 1}
    assert "failed its health prediction" in refused.err
    assert now(faulty)["shares"] == {OLD: 1}
    faulty.write("faults", "")
    faulty.ask("release", NEW, *CANARY)  # it did not come, so there is nothing to be forgiven
    faulty.ask("release", "roll-back", "üretim", *WHY)
    faulty.ask("doctor")


class Asked:
    """One connection to the environment's server."""

    def __init__(self, home: Home) -> None:
        place = urlsplit(now(home)["endpoint"])
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, path: str, content: Any) -> Any:
        self._connection.request("POST", path, json.dumps(content), {"content-type": "application/json"})
        reply = self._connection.getresponse()
        found = json.loads(reply.read())
        assert reply.status in {200, 202}, found
        return found


def test_labels_that_the_new_version_misses_take_it_back(grown: Home) -> None:
    grown.ask("release", NEW, *CANARY, "--samples", "100000")
    with Asked(grown) as server:
        _teach(server)
    until(lambda: now(grown)["shares"] == {OLD: 1})
    assert "quality" in now(grown)["verdict"]


def _teach(server: Asked) -> None:
    """Let labels come back that the version before knew, where the new one did not."""
    rows = [{**ROW, "yaş": age, "gelir": pay * 500.0} for age in range(18, 90, 3) for pay in range(10, 90, 4)]
    told = {
        version: server.post("/predict", {"features": rows, "model_version": version})["predictions"]
        for version in ("1.0.0", "1.0.1")
    }
    truth = [old["label"] for old in told["1.0.0"]]
    apart = [place for place, new in enumerate(told["1.0.1"]) if new["label"] != truth[place]]
    assert apart
    for place in (apart * 200)[:200]:
        answer = server.post("/predict", rows[place])
        server.post("/feedback", {"id": answer["id"], "label": truth[place]})


def test_an_experiment_says_which_version_brings_more(grown: Home) -> None:
    assert "no release divided" in grown.ask("experiment", "üretim", code=None).err
    grown.ask("release", NEW, "--strategy", "ab", "--steps", "50", *WHY)
    with Asked(grown) as server:
        for _ in range(300):
            answer = server.post("/predict", ROW)
            reward = 2.0 if answer["model"] == NEW else 1.0
            server.post("/feedback", {"id": answer["id"], "reward": reward})
    until(lambda: len(grown.ask("experiment", "üretim", "--json").json) == 1)
    found = grown.ask("experiment", "üretim", "--json").json[0]
    assert found["metric"] == "reward"
    assert found["difference"] == pytest.approx(1.0)
    assert found["interval"][0] > 0.5
    assert f"{NEW} has more reward than {OLD}" in grown.ask("experiment", "üretim").out
    grown.ask("release", "promote", "üretim", *WHY)
    assert now(grown)["shares"] == {NEW: 1}


def test_the_shares_of_a_bandit_follow_the_rewards(grown: Home) -> None:
    grown.ask("release", NEW, "--strategy", "bandit", "--every", "1s", *WHY)
    with Asked(grown) as server:
        for _ in range(150):
            answer = server.post("/predict", ROW)
            server.post("/feedback", {"id": answer["id"], "reward": float(answer["model"] == NEW)})
    until(lambda: now(grown)["shares"][NEW] > 0.9)
    assert now(grown)["shares"][OLD] == pytest.approx(0.05)
    grown.ask("release", "roll-back", "üretim", *WHY)
    assert now(grown)["shares"] == {OLD: 1}


def test_others_have_to_agree_where_that_is_wanted(grown: Home) -> None:
    grown.environ["KERVAN_RELEASE_APPROVALS"] = "1"
    refused = grown.ask("release", NEW, code=4)
    assert "needs 1 approvals for üretim" in refused.err
    assert "an approval needs a reason" in grown.ask("approve", NEW, "--for", "üretim", code=4).err
    grown.ask("approve", NEW, "--for", "üretim", "--why", "kendi işim")  # who made it does not count
    grown.ask("release", NEW, code=4)
    grown.environ["KERVAN_WORKSPACE_ACTOR"] = "Ayşe"
    grown.ask("approve", NEW, "--for", "staging", "--why", "başka yer")
    grown.ask("release", NEW, code=4)
    grown.ask("approve", NEW, "--for", "üretim", "--why", "bakıldı")
    grown.ask("release", NEW, *WHY)
    assert now(grown)["shares"] == {NEW: 1}
    grown.ask("audit", "verify")


def test_nothing_is_released_in_a_freeze_but_the_way_back_is_open(grown: Home) -> None:
    grown.ask("release", NEW, *WHY)
    grown.environ["KERVAN_RELEASE_FREEZE"] = '["2020-01-01..2999-12-31"]'
    grown.ask("release", "roll-back", "üretim", *WHY)
    assert now(grown)["shares"] == {OLD: 1}
    refused = grown.ask("release", NEW, "--again", *WHY, code=4)
    assert "nothing is released to üretim now" in refused.err
    grown.environ["KERVAN_RELEASE_FREEZE"] = '["someday"]'
    assert "is no window" in grown.ask("release", NEW, "--again", *WHY, code=None).err


def test_what_callers_ask_is_answered_once_more_before_anything_moves(grown: Home) -> None:
    for age in (20, 30, 40):
        grown.predict({**ROW, "yaş": age})
    told = grown.ask("release", NEW, *WHY)
    assert "of the newest 3 rows it answers" in told.err
    grown.environ["KERVAN_RELEASE_REPLAY"] = "0"
    assert "of the newest" not in grown.ask("release", OLD, *WHY).err
