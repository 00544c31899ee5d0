"""A dataset as the source of another, and in joins: without its test rows, and with a way back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kervan.app.dataset_source import DatasetConnector
from kervan.app.delete import delete_dataset
from kervan.app.ingest import ingest_data
from kervan.app.parts import read_part
from kervan.app.project import Project, Stage, open_project
from kervan.app.size import size_of_source
from kervan.app.trace import made_of
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidInput, NotFound
from kervan.core.fetching import TableRequest
from kervan.core.nouns import Dataset, Role
from kervan.data.connectors.find import request_of
from kervan.testing import ConnectorSuite

TOWNS = ("Ankara", "İzmir", "Van")


def rentals(count: int = 200, start: int = 0) -> pl.DataFrame:
    numbers = range(start, start + count)
    return pl.DataFrame(
        {
            "city": [TOWNS[at % 3] for at in numbers],
            "area": [40 + at % 90 for at in numbers],
            "rent": [float(1000 + at % 90 * 31 + at % 7) for at in numbers],
        }
    )


def opened(folder: Path, name: str, told: list[Stage] | None = None, **data: object) -> Project:
    settings = {"target": "rent", "name": name, **data}
    observe = (lambda _: None) if told is None else told.append
    return open_project(folder, flags={"data": settings}, observe=observe)


def kept(project: Project) -> Dataset:
    try:
        return ingest_data(project)
    finally:
        project.store.close()


def flats(folder: Path, table: pl.DataFrame | None = None) -> Dataset:
    (rentals() if table is None else table).write_csv(folder / "flats.csv")
    return kept(opened(folder, "flats", source="flats.csv"))


def learned(folder: Path, dataset: Dataset) -> pl.DataFrame:
    project = opened(folder, "any")
    return pl.concat(read_part(project, dataset, role) for role in (Role.TRAIN, Role.VALIDATION))


def test_the_rows_to_learn_from_are_the_source_and_the_sealed_ones_are_not(tmp_path: Path) -> None:
    first = flats(tmp_path)
    told: list[Stage] = []
    project = opened(tmp_path, "again", told, source="dataset:flats")
    second = ingest_data(project)
    assert second.rows == 200 - first.part(Role.TEST).rows
    assert second.origin.retrieval.version == "flats:1"
    assert any("without its test rows, which stay sealed" in each.detail for each in told)
    assert not list(project.store.catalog.events(action="opened test"))


def test_a_dataset_of_a_dataset_is_unchanged_while_that_is(tmp_path: Path) -> None:
    flats(tmp_path)
    assert kept(opened(tmp_path, "again", source="dataset:flats")).version == "1"
    assert kept(opened(tmp_path, "again", source="dataset:flats")).version == "1"
    flats(tmp_path, rentals(300))
    assert kept(opened(tmp_path, "again", source="dataset:flats:1")).version == "1"
    assert kept(opened(tmp_path, "again", source="dataset:flats", version="1")).version == "1"
    newest = kept(opened(tmp_path, "again", source="dataset:flats"))
    assert (newest.version, newest.origin.retrieval.version) == ("2", "flats:2")


def test_the_way_back_leads_through_every_dataset(tmp_path: Path) -> None:
    first = flats(tmp_path)
    cities = pl.DataFrame(
        {"city": [f"{town} {at}" for town in TOWNS for at in range(20)], "people": range(60)}
    )
    cities.write_csv(tmp_path / "cities.csv")
    second = kept(opened(tmp_path, "cities", source="cities.csv", target="people"))
    shaping = [{"join": "dataset:cities:1", "on": ["city"]}, {"drop": ["people"]}]
    third = kept(opened(tmp_path, "wide", source="dataset:flats:1", steps=shaping))
    fourth = kept(opened(tmp_path, "last", source="dataset:wide"))
    links = {(each.parent, each.role) for each in third.parents}
    assert {(first.id, "source"), (second.id, "joined")} <= links
    project = opened(tmp_path, "any")
    assert [each.ref for each in made_of(project, fourth)] == ["wide:1", "flats:1", "cities:1"]
    delete_dataset(project, "cities:1", why="no longer needed")
    assert [each.ref for each in made_of(project, fourth)] == ["wide:1", "flats:1", "cities:1"]


def test_how_many_rows_there_will_be_is_known_before(tmp_path: Path) -> None:
    first = flats(tmp_path)
    found = size_of_source(opened(tmp_path, "again", source="dataset:flats"))
    assert found.rows == 200 - first.part(Role.TEST).rows


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("again", {"source": "dataset:flat"}, NotFound, "flat"),
        ("again", {"source": "dataset:flats:7"}, NotFound, "no version 7"),
        ("again", {"source": "dataset:flats:x"}, NotFound, "no version x"),
        ("again", {"source": "dataset:"}, InvalidInput, "name"),
        ("flats", {"source": "dataset:flats"}, InvalidConfig, "made of itself"),
        ("again", {"source": "dataset:flats:1", "version": "2"}, InvalidConfig, "names version 1"),
    ],
)
def test_what_is_no_dataset_is_named(
    tmp_path: Path, name: str, data: dict[str, object], error: type[Exception], words: str
) -> None:
    flats(tmp_path)
    with pytest.raises(error, match=words):
        kept(opened(tmp_path, name, **data))


class TestConnector(ConnectorSuite):
    locations = ("dataset:customers", "dataset:customers:3")
    others = ("customers:3", "datasets/a.csv", "")

    @pytest.fixture(autouse=True)
    def _project(self, tmp_path: Path) -> None:
        self.project = opened(tmp_path, "any")

    project: Project

    def adapter(self) -> DatasetConnector:
        return DatasetConnector(self.project)

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        table.write_parquet(self.project.config.folder / "t.parquet")
        settings = {"source": "t.parquet", "name": "t", "target": "evli", "ignore": []}
        project = open_project(self.project.config.folder, flags={"data": settings})
        self.dataset = kept(project)
        return request_of("dataset:t", folder, DataSettings())

    def absent(self, folder: Path) -> TableRequest:
        return request_of("dataset:yok", folder, None)

    def test_fetches_what_is_there(self, tmp_path: Path) -> None:
        request = self.put(self.table().drop_nulls("evli"), tmp_path)
        fetched = self.fetch(request, tmp_path / "here")
        assert_frame_equal(self.read(fetched), learned(tmp_path, self.dataset))
        assert fetched.retrieval.time > 0
        assert fetched.retrieval.record == self.dataset.id
