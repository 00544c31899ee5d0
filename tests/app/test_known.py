"""What was found in an unchanged source is known the second time; how fresh its rows are is judged anew."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from journeys.home import CITIES, SETTINGS, Home, as_csv, customers
from kervan.app.project import open_project
from kervan.app.remembered import Answer
from kervan.core.errors import StorageFailed
from kervan.store.catalog import Catalog

if TYPE_CHECKING:
    from journeys.home import Reply

REF = "müşteri-kaybı:1"
DAY = 86_400
YOUNG = '\n[[data.checks]]\ncolumn = "yaş"\nmost = 120\nseverity = "warn"\n'
FRESH = '\n[[data.checks]]\ncolumn = "gün"\nnewest_within = "10d"\n'


@pytest.fixture
def started(home: Home) -> Home:
    lines("müşteriler.csv", home, 80)
    home.write("kervan.toml", SETTINGS.partition("[model]")[0] + YOUNG)
    home.ask("data", "ingest")
    return home


def lines(name: str, home: Home, count: int) -> None:
    """Write customers whose newest row is of today."""
    today = datetime.now(UTC).date()
    rows = [[*row, today - timedelta(days=place % 60)] for place, row in enumerate(customers(count))]
    home.write(name, as_csv(rows, ("müşteri", "yaş", "şehir", "gelir", "0", "ayrıldı", "gün")))


def is_known(reply: Reply) -> bool:
    """Say whether a command was told as known, or else as done in some seconds."""
    found = re.search(r"^[·✓] (?:validate|suggest|dataset) +(known|[\d.]+ s)", reply.err, re.MULTILINE)
    assert found, reply.err
    return found[1] == "known"


def answers(home: Home) -> int:
    return len(open_project(home.folder).store.catalog.all(Answer))


@pytest.mark.parametrize(
    "command",
    [
        ("validate",),
        ("validate", "müşteriler.csv"),
        ("validate", "--against", REF),
        ("suggest",),
        ("suggest", REF),
    ],
)
def test_the_second_answer_is_the_first_and_is_known(started: Home, command: tuple[str, ...]) -> None:
    first, second = (started.ask("data", *command, "--json") for _ in range(2))
    assert (is_known(first), is_known(second)) == (False, True)
    assert second.json == first.json
    assert answers(started) == 1


@pytest.mark.parametrize("command", ["validate", "suggest"])
def test_other_rows_and_other_settings_are_looked_at_anew(started: Home, command: str) -> None:
    started.ask("data", command)
    settings = (started.folder / "kervan.toml").read_text(encoding="utf-8")
    started.write("kervan.toml", settings.replace("[data]\n", '[data]\nmissing = ["Van"]\n'))
    assert not is_known(started.ask("data", command))
    started.write("kervan.toml", settings)
    assert is_known(started.ask("data", command))
    lines("müşteriler.csv", started, 90)
    assert not is_known(started.ask("data", command))
    assert not is_known(started.ask("data", command))  # no dataset was made of these bytes
    started.ask("data", "ingest")
    assert [is_known(started.ask("data", command)) for _ in range(2)] == [False, True]


def test_another_check_is_put_to_the_rows_and_changes_no_suggestion_for_others(started: Home) -> None:
    before = started.ask("data", "suggest", "--json").json["checks"]
    started.ask("data", "validate")
    settings = (started.folder / "kervan.toml").read_text(encoding="utf-8")
    started.write("kervan.toml", settings.replace("120", "20"))
    found = started.ask("data", "validate", "--json")
    assert (is_known(found), found.json["verdict"]) == (False, "warned")
    started.write("kervan.toml", settings + '\n[[data.checks]]\ncolumn = "gelir"\nleast = 0\n')
    after = started.ask("data", "suggest", "--json")
    assert is_known(after)
    assert after.json["checks"] == [each for each in before if each["column"] != "gelir"]


def test_what_was_found_in_files_of_others_is_not_kept(started: Home) -> None:
    lines("others.csv", started, 70)
    for command in ("validate", "suggest"):
        assert [is_known(started.ask("data", command, "others.csv")) for _ in range(2)] == [False, False]
    assert answers(started) == 0


def test_nothing_is_made_where_nothing_was_ingested(home: Home) -> None:
    lines("müşteriler.csv", home, 80)
    home.write("kervan.toml", SETTINGS.partition("[model]")[0] + YOUNG)
    for command in ("validate", "suggest"):
        assert not is_known(home.ask("data", command))
    assert not (home.folder / ".kervan").exists()


def test_what_is_known_goes_with_the_dataset(started: Home) -> None:
    for command in (("validate",), ("suggest",), ("suggest", REF)):
        started.ask("data", *command)
    assert answers(started) == 3
    started.ask("data", "delete", REF, "--why", "read wrongly")
    assert answers(started) == 0
    assert not is_known(started.ask("data", "validate"))
    started.ask("audit", "verify")


def test_a_catalog_that_cannot_be_used_only_takes_longer(
    started: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageFailed("the catalog cannot be written")

    monkeypatch.setattr(Catalog, "transaction", fail)
    assert [is_known(started.ask("data", "validate")) for _ in range(2)] == [False, False]
    monkeypatch.setattr(Catalog, "newest", fail)
    assert not is_known(started.ask("data", "validate"))


def test_freshness_is_judged_anew_where_nothing_changed_but_the_time(
    started: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (started.folder / "kervan.toml").read_text(encoding="utf-8")
    started.write("kervan.toml", settings + FRESH)
    started.ask("data", "ingest")
    first = started.ask("data", "validate", "--json").json
    assert first["verdict"] != "failed"
    assert first["validation"]["quality"]["timeliness"] == 1

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 30 * DAY)
    old = started.ask("data", "validate", "--json", code=1)
    assert is_known(old)
    stale = [each for each in old.json["findings"] if each["verdict"] == "failed"]
    assert [(each["rule"], each["subject"]) for each in stale] == [("newest_within", "gün")]
    assert old.json["validation"]["quality"]["timeliness"] == 0
    assert old.json["validation"]["quality"]["score"] < first["validation"]["quality"]["score"]
    refused = started.ask("data", "ingest", code=2)
    assert "newest" in refused.err
    assert "does not pass its checks" in refused.err

    started.write("kervan.toml", settings + FRESH + 'severity = "warn"\n')
    started.ask("data", "ingest")
    again = started.ask("data", "ingest")
    assert is_known(again)
    assert "not older than 10d is wanted" in again.err
    monkeypatch.setattr(time, "time", lambda: now)
    assert "not older than 10d" not in started.ask("data", "ingest").err


def test_what_is_fresh_is_proposed_by_the_time_of_asking(
    started: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spans() -> list[str]:
        found = started.ask("data", "suggest", "--json").json["checks"]
        return [each["newest_within"] for each in found if each["newest_within"]]

    now = time.time()
    told = [spans()]
    for days in (10, 100):
        monkeypatch.setattr(time, "time", lambda days=days: now + days * DAY)
        told.append(spans())
    assert told[0] in (["2d"], ["3d"])
    assert told[1] in (["21d"], ["22d"])
    assert told[2] == []


def test_a_table_that_a_check_refers_to_may_change(started: Home) -> None:
    settings = (started.folder / "kervan.toml").read_text(encoding="utf-8")
    refers = 'column = "şehir"\nseverity = "warn"\nrefers_to = { source = "cities.csv" }'
    started.write("kervan.toml", f"{settings}\n[[data.checks]]\n{refers}\n")
    started.write("cities.csv", as_csv([["Van", 65], ["Ankara", 6]], ("şehir", "kod")))
    first, second = (started.ask("data", "validate", "--json") for _ in range(2))
    assert (is_known(first), is_known(second)) == (False, True)
    assert first.json["findings"][-1]["verdict"] == "warned"
    started.write("cities.csv", as_csv([[name, 0] for name in CITIES], ("şehir", "kod")))
    third = started.ask("data", "validate", "--json")
    assert not is_known(third)
    assert third.json["findings"][-1]["verdict"] == "passed"
