"""Stopped, killed, rolled back: what an environment points to is what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faults.killing import kill_server
from journeys.home import as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}
OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"


@pytest.fixture
def rolled_back(lived: Home) -> Home:
    """A project whose newest model was taken back."""
    lived.write("müşteriler.csv", as_csv([*customers(200), *customers(100, seed=1)]))
    lived.ask("run", "--quiet", "--why", "yeni satırlar")
    lived.ask("release", OLD, "--why", "geri dönüş")
    return lived


def test_what_was_stopped_comes_back_and_the_newest_is_asked_for_by_name(rolled_back: Home) -> None:
    stopped = rolled_back.ask("release", "--stop")
    assert stopped.out == "üretim is stopped; `kervan release` brings it back\n"
    assert rolled_back.ask("releases", "--json").json[0]["state"] == "stopped"
    told = rolled_back.ask("release")
    assert f"{NEW} is newer: `kervan release {NEW}`" in told.err
    assert rolled_back.predict(ROW)["model"] == OLD
    assert rolled_back.ask("release").out.startswith(OLD)
    events = rolled_back.ask("audit", "list", "--subject", "üretim", "--json").json
    actions = [each["action"] for each in events if each["subject"] == "üretim"]
    assert actions[-2:] == ["stopped environment", "started environment"]
    rolled_back.ask("release", "müşteri-kaybı")
    assert rolled_back.predict(ROW)["model"] == NEW
    rolled_back.ask("audit", "verify")


def test_a_killed_server_is_named_and_comes_back(rolled_back: Home) -> None:
    folder = rolled_back.folder / ".kervan" / "environments" / "üretim"
    kill_server(folder)
    assert "gone" in rolled_back.ask("releases").out
    found = rolled_back.ask("doctor", "--json", code=6).json
    failed = [each for each in found if each["verdict"] == "failed"]
    assert [each["subject"] for each in failed] == ["environments"]
    assert OLD in failed[0]["message"]
    assert "kervan release --to üretim" in failed[0]["hint"]
    rolled_back.ask("release")
    assert rolled_back.predict(ROW)["model"] == OLD
    rolled_back.ask("doctor")
