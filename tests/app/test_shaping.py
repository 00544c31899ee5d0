"""Steps at ingest: kept on the dataset, part of what it depends on, and inside the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from kervan.app.data import datasets, describe_dataset
from kervan.app.ingest import ingest_data
from kervan.app.parts import read_part
from kervan.app.project import Project, open_project
from kervan.core.errors import InvalidConfig, InvalidData, NotFound
from kervan.core.nouns import Role

TOML = """
[data]
source = "flats.csv"
target = "rent"
{more}
[model]
families = ["linear"]
"""
STEPS = """
[[data.steps]]
parse = ["rent"]
[[data.steps]]
join = "cities.csv"
on = ["city"]
[[data.steps]]
outliers = ["area"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cities = ("Ankara", "İzmir", "Van")
    rows = [f'{cities[at % 3]},{40 + at % 90},"{at % 90 + 1}.{at:03d},50 TL"' for at in range(200)]
    (tmp_path / "flats.csv").write_text(
        "\n".join(["city,area,rent", *rows, 'Van,9000,"1.000,00 TL"']), encoding="utf-8"
    )
    (tmp_path / "cities.csv").write_text("city,people\nAnkara,58\nİzmir,45\nVan,11\n", encoding="utf-8")
    return tmp_path


def opened(folder: Path, more: str = STEPS) -> Project:
    (folder / "kervan.toml").write_text(TOML.format(more=more), encoding="utf-8")
    return open_project(folder)


def test_what_steps_made_is_kept_with_the_dataset(folder: Path) -> None:
    project = opened(folder)
    dataset = ingest_data(project)
    assert [(each.step, each.before, each.after, each.added) for each in dataset.steps[:2]] == [
        ("parse rent", 201, 201, ()),
        ("join cities.csv", 201, 201, ("people",)),
    ]
    assert [each.source for each in dataset.joined] == ["cities.csv"]
    assert dataset.steps[2].step == "outliers area (train)"
    assert dataset.steps[2].before - dataset.steps[2].after <= 1
    train = read_part(project, dataset, Role.TRAIN)
    assert train["rent"].dtype.is_float()
    assert set(train["people"]) == {58, 45, 11}
    assert 9000 not in train["area"]
    told = [each.message for each in describe_dataset(project, dataset.ref).findings]
    assert any("'rent' is in TL" in each for each in told)
    assert not any("looks like amounts" in each for each in told)


def test_the_same_again_is_known_and_a_joined_table_that_changed_is_not(folder: Path) -> None:
    first = ingest_data(opened(folder))
    assert ingest_data(opened(folder)).ref == first.ref
    (folder / "cities.csv").write_text("city,people\nAnkara,59\nİzmir,45\nVan,11\n", encoding="utf-8")
    assert (first.version, ingest_data(opened(folder)).version) == ("1", "2")


def test_a_function_that_changed_makes_a_new_version(folder: Path) -> None:
    steps = STEPS + '[[data.steps]]\ncall = "own.py:clean"\n'
    body = (
        "from kervan import transform\n\n@transform\ndef clean(table):\n"
        "    return table.filter(table['area'] > {})\n"
    )
    (folder / "own.py").write_text(body.format(40))
    first = ingest_data(opened(folder, steps))
    (folder / "own.py").write_text(body.format(50))
    second = ingest_data(opened(folder, steps))
    assert (first.version, second.version) == ("1", "2")
    assert second.rows < first.rows


def test_steps_of_the_model_leave_the_dataset_alone(folder: Path) -> None:
    first = ingest_data(opened(folder))
    fill = STEPS + '[[data.steps]]\nclip = ["area"]\nmost = 100\n'
    assert ingest_data(opened(folder, fill)).ref == first.ref
    with pytest.raises(InvalidConfig, match="clip city to 100: 'city' is of the type category"):
        ingest_data(opened(folder, fill.replace('["area"]', '["city"]')))


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        ('[[data.steps]]\njoin = "towns.csv"\non = ["city"]', NotFound, "towns.csv"),
        ('[[data.steps]]\ncall = "own.py:clean"', NotFound, "own.py"),
        ('[[data.steps]]\nfilter = "area > 8999"', InvalidData, "only 1 row"),
        ('[[data.steps]]\nparse = ["city"]', InvalidData, "row 1 'Ankara'"),
        (STEPS + '[[data.steps]]\nfill = ["aree"]\nvalue = 1\n', InvalidConfig, "no column 'aree'"),
        ('[[data.steps]]\ndrop = ["rent"]', InvalidConfig, "rent"),
    ],
)
def test_a_step_that_fails_stores_nothing(
    folder: Path, steps: str, error: type[Exception], message: str
) -> None:
    project = opened(folder, steps)
    with pytest.raises(error) as caught:
        ingest_data(project)
    assert message in str(caught.value)
    assert datasets(project) == []
