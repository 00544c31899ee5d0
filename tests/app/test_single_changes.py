"""One thing changed anywhere in a workspace: the audit trail or the doctor names it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from journeys.home import Home
from kervan.app.compacted import all_segments, any_lines, is_compacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.sampled

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}
CATALOG = ".kervan/catalog.sqlite"
# Memories are looked up by kind and key: one that is not found is made again.
WITHOUT_EFFECT = {("stepresult", "rank"), ("stepresult", "kind")}


@pytest.fixture(scope="module")
def whole(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with predictions in a sealed file and in an open one, and a running server."""
    home = Home(tmp_path_factory.mktemp("tek") / "Müşteri Kaybı")
    shutil.copytree(template, home.folder)
    for _ in range(2):
        home.ask("release", "--quiet")
        for age in (20, 40, 60):
            home.predict({**ROW, "yaş": age})
        home.ask("release", "--stop", "--quiet")
    home.ask("release", "--quiet")
    for age in (25, 45, 65):
        home.predict({**ROW, "yaş": age})
    for segment in all_segments(home.folder / ".kervan" / "predictions" / "üretim"):
        if is_compacted(segment):  # back to lines, as they were sealed: `test_compacted` alters Parquet
            segment.path.with_suffix(".jsonl").write_bytes(b"".join(any_lines(segment)))
            segment.path.unlink()
    yield home.folder
    home.stop()


