"""Garbage, doctor and the audit trail: what nothing refers to goes, what was altered is named."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}


def blob_of(home: Home, content: bytes, age: float) -> Path:
    digest = sha256(content).hexdigest()
    path = home.write(f".kervan/blobs/{digest[:2]}/{digest[2:]}", content)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_only_what_nothing_refers_to_is_removed_after_its_grace(lived: Home) -> None:
    lived.ask("release")
    blobs = lived.folder / ".kervan" / "blobs"
    for path in blobs.glob("??/*"):
        os.utime(path, (time.time() - 9_000, time.time() - 9_000))
    before = set(blobs.glob("??/*"))
    old, young = blob_of(lived, b"unut", 7_200), blob_of(lived, b"bekle", 60)
    half = lived.write(".kervan/blobs/ab/.part-x", b"half")
    os.utime(half, (time.time() - 7_200, time.time() - 7_200))

    planned = lived.ask("gc", "--dry-run", "--json").json
    assert len(planned["files"]) == len(planned["leftovers"]) == 1
    assert old.exists()
    assert half.exists()

    assert lived.ask("gc", "--json").json == planned
    assert set(blobs.glob("??/*")) == before | {young}
    assert not half.exists()
    assert lived.ask("gc", "--json").json["files"] == []

    assert {finding["verdict"] for finding in lived.ask("doctor", "--json").json} == {"passed"}
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}
    again = lived.ask("run")
    assert "✓ compare_candidate" not in again.err
    lived.ask("package", "export", "müşteri-kaybı", "paket")


def test_an_anchor_that_was_kept_outside_shows_a_trail_that_was_written_anew(home: Home) -> None:
    home.start(150).ask("data", "ingest")
    head = home.ask("audit", "verify", "--json").json["head"]
    home.ask("run", "--quiet")
    assert home.ask("audit", "verify", "--anchor", head).out.startswith("the chain of ")
    other = home.folder / "öteki"
    other.mkdir()
    type(home)(other).start(160).ask("data", "ingest")
    reply = home.ask("audit", "verify", "--anchor", head, cwd=other, code=6)
    assert "does not contain its anchor" in reply.err


ALTERATIONS = {
    "an event's reason": ("UPDATE events SET why = 'başka' WHERE sequence = 3", "event 3 ("),
    "an event": ("DELETE FROM events WHERE sequence = 2", "event 2 is missing"),
    "the last events": ("DELETE FROM events WHERE sequence > 1", "is not on the audit trail"),
    "a record": (
        "UPDATE records SET body = replace(body, ':150', ':9') WHERE kind = 'dataset'",
        "was altered",
    ),
    "a record gone": ("DELETE FROM records WHERE kind = 'report'", "was removed"),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_the_first_thing_that_was_altered_is_named(home: Home, what: str) -> None:
    statement, message = ALTERATIONS[what]
    home.start(150).ask("data", "ingest")
    with closing(sqlite3.connect(home.folder / ".kervan" / "catalog.sqlite")) as database:
        assert database.execute(statement).rowcount >= 1
        database.commit()
    reply = home.ask("audit", "verify", "--json", code=6)
    assert reply.problem["error"] == "Corrupted"
    assert message in reply.problem["message"]
    found = home.ask("doctor", "--json", code=6).json
    assert next(each["subject"] for each in found if each["verdict"] == "failed") == "audit trail"


def test_doctor_says_what_is_wrong_with_files_and_how_to_mend_it(home: Home) -> None:
    home.start(150, SETTINGS.replace('to = "üretim"', "")).ask("run", "--quiet")
    files = sorted((home.folder / ".kervan" / "blobs").glob("??/*"), key=lambda path: path.stat().st_size)
    kept = files[-1].read_bytes()
    files[-1].write_bytes(kept[:-1] + b"?")
    failed = [each for each in home.ask("doctor", "--json", code=6).json if each["verdict"] == "failed"]
    assert files[-1].parent.name + files[-1].name in failed[0]["message"]
    assert "backup" in failed[0]["hint"]
    files[-1].unlink()
    failed = [each for each in home.ask("doctor", "--json", code=6).json if each["verdict"] == "failed"]
    assert "is gone from" in failed[0]["message"]
    files[-1].write_bytes(kept)
    home.ask("doctor")
