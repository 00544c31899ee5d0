"""Synthetic rows: like the real ones, none of them, and without what was protected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kervan.app.ingest import ingest_data
from kervan.app.project import Project, open_project
from kervan.app.synthesize import synthesize, write_synthetic
from kervan.app.synthetic_source import SyntheticConnector
from kervan.core.errors import InvalidConfig, InvalidInput, NotFound
from kervan.core.fetching import TableRequest
from kervan.data.connectors.find import request_of
from kervan.testing import ConnectorSuite

PEOPLE = 600


def people() -> pl.DataFrame:
    numbers = range(PEOPLE)
    return pl.DataFrame(
        {
            "name": [f"Ayşe {at}" for at in numbers],
            "tckn": [str(10_000_000_000 + at * 7) for at in numbers],
            "age": [18 + at * 13 % 60 for at in numbers],
            "city": [("Ankara", "İzmir", "Van", "Iğdır")[at * 7 % 11 % 4] for at in numbers],
            "paid": [None if at % 6 == 0 else float(at * 37 % 97) / 4 for at in numbers],
            "bought": ["yes" if at * 13 % 60 > 30 else "no" for at in numbers],
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    people().write_parquet(tmp_path / "people.parquet")
    data = {"source": "people.parquet", "target": "bought", "protect": {"tckn": "hash"}}
    project = open_project(tmp_path, flags={"data": data, "project": {"name": "people"}})
    ingest_data(project)
    return project


def test_the_rows_follow_the_dataset_and_the_report_says_how_closely(project: Project) -> None:
    found = synthesize(project, "people:1", rows=2_000, seed=3)
    assert found.table.columns == ["name", "age", "city", "paid", "bought"]
    assert found.report.left_out == ("tckn",)
    assert found.report.labels == ("name",)
    assert set(found.table["city"]) == set(people()["city"])
    assert abs(found.table["paid"].null_count() / 2_000 - 1 / 6) < 0.05
    older = found.table.filter(pl.col("age") > 48)["bought"]
    assert (older == "yes").mean() > 0.9
    distances = {each.name: each.distance for each in found.report.closeness.columns}
    assert distances["name"] is None
    assert all(each < 0.12 for name, each in distances.items() if name != "name" and each is not None)
    assert found.report.privacy.equal <= 0.05
    assert not set(found.table["name"]) & set(people()["name"])


def test_the_same_seed_draws_the_same_rows(project: Project) -> None:
    first, second, other = (synthesize(project, "people", rows=50, seed=seed).table for seed in (1, 1, 2))
    assert_frame_equal(first, second)
    assert not first.equals(other)


def test_the_sealed_rows_are_not_opened(project: Project) -> None:
    synthesize(project, "people")
    assert not list(project.store.catalog.events(action="opened test"))


def test_a_file_is_written_whole_or_not_at_all(project: Project, tmp_path: Path) -> None:
    report = write_synthetic(project, "people:1", tmp_path / "like.csv", rows=20)
    assert pl.read_csv(tmp_path / "like.csv").height == report.rows == 20
    for name in ("like.docx", "no/such/folder.csv"):
        with pytest.raises(InvalidInput):
            write_synthetic(project, "people:1", tmp_path / name)
    with pytest.raises(InvalidInput, match="0 rows"):
        write_synthetic(project, "people:1", tmp_path / "none.csv", rows=0)
    with pytest.raises(NotFound):
        write_synthetic(project, "people:7", tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()


def test_synthetic_rows_are_a_source(project: Project, tmp_path: Path) -> None:
    def drawn(source: str) -> Project:
        data = {"source": source, "name": "like", "target": "bought"}
        return open_project(tmp_path, flags={"data": data})

    first = ingest_data(drawn("synthetic:people:1?rows=400&seed=2"))
    assert (first.rows, first.origin.retrieval.version) == (400, "people:1")
    assert ingest_data(drawn("synthetic:people:1?rows=400&seed=2")).version == "1"
    assert ingest_data(drawn("synthetic:people?rows=400&seed=3")).version == "2"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("synthetic:people?rows=many", "rows is 'many'"),
        ("synthetic:people?row=5", "there is no 'row'"),
        ("synthetic:people?rows=0", "0 rows cannot be drawn"),
        ("synthetic:people", "made of itself"),
    ],
)
def test_what_cannot_be_drawn_is_named(project: Project, tmp_path: Path, source: str, words: str) -> None:
    name = "people" if words == "made of itself" else "like"
    data = {"source": source, "name": name, "target": "bought"}
    with pytest.raises((InvalidInput, InvalidConfig), match=words):
        ingest_data(open_project(tmp_path, flags={"data": data}))


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("adult/adult.csv.gz", "income"),
        ("titanic/titanic.csv", "Survived"),
        ("bike-sharing/hour.csv.gz", "count"),
    ],
)
def test_public_tables_are_followed_and_not_copied(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, file: str, target: str
) -> None:
    public(file).write_parquet(tmp_path / "t.parquet")
    data = {"source": "t.parquet", "target": target, "accept": public(file).columns}
    project = open_project(tmp_path, flags={"data": data, "project": {"name": "t"}})
    ingest_data(project)
    report = synthesize(project, "t").report
    known = [each.distance for each in report.closeness.columns if each.distance is not None]
    assert max(known) < 0.1
    assert report.closeness.pairs < 0.05
    assert report.privacy.equal <= report.privacy.equal_held_out + 0.001
    assert report.privacy.nearer is not None
    assert 0.4 < report.privacy.nearer < 0.6


class TestConnector(ConnectorSuite):
    locations = ("synthetic:adult:1", "synthetic:adult?rows=10&seed=3")
    others = ("synthetic.csv", "adult:1", "")

    @pytest.fixture(autouse=True)
    def _project(self, project: Project) -> None:
        self.project = open_project(project.config.folder, flags={"data": {"name": "like"}})

    project: Project

    def adapter(self) -> SyntheticConnector:
        return SyntheticConnector(self.project)

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        return request_of("synthetic:people:1?rows=50", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of("synthetic:yok", folder, None)

    def test_fetches_what_is_there(self, tmp_path: Path) -> None:
        fetched = self.fetch(self.put(self.table(), tmp_path), tmp_path / "here")
        assert self.read(fetched).height == 50
        assert fetched.retrieval.version == "people:1"
