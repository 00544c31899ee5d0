"""Datasets out of a database: what goes on record, what is known beforehand, and what is not done twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from kervan.app.data import describe_dataset
from kervan.app.ingest import ingest_data
from kervan.app.project import Project, open_project
from kervan.app.size import size_of_source
from kervan.core.errors import InvalidConfig, StorageFailed
from kervan.core.nouns import Dataset

SETTINGS = """
[project]
name = "satış"

[data]
source = "sqlite:///dükkân.sqlite"
table = "satış"
target = "tutar"
"""


def fill(folder: Path, rows: int) -> None:
    with closing(sqlite3.connect(folder / "dükkân.sqlite")) as connection:
        connection.execute("DROP TABLE IF EXISTS satış")
        connection.execute("CREATE TABLE satış (gün DATE, ay INTEGER, tutar REAL)")
        values = [(f"2026-{1 + at % 12:02}-{1 + at % 28:02}", at % 12, at % 97 / 4) for at in range(rows)]
        connection.executemany("INSERT INTO satış VALUES (?, ?, ?)", values)
        connection.commit()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kervan.toml").write_text(SETTINGS, encoding="utf-8")
    fill(tmp_path, 400)
    return tmp_path


def opened(folder: Path, **data: object) -> Project:
    return open_project(folder, flags={"data": data} if data else None)


def test_what_was_asked_stays_on_record_and_the_same_rows_make_no_new_version(folder: Path) -> None:
    project = opened(folder)
    first = ingest_data(project)
    assert first.origin.source == "sqlite:///dükkân.sqlite"
    assert first.origin.retrieval.query == 'SELECT * FROM "satış"'
    assert first.origin.retrieval.time > 0
    assert describe_dataset(project, first.ref).dataset.origin == first.origin
    fill(folder, 400)
    assert ingest_data(project).ref == first.ref
    again = opened(folder, table="", query="SELECT gün, ay, tutar FROM satış")
    assert ingest_data(again).ref == first.ref
    fill(folder, 401)
    assert ingest_data(project).version == "2"


def test_records_of_before_say_nothing_of_how_they_were_fetched(folder: Path) -> None:
    import msgspec

    from kervan.core.fetching import UNTOLD
    from kervan.core.nouns import Origin

    origin = msgspec.json.decode(b'{"source": "a.csv", "size": 1, "sha256": "x", "blob": "y"}', type=Origin)
    assert origin.retrieval == UNTOLD


def test_the_size_is_known_beforehand(folder: Path) -> None:
    found = size_of_source(opened(folder))
    assert found.rows == 400
    assert found.fetched
    assert found.stored
    assert found.free
    assert found.fits


def test_what_does_not_fit_is_refused_with_the_figures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    project = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage(100, 99, (64 << 20) + 10_000))
        assert not size_of_source(project).fits
        with pytest.raises(StorageFailed, match="are free") as caught:
            ingest_data(project)
    assert "TMPDIR" in caught.value.hint
    assert project.store.catalog.all(Dataset) == []


def test_a_secret_is_neither_kept_nor_in_the_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YER", "sqlite:///dükkân.sqlite")
    project = opened(folder, source="${YER}")
    found = ingest_data(project)
    assert found.origin.source == "${YER}"
    with pytest.raises(InvalidConfig, match="password"):
        ingest_data(opened(folder, source="postgresql://ayşe:çokgizli@host/db"))
    kept = b"".join(each.read_bytes() for each in folder.joinpath(".kervan").rglob("*") if each.is_file())
    assert "çokgizli".encode() not in kept
    assert json.dumps("dükkân.sqlite")[1:-1].encode() not in kept


@pytest.mark.parametrize("setting", ['query = "select 1"', 'table = "t"', 'version = "3"'])
def test_what_a_file_does_not_know_is_refused(setting: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,y\n" + "".join(f"{at},{at % 2}\n" for at in range(20)))
    (tmp_path / "kervan.toml").write_text(f'[data]\nsource = "rows.csv"\ntarget = "y"\n{setting}\n')
    with pytest.raises(InvalidConfig, match=f"{setting.partition(' ')[0]} is set, and 'rows.csv' knows none"):
        ingest_data(open_project(tmp_path))