@pytest.fixture
def kept(whole: Path) -> Iterator[Home]:
    """The project, put back afterwards as it was."""
    copy = whole.parent / "copy"
    shutil.copytree(
        whole, copy, ignore=shutil.ignore_patterns("door", ".*.counts.*")
    )  # a socket; half written
    yield Home(whole)
    for path in sorted(copy.rglob("*")):
        place = whole / path.relative_to(copy)
        if path.is_file() and (not place.is_file() or place.read_bytes() != path.read_bytes()):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
            shutil.copymode(path, place)
    added = [path for path in whole.rglob("*") if not (copy / path.relative_to(whole)).exists()]
    for path in sorted(added, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(copy)


def sql(home: Home, statement: str, *values: Any) -> int:
    with closing(sqlite3.connect(home.folder / CATALOG)) as database:
        count = database.execute(statement, values).rowcount
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def seen(home: Home) -> list[str]:
    """What the doctor, who looks at the audit trail too, holds against the project."""
    found = home.ask("doctor", "--json", code=None).json
    return [each["message"] for each in found if each["verdict"] != "passed"]


def changes(home: Home) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Each column of each table changed in one row of each kind; and one row of each removed."""
    with closing(sqlite3.connect(home.folder / CATALOG)) as database:
        database.row_factory = sqlite3.Row
        for table in ("records", "edges", "metrics", "results", "aliases", "events"):
            place = "" if table == "metrics" else "rowid AS place, "
            rows = database.execute(f"SELECT {place}* FROM {table}")
            by_kind: dict[str, sqlite3.Row] = {}
            for row in rows:
                kind = dict(row).get("kind") or dict(row).get("action") or table
                by_kind.setdefault(kind, row)
            for kind, row in by_kind.items():
                yield from _row_changes(table, kind, dict(row))


def _row_changes(table: str, kind: str, row: dict[str, Any]) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    keys = ("rowid",) if "place" in row else ("run", "name", "step")
    where = " AND ".join(f"{key} = ?" for key in keys)
    values = (row["place"],) if "place" in row else tuple(row[key] for key in keys)
    for column, value in row.items():
        if column == "place" or (kind, column) in WITHOUT_EFFECT:
            continue
        other: Any = "x" + (value or "") if isinstance(value, str) else (value or 0) + 99
        yield f"{kind}.{column}", f"UPDATE {table} SET {column} = ? WHERE {where}", (other, *values)
    if kind != "stepresult":  # a memory that is gone is made again
        yield f"{kind} removed", f"DELETE FROM {table} WHERE {where}", values


def test_each_change_of_the_catalog_is_seen(kept: Home) -> None:
    kept.ask("doctor")
    content = (kept.folder / CATALOG).read_bytes()
    tried, passed = 0, []
    for what, statement, values in list(changes(kept)):
        assert sql(kept, statement, *values) == 1, what
        tried += 1
        if kept.ask("audit", "verify", code=None).code == 0 and not seen(kept):
            passed.append(what)
        (kept.folder / CATALOG).write_bytes(content)
    assert passed == []
    assert tried > 80


def segments(home: Home) -> list[Path]:
    found = sorted((home.folder / ".kervan" / "predictions" / "üretim").glob("*.jsonl"))
    assert len(found) == 3
    return found


def _edited(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return edit


def _without_chain(lines: list[bytes]) -> list[bytes]:
    return [line[: line.index(b',"chain":')] + b"}\n" for line in lines]


RECORDS = {
    "an answer": _edited(lambda lines: [lines[0], lines[1].replace(b'"evet"', b'"EVET"', 1), lines[2]]),
    "an input": _edited(lambda lines: [lines[0].replace("ısparta".encode(), b"x", 1), *lines[1:]]),
    "where it was": _edited(lambda lines: [lines[0].replace("üretim".encode(), b"x", 1), *lines[1:]]),
    "the first removed": _edited(lambda lines: lines[1:]),
    "one in the middle removed": _edited(lambda lines: [lines[0], lines[2]]),
    "order": _edited(lambda lines: [lines[1], lines[0], lines[2]]),
    "one twice": _edited(lambda lines: [lines[0], lines[0], *lines[1:]]),
    "without the chain": _edited(_without_chain),
}
REMOVED = {"the last removed": _edited(lambda lines: lines[:2]), "the file": Path.unlink}


@pytest.mark.parametrize("what", RECORDS)
def test_each_change_of_prediction_records_is_seen(what: str, kept: Home) -> None:
    for segment in segments(kept):
        before = segment.read_bytes()
        ident = json.loads(before.splitlines()[0])["id"]
        RECORDS[what](segment)
        assert segment.read_bytes() != before
        assert any(segment.name in message for message in seen(kept)), segment
        if not what.endswith("removed"):
            assert kept.ask("trace", ident, code=None).code in {3, 6}  # gone, or altered: no fact any more
        with segment.open("r+b") as file:  # the same file: a server that runs goes on with it
            file.truncate(0)
            file.write(before)
    assert seen(kept) == []


@pytest.mark.parametrize("what", REMOVED)
def test_what_is_removed_from_sealed_records_is_seen(what: str, kept: Home) -> None:
    for segment in segments(kept)[:2]:
        before = segment.read_bytes()
        REMOVED[what](segment)
        assert any(segment.name in message for message in seen(kept)), segment
        segment.write_bytes(before)
    assert seen(kept) == []


FILES = {
    "a page": ".kervan/reports/*.html",
    "a stored file": ".kervan/blobs/??/*",
    "a package in the cache": ".kervan/cache/*/onnx/matrix.onnx",
    "what the server was told": ".kervan/environments/üretim/serving.json",
    "the key": ".kervan/keys/workspace.key",
}


@pytest.mark.parametrize("what", FILES)
def test_each_changed_file_is_seen(what: str, kept: Home) -> None:
    path = sorted(kept.folder.glob(FILES[what]))[0]
    before = path.read_bytes()
    path.write_bytes(before.replace(before[5:6], bytes([before[5] ^ 1]), 1))
    assert seen(kept)


def test_a_file_added_to_a_package_in_the_cache_is_seen_and_goes_with_the_next_release(lived: Home) -> None:
    lived.ask("release", "--quiet")
    package = next(lived.folder.glob(".kervan/cache/*/manifest.json")).parent  # not a candidate of training
    (package / "more.txt").write_text("x")
    assert any("more.txt" in message for message in seen(lived))
    lived.ask("release", "--stop", "--quiet")
    lived.ask("release", "--quiet")
    assert seen(lived) == []
