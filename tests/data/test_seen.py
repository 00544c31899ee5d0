"""What a model sees of a row decides on which side of the seal it lies."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from kervan.app.data import describe_dataset
from kervan.app.ingest import ingest_data
from kervan.app.parts import read_part
from kervan.app.project import Project, open_project
from kervan.core.errors import InvalidConfig
from kervan.core.nouns import Role
from kervan.data.seen import names_rows, seen

CUSTOMERS = 250


def orders(folder: Path, number: str) -> Path:
    """Write four orders of each customer, told apart by the order's number alone; labels and ends differ."""
    chance = random.Random(6)
    people = [[round(chance.gauss(0, 1), 3) for _ in range(3)] for _ in range(CUSTOMERS)]
    rows = [[*person, chance.choice(["no", "yes"])] for person in people for _ in range(4)]
    chance.shuffle(rows)
    table = pl.DataFrame(rows, schema=["a", "b", "c", "label"], orient="row")
    numbers = {"text": [f"O-{place:05d}" for place in range(table.height)], "integer": range(table.height)}
    table.insert_column(0, pl.Series("order", numbers[number])).write_csv(folder / "d.csv")
    return folder / "d.csv"


def project(folder: Path, **data: object) -> Project:
    return open_project(folder, flags={"data": {"source": "d.csv", "target": "label", **data}})


@pytest.mark.parametrize(
    ("number", "settings"),
    [
        ("text", {"protect": {"order": "drop"}}),
        ("text", {"protect": {"order": "hash"}}),
        ("text", {"ignore": ["order"]}),
        ("text", {}),
        ("integer", {}),
    ],
)
def test_equal_customers_are_on_one_side(tmp_path: Path, number: str, settings: dict[str, object]) -> None:
    orders(tmp_path, number)
    opened = project(tmp_path, **settings)
    dataset = ingest_data(opened)
    people = [
        set(read_part(opened, dataset, role).select("a", "b", "c").rows())
        for role in (Role.TRAIN, Role.VALIDATION)
    ]
    assert not people[0] & people[1]
    described = describe_dataset(opened, dataset.ref)
    assert described.profile.duplicates == 3 * CUSTOMERS
    told = [found.message for found in described.findings if found.rule == "duplicates"]
    assert told[0].startswith("750 of 1,000 rows repeat an earlier row")


def test_an_identifier_is_proposed_with_the_line_that_leaves_it_out(tmp_path: Path) -> None:
    orders(tmp_path, "integer")
    opened = project(tmp_path)
    found = describe_dataset(opened, ingest_data(opened).ref).findings
    (proposed,) = [each for each in found if each.rule == "identifier"]
    assert proposed.subject == "order"
    assert '`[data] ignore = ["order"]`' in proposed.hint
    ignoring = project(tmp_path, ignore=["order"])
    dataset = ingest_data(ignoring)
    assert "order" not in dataset.schema
    assert "identifier" not in {each.rule for each in describe_dataset(ignoring, dataset.ref).findings}


def test_an_unknown_or_needed_column_is_not_ignored(tmp_path: Path) -> None:
    orders(tmp_path, "text")
    with pytest.raises(InvalidConfig, match="no column 'ordr'") as caught:
        ingest_data(project(tmp_path, ignore=["ordr"]))
    assert caught.value.hint == 'did you mean "order"?'
    with pytest.raises(InvalidConfig, match="'label' is the target"):
        ingest_data(project(tmp_path, ignore=["label"]))


@pytest.mark.parametrize("settings", [{"protect": {"tags": "drop"}}, {"ignore": ["tags"]}])
def test_a_column_that_no_table_can_have_may_be_left_out(tmp_path: Path, settings: dict[str, object]) -> None:
    pl.DataFrame(
        {
            "tags": [[1, 2]] * 60,
            "z": [place * 1.1 for place in range(60)],
            "label": range(60),
        }
    ).write_parquet(tmp_path / "d.parquet")
    opened = project(tmp_path, **settings, source="d.parquet")
    dataset = ingest_data(opened)
    assert "tags" not in dataset.schema
    rules = {each.subject for each in describe_dataset(opened, dataset.ref).findings}
    assert "tags" not in rules


def test_what_only_names_rows_is_known_by_its_values() -> None:
    rising = pl.Series("a", [3, 5, 9, *range(10, 40)])
    assert "rise" in names_rows(rising)
    assert "number the rows" in names_rows(pl.Series("a", random.Random(1).sample(range(7, 57), 50)))
    assert "hashes" in names_rows(pl.Series("a", [f"{place % 9:032x}" for place in range(90)]))
    assert not names_rows(pl.Series("a", [place % 20 for place in range(90)]))
    assert not names_rows(pl.Series("a", [float(place) for place in range(90)]))
    assert not names_rows(pl.Series("a", ["a text of several words"] * 90))


def test_with_few_different_rows_the_target_counts_too() -> None:
    table = pl.DataFrame({"city": ["a", "b"] * 100, "y": range(200)})
    assert seen(table, "y", ()) == ("city", "y")
    wide = pl.DataFrame({"x": [place / 7 for place in range(200)], "y": range(200)})
    assert seen(wide, "y", ()) == ("x",)
