"""A dataset as a page shows it: columns searched, sorted and paged, versions, looks, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from journeys.home import HEADER, SETTINGS, as_csv, customers
from kervan.app.columns import ColumnQuery
from kervan.app.dataset import dataset_view
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.nouns import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home
    from kervan.app.project import Project

NAME = "müşteri-kaybı"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def project(grown: Home) -> Iterator[Project]:
    with grown.opened() as opened:
        yield opened


def test_figures_parts_origin_and_protection_are_told(project: Project) -> None:
    seen = dataset_view(project, f"{NAME}:1")
    assert (seen.rows, seen.target) == (200, "ayrıldı")
    assert {each.value for each in seen.classes} == {"evet", "hayır"}
    assert [(each.role, each.sealed) for each in seen.parts] == [
        (Role.TRAIN, False),
        (Role.VALIDATION, False),
        (Role.TEST, True),
    ]
    assert seen.origin.source == "müşteriler.csv"
    by_name = {each.name: each for each in seen.columns.columns}
    assert tuple(by_name) == HEADER
    assert by_name["müşteri"].protection == "hash"
    assert by_name["ayrıldı"].is_target
    assert by_name["0"].missing > 0
    age = by_name["yaş"].numbers
    assert age is not None
    assert age.minimum == 18
    assert sum(age.counts) == 200
    city = by_name["şehir"].texts
    assert city is not None
    assert sum(each.count for each in city.top) == 200


def test_runs_models_looks_and_versions_are_the_dataset_s_own(project: Project) -> None:
    seen = dataset_view(project, f"{NAME}:1")
    assert [each.ref for each in seen.models] == [f"{NAME}@1.0.0"]
    assert (len(seen.runs), seen.run_count) == (1, 1)
    assert seen.runs[0].what == "finished"
    assert [(look.model, look.why) for look in seen.looks] == [(NAME, "acceptance")]
    assert [each.ref for each in seen.versions] == [f"{NAME}:2", f"{NAME}:1"]
    assert [each.rows for each in seen.versions] == [300, 200]


def test_what_guards_it_from_deletion_is_said(project: Project) -> None:
    (first, *others) = dataset_view(project, f"{NAME}:1").guards
    assert f"{NAME}:1 trained {NAME}@1.0.0, which is part of deployment" in first.reason
    assert first.hint
    assert others


def test_a_deleted_version_stays_on_the_line_with_its_reason(home: Home) -> None:
    home.start(settings=SETTINGS.partition("[model]")[0])
    home.ask("data", "ingest", "--quiet")
    home.write("müşteriler.csv", as_csv(customers(250)))
    home.ask("data", "ingest", "--quiet")
    home.ask("data", "delete", f"{NAME}:1", "--why", HOSTILE, "--quiet")
    with home.opened() as project:
        seen = dataset_view(project, NAME)
        assert seen.version == "2"
        assert seen.guards == ()
        assert seen.versions[1].deleted.endswith(f": {HOSTILE}")
        with pytest.raises(NotFound, match="was deleted"):
            dataset_view(project, f"{NAME}:1")


def test_a_thousand_columns_come_in_pages_and_orders(home: Home) -> None:
    header = [*HEADER[:5], HOSTILE, *(f"s{place:03d}" for place in range(994)), HEADER[5]]
    rows = [
        [*row[:5], "x" if number % 7 else "", *((number * place) % 97 for place in range(994)), row[5]]
        for number, row in enumerate(customers(120))
    ]
    home.start(settings=SETTINGS.partition("[model]")[0])
    home.write("müşteriler.csv", as_csv(rows, header))
    home.ask("data", "ingest", "--quiet")
    with home.opened() as project:
        first = dataset_view(project, NAME).columns
        last = dataset_view(project, NAME, ColumnQuery(page=99)).columns
        found = dataset_view(project, NAME, ColumnQuery(search="ONERROR")).columns
        emptiest = dataset_view(project, NAME, ColumnQuery(sort="missing", descending=True, size=2)).columns
        texts = dataset_view(project, NAME, ColumnQuery(type="category", sort="name")).columns
        for wrong in (
            ColumnQuery(sort="gelir"),
            ColumnQuery(type="x"),
            ColumnQuery(page=0),
            ColumnQuery(size=10**9),
        ):
            with pytest.raises(InvalidInput):
                dataset_view(project, NAME, wrong)
        assert len(msgspec.json.encode(dataset_view(project, NAME))) < 300_000
    assert (len(first.columns), first.total, first.pages) == (50, 1001, 21)
    assert (last.page, len(last.columns)) == (21, 1)
    assert ([each.name for each in found.columns], found.matched) == ([HOSTILE], 1)
    assert [each.name for each in emptiest.columns] == ["0", HOSTILE]
    assert {each.type for each in texts.columns} == {"category"}
    assert all(each.findings for each in first.columns if each.name == "s000")
