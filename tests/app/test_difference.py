"""Two versions of a dataset, compared without opening the sealed part of either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import HEADER, SETTINGS, as_csv, customers
from kervan.app.difference import diff_datasets
from kervan.app.parts import LOOKED
from kervan.core.errors import NotFound

if TYPE_CHECKING:
    from journeys.home import Home

HOSTILE = "<img src=x onerror=alert(1)>"
NAME = "müşteri-kaybı"


@pytest.fixture
def changed(home: Home) -> Home:
    """A dataset, and a second version of it: older people, another column, one column less."""
    home.start()
    home.ask("data", "ingest", "--quiet")
    rows = [
        [*row[:4], HOSTILE if row[1] > 60 else "b", row[5]] for row in customers(400, seed=3) if row[1] > 40
    ]
    home.write("müşteriler.csv", as_csv(rows, [*HEADER[:4], HOSTILE, HEADER[5]]))
    home.ask("data", "ingest", "--quiet")
    return home


def test_schema_rows_parts_and_columns_are_compared(changed: Home) -> None:
    with changed.opened() as project:
        found = diff_datasets(project, f"{NAME}:1", f"{NAME}:2")
        assert list(project.store.catalog.events(action=LOOKED)) == []
    assert (found.rows_before, found.rows_now) == (200, found.rows_now)
    assert sum(each.now for each in found.parts) == found.rows_now
    assert not any(each.is_same for each in found.parts)
    assert {(each.column, each.what) for each in found.schema} >= {
        ("0", "was removed"),
        (HOSTILE, "was added, required"),
    }
    assert {each.name for each in found.columns[:2]} == {"0", HOSTILE}
    assert found.columns[2].name == "yaş"
    assert "yaş" in found.far
    age = found.columns[2]
    assert age.before is not None
    assert age.now is not None
    assert age.now.minimum == 41
    assert age.now.mean > age.before.mean


def test_the_same_version_shows_nothing(changed: Home) -> None:
    with changed.opened() as project:
        found = diff_datasets(project, f"{NAME}:1", f"{NAME}:1")
    assert found.is_same
    assert all(each.is_same for each in found.parts)
    assert (found.schema, found.far, found.found, found.gone) == ((), (), (), ())


def test_the_command_shows_it_and_ends_well(changed: Home) -> None:
    said = changed.ask("data", "diff", f"{NAME}:1", f"{NAME}:2")
    assert f"{NAME}:1 → {NAME}:2" in said.out
    assert "schema: 0 was removed (breaks)" in said.out
    told = changed.ask("data", "diff", f"{NAME}:1", NAME, "--json").json
    assert told["now"] == f"{NAME}:2"
    assert told["columns"][0]["now"] is None or told["columns"][0]["before"] is None
    assert "known: 1, 2" in changed.ask("data", "diff", f"{NAME}:1", f"{NAME}:9", code=3).err


def test_settings_alone_make_a_version_of_the_same_rows(home: Home) -> None:
    home.start()
    home.ask("data", "ingest", "--quiet")
    home.write("kervan.toml", SETTINGS.replace("[model]", 'units = { "yaş" = "year" }\n[model]'))
    home.ask("data", "ingest", "--quiet")
    shown = home.ask("data", "diff", f"{NAME}:1", f"{NAME}:2").out
    assert "the same rows, read by other settings" in shown
    assert "schema: yaş is in year, was no unit (breaks)" in shown


def test_a_name_that_is_not_there_is_told(changed: Home) -> None:
    with changed.opened() as project, pytest.raises(NotFound, match="no dataset"):
        diff_datasets(project, "başka", NAME)
