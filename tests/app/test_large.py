"""Tables of many rows: stored in pieces, of which what did not change is stored once."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import polars as pl
import pytest

from journeys.home import SETTINGS, as_csv, customers
from kervan.app import train as training
from kervan.app.audit import verify
from kervan.app.data import export_part
from kervan.app.gc import collect_garbage
from kervan.app.ingest import ingest_data
from kervan.app.metadata import metadata_of
from kervan.app.parts import open_sealed, part_pieces, read_part
from kervan.app.project import open_project
from kervan.core.errors import Refused
from kervan.core.identity import Ref
from kervan.core.nouns import Role
from kervan.flow import pieces
from tools import tool

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home
    from kervan.app.project import Project


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_ROWS", 256)


def project_of(folder: Path, count: int) -> Project:
    (folder / "müşteriler.csv").write_text(as_csv(customers(count)), encoding="utf-8")
    (folder / "kervan.toml").write_text(SETTINGS, encoding="utf-8")
    return open_project(folder)


def test_a_part_of_many_rows_is_several_files_and_one_table(tmp_path: Path) -> None:
    project = project_of(tmp_path, 3000)
    dataset = ingest_data(project)
    train, test = dataset.part(Role.TRAIN), dataset.part(Role.TEST)
    assert len(train.pieces) > 5
    assert len(test.pieces) > 1
    assert len({link.parent for link in dataset.parents if link.role == "train"}) == len(train.pieces) + 1
    assert max(each.height for each in part_pieces(project, dataset, Role.TRAIN)) <= 256
    rows = {role: read_part(project, dataset, role) for role in (Role.TRAIN, Role.VALIDATION)}
    rows[Role.TEST] = open_sealed(project, dataset, purpose="to be seen", body={})
    assert sum(each.height for each in rows.values()) == 3000
    assert export_part(project, Ref.parse(dataset.ref), Role.TRAIN, tmp_path / "t.csv") == train.rows
    assert pl.read_csv(tmp_path / "t.csv").height == train.rows
    for digest in test.pieces:
        assert b"PAR1" not in project.store.blobs.read_bytes(digest)
    verify(project)


def test_what_did_not_change_is_stored_once(tmp_path: Path) -> None:
    project = project_of(tmp_path, 3000)
    first = ingest_data(project).part(Role.TRAIN)
    with (tmp_path / "müşteriler.csv").open("a", encoding="utf-8") as file:
        file.write(as_csv(customers(50, seed=1)).partition("\n")[2])
    second = ingest_data(project).part(Role.TRAIN)
    assert second.rows > first.rows
    assert second.pieces[: len(first.pieces) - 1] == first.pieces[:-1]
    before = {each.hash for each in project.store.blobs.all()}
    collect_garbage(project, young=0)
    assert {each.hash for each in project.store.blobs.all()} == before


def test_a_model_learns_from_such_a_table(home: Home) -> None:
    done = home.start(2000).ask("run", "--quiet", "--json")
    assert done.json["model"] == "müşteri-kaybı@1.0.0"
    assert home.ask("doctor", "--json").json
    home.ask("gc")
    assert home.ask("run", "--quiet", "--json").json["model"] == "müşteri-kaybı@1.0.0"


def test_rows_that_do_not_fit_into_memory_are_no_reason_to_be_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(tmp_path, 500)
    dataset = ingest_data(project)
    monkeypatch.setattr(training, "free_memory", lambda: 10_000)
    with pytest.raises(
        Refused, match=r"training on müşteri-kaybı:1 needs about .* 10,000 bytes are free"
    ) as told:
        training.train(project, dataset)
    assert "filter" in told.value.hint


@pytest.mark.service
def test_croissant_lists_all_files(tmp_path: Path) -> None:
    project = project_of(tmp_path, 2000)
    settings = SETTINGS.replace("[model]", 'about = { licence = "CC0-1.0" }\n[model]')
    (tmp_path / "kervan.toml").write_text(settings, encoding="utf-8")
    ingest_data(open_project(project.config.folder))
    found = metadata_of(project, "müşteri-kaybı", "croissant")
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    done = subprocess.run(
        [tool("mlcroissant"), "validate", "--jsonld", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warning(s)" not in done.stderr
