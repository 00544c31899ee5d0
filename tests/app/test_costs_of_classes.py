"""What answers cost where there are more than two classes: the class expected to cost least is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sklearn.datasets import load_wine

import kervan as kv
from kervan.app.model import model_view
from ui.visitor import visiting

if TYPE_CHECKING:
    from journeys.home import Home

SETTINGS = """\
[project]
name = "wine"
[data]
source = "wine.csv"
target = "cultivar"
split = { train = 0.5, validation = 0.3, test = 0.2 }
[model]
families = ["linear"]
folds = 3
calibrate = "sigmoid"
goal = { metric = "cost" }
[release]
to = "production"
port = 0
"""
COSTS = """\
[model.costs]
currency = "TRY"
classes = ["nebbiolo", "barolo", "grignolino"]
matrix = [[0, 6, 6], [1, 0, 1], [1, 1, 0]]
"""
NAMES = ("barolo", "grignolino", "nebbiolo")


def wine(home: Home, settings: str = SETTINGS + COSTS) -> Home:
    """Write the wines of scikit-learn with three of their columns, which do not tell all of them apart."""
    found = load_wine()
    lines = ["alcohol,malic_acid,ash,cultivar"]
    for row, place in zip(found.data[:, :3], found.target, strict=True):
        lines.append(",".join([*map(repr, map(float, row)), NAMES[place]]))
    home.write("wine.csv", "\n".join(lines) + "\n")
    home.write("kervan.toml", settings)
    return home


def by_hand(probabilities: dict[str, float]) -> str:
    """The label of least expected cost, by the matrix as it is written above."""
    order = ("nebbiolo", "barolo", "grignolino")
    table = ((0, 6, 6), (1, 0, 1), (1, 1, 0))
    expected = {
        named: sum(probabilities[true] * table[row][column] for row, true in enumerate(order))
        for column, named in enumerate(order)
    }
    return min(expected, key=expected.__getitem__)


def test_the_least_expected_cost_names_the_class_everywhere(home: Home) -> None:
    found = wine(home).ask("run", "--json").json
    shown = home.ask("models", found["model"], "--json").json
    # In the order of the signature, not of the settings.
    assert shown["signature"]["costs"] == [[0, 1, 1], [1, 0, 1], [6, 6, 0]]
    rows = [line.split(",")[:3] for line in (home.folder / "wine.csv").read_text().splitlines()[1:]]
    asked = [dict(zip(("alcohol", "malic_acid", "ash"), map(float, row), strict=True)) for row in rows]
    home.write("rows.json", json.dumps(asked))
    answers = home.ask("predict", "production", "-f", "rows.json", "--json").json
    likeliest = [max(each["probabilities"], key=each["probabilities"].__getitem__) for each in answers]
    labels = [by_hand(each["probabilities"]) for each in answers]
    assert [each["label"] for each in answers] == labels
    assert labels != likeliest

    workspace = kv.open(home.folder)
    assert [each["label"] for each in workspace.predict(asked)] == labels
    card = model_view(workspace.project, found["model"]).cards[0].text
    assert "## Which class it names\n\nThe class that is expected to cost least is named" in card

    table = home.ask("costs", "--json").json
    assert [each["label"] for each in table["classes"]] == list(NAMES)
    assert sum(each["named"] for each in table["classes"]) == table["rows"]
    worth = table["named_by"]
    assert worth["cost"] == pytest.approx(sum(each["cost"] for each in table["classes"]))
    assert worth["cost"] == pytest.approx(table["cost"] * table["rows"])
    assert worth["cost"] < worth["likeliest"]
    assert shown["metrics"]["cost"] == pytest.approx(table["cost"])

    sentence = (
        f"the class that is expected to cost least is named: {worth['cost']:.6g} TRY on {table['rows']} rows"
    )
    assert sentence in home.ask("costs").out
    assert sentence in home.ask("models", found["model"]).out
    with visiting(home.folder) as visitor:
        page = visitor.get(f"/models/{found['model']}?show=quality")
    assert "The class that is expected to cost least is named." in page
    assert f"the most probable class would cost {worth['likeliest']:.6g}" in page


def test_a_change_of_costs_is_told_between_versions_and_compared_with_the_model_before(home: Home) -> None:
    plain = SETTINGS.replace('goal = { metric = "cost" }\n', "")
    first = wine(home, plain).ask("run", "--json").json["model"]
    home.write("kervan.toml", SETTINGS + COSTS)
    second = home.ask("run", "--json", "--why", "say what mistakes cost").json["model"]
    assert (first, second) == ("wine@1.0.0", "wine@1.0.1")
    with visiting(home.folder) as visitor:
        page = visitor.get(f"/models/{second}")
    assert "is named by the least expected cost, was by the largest probability" in page


SQUARE = "matrix = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]"
TWICE = """\
classes = ["barolo", "barolo", "grignolino", "nebbiolo"]
matrix = [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]]"""


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (f'classes = ["barolo", "grignolino", "merlot"]\n{SQUARE}', "has no class 'merlot'"),
        ('classes = ["barolo", "nebbiolo"]\nmatrix = [[0, 1], [1, 0]]', "'grignolino' is missing"),
        ("matrix = [[0, 1, 1], [1, 0], [1, 1, 0]]", "is not 3 rows of 3 costs"),
        ("matrix = [[0, 1, 1], [1, 0, nan], [1, 1, 0]]", "matrix: nan is no cost"),
        ("matrix = [[0, 1, 1], [1, 0, inf], [1, 1, 0]]", "matrix: inf is no cost"),
        ("matrix = [[2, 2, 2], [5, 5, 5], [1, 1, 1]]", "whatever is answered costs the same"),
        (f"{SQUARE}\nfalse_positive = 3", "the matrix says it too"),
        ('classes = ["barolo", "grignolino", "nebbiolo"]', "there is no matrix"),
        (TWICE, "'barolo' is there twice"),
        ("false_positive = 3\nfalse_negative = nan", "false_negative: nan is no cost"),
        ("false_positive = 3", "has 3 classes"),
    ],
)
def test_costs_that_say_nothing_of_these_classes_are_refused_before_training(
    home: Home, tables: str, told: str
) -> None:
    reply = wine(home, f"{SETTINGS}[model.costs]\n{tables}\n").ask("run", "--quiet", "--json", code=None)
    assert reply.code
    assert told in reply.problem["message"], json.dumps(reply.problem)
    assert reply.problem["hint"]
    assert "compare" not in reply.err
