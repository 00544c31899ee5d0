"""A model with a function of Python: refused where no format holds it, trained, packaged and asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import kervan as kv
from kervan.app.features import features
from kervan.app.model import model_view
from kervan.app.package import check_package
from kervan.app.project import open_project
from kervan.app.register import find_model, load_model, manifest_of, package_folder
from kervan.app.settings import check_settings, formats_of
from kervan.core.called import located
from kervan.core.errors import InvalidConfig, Refused
from kervan.core.plugins import plugins
from kervan.core.schema import difference
from kervan.core.serving import Serving
from kervan.deploy.image.recipe import Recipe
from kervan.package.encoding import encode_table
from kervan.package.opening import load_package
from kervan.serve.container import serving_of
from kervan.serve.desk import Head
from kervan.serve.function import Function

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = """
[project]
name = "trips"
[data]
target = "late"
[model]
goal = { metric = "roc_auc", at_least = 0.9 }
families = ["linear"]
folds = 2
analyse = false
[[model.features]]
name = "far"
call = "geo:distance"
of = ["x", "y km"]
"""
SOURCE = """
import numpy as np
from kervan import feature

@feature
def distance(x, y):
    if (x < 0).any():
        raise ValueError("there is nothing behind the depot")
    return np.hypot(x, y)
"""
GOAL = kv.Goal("roc_auc", at_least=0.9)
ROW = {"x": 3.0, "y km": 4.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trips")
    random = np.random.default_rng(0)
    x, y = random.uniform(0, 9, (2, 200))
    late = np.where(np.hypot(x, y) > 6, "yes", "no")
    pl.DataFrame({"x": x, "y km": y, "late": late}).write_csv(folder / "trips.csv")
    (folder / "kervan.toml").write_text(SETTINGS)
    (folder / "geo.py").write_text(SOURCE)
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Iterator[tuple[kv.Session, str]]:
    with kv.open(folder, progress=False) as workspace:
        workspace.ingest("trips.csv")
        yield workspace, workspace.train("trips:1", goal=GOAL).ref


def with_formats(folder: Path, *formats: str) -> Any:
    return open_project(folder, flags={"package": {"formats": list(formats)}}).config


@pytest.mark.parametrize("name", sorted(set(plugins("format")) - {"native"}))
def test_every_other_format_is_refused_by_name_before_training(name: str, folder: Path) -> None:
    with pytest.raises(
        InvalidConfig, match=rf"\[package\] formats: {name} cannot hold it: .*'far'"
    ) as refused:
        check_settings(with_formats(folder, "native", name))
    assert 'formats = ["native"]' in refused.value.hint


def test_formats_that_nobody_named_are_left_out(folder: Path) -> None:
    config = open_project(folder).config
    check_settings(config)
    assert formats_of(config) == ("native",)


def test_a_function_is_tried_before_it_is_written_down(trained: tuple[kv.Session, str]) -> None:
    workspace, _ = trained
    place = workspace.project.config.folder / "more.py"
    place.write_text(SOURCE.replace("np.hypot(x, y)", "x * 0 + 7").replace("(x, y)", "(x)"))
    (tried,) = features(workspace.project, tried="more:distance")
    assert (tried.formula, tried.least, tried.most, tried.missing) == ("more:distance(x)", 7, 7, 0)
    with pytest.raises(InvalidConfig, match=r"more.py has no function 'distanse'"):
        features(workspace.project, tried="more:distanse")


def test_a_family_that_native_cannot_hold_is_refused(folder: Path) -> None:
    (folder / "own.py").write_text("class Mine:\n    def fit(self, rows, truth): ...\n")
    config = with_formats(folder, "native")
    config = replace(config, model=replace(config.model, families=("own:Mine",)), origins={})
    with pytest.raises(InvalidConfig, match="own:Mine cannot be written as native"):
        check_settings(config)


def test_a_model_shows_its_function_and_takes_its_file_along(trained: tuple[kv.Session, str]) -> None:
    workspace, ref = trained
    model = find_model(workspace.project, ref)
    (feature,) = model.signature.features
    assert str(feature) == "far = geo:distance(x, y km)"
    place = f"native/functions/geo-{feature.code[:8]}.py"
    manifest = manifest_of(workspace.project, model)
    assert {file.path: file.sha256 for file in manifest.files}[place] == feature.code
    assert (package_folder(workspace.project, model) / place).read_text() == SOURCE
    assert "numpy" in manifest.requirements
    page = model_view(workspace.project, ref)
    assert [each.told for each in page.features] == ["geo:distance(x, y km)"]
    assert "`far`: `geo:distance(x, y km)`" in "".join(card.text for card in page.cards)


def test_it_answers_from_its_package_where_it_is_allowed_by_name(trained: tuple[kv.Session, str]) -> None:
    workspace, ref = trained
    model = find_model(workspace.project, ref)
    place = package_folder(workspace.project, model)
    with pytest.raises(Refused, match=r"runs Python code that came with it: .*geo:distance") as refused:
        check_package(place)
    assert "--allow geo:distance" in refused.value.hint
    assert check_package(place, allow=["geo:distance"]).manifest.ref == ref
    rows = pl.DataFrame({"x": [1.0, 6.5], "y km": [1.0, 6.5]})
    matrix = encode_table(rows, model.signature)
    _, predictor = load_package(place, allow=["geo:distance"])
    _, own = load_model(workspace.project, model)
    answers = predictor.predict(matrix)
    assert answers.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_array_equal(answers, own.predict(matrix))
    np.testing.assert_array_equal(answers[1:], predictor.predict(matrix[1:]))


def test_an_image_allows_the_functions_of_its_package(trained: tuple[kv.Session, str]) -> None:
    workspace, ref = trained
    manifest = manifest_of(workspace.project, find_model(workspace.project, ref))
    told = Recipe(manifest=manifest).environ | {"KERVAN_PLATFORM": "1"}
    assert serving_of(told).allow == (manifest.signature.features[0].code,)


def test_a_row_that_it_does_not_take_is_a_problem_and_others_are_answered(
    trained: tuple[kv.Session, str], tmp_path: Path
) -> None:
    workspace, ref = trained
    place = package_folder(workspace.project, find_model(workspace.project, ref))
    serving = Serving(
        environment="test",
        deployment="test",
        package=str(place),
        records=str(tmp_path),
        platform=True,
        allow=("geo:distance",),
    )
    server = Function(serving)

    def ask(row: object) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"features": row}).encode()
        head = Head("POST", "/predict", "", [(b"host", b"here"), (b"content-type", b"application/json")])
        reply, _ = server.answer(head, body)
        return reply.status, json.loads(reply.body)

    assert ask(ROW)[0] == 200
    status, problem = ask({**ROW, "x": -1.0})
    assert status == 422
    assert "geo.py:8: the feature 'far' failed: ValueError: there is nothing behind" in problem["detail"]
    assert (problem["row"], problem["field"]) == (0, "far")
    assert ask(ROW)[1]["predictions"][0]["label"] == "no"
    server.close()


def test_another_text_is_another_feature(trained: tuple[kv.Session, str], tmp_path: Path) -> None:
    workspace, ref = trained
    model = find_model(workspace.project, ref)
    asked = workspace.project.config.model.features
    (tmp_path / "geo.py").write_text(SOURCE)
    assert located(asked, tmp_path) == model.signature.features
    (tmp_path / "geo.py").write_text(SOURCE.replace("np.hypot(x, y)", "np.hypot(y, x)"))
    other = replace(model.signature, features=located(asked, tmp_path))
    assert [each.what for each in difference(model.signature, other)] == [
        "computes other features from its inputs"
    ]


def test_a_function_of_a_free_text_answers_from_its_package(tmp_path: Path) -> None:
    """The words say nothing, and how they are written says all."""
    said = ["the parcel was late", "it came today", "blue box", "again and again"]
    rows = [
        (each.upper() if place % 2 else each, "yes" if place % 2 else "no")
        for place in range(120)
        for each in said
    ]
    pl.DataFrame(rows, schema=["note", "late"], orient="row").with_row_index("number").write_csv(
        tmp_path / "notes.csv"
    )
    (tmp_path / "kervan.toml").write_text(
        """
[project]
name = "notes"
[data]
target = "late"
[model]
texts = ["note"]
families = ["linear"]
folds = 2
analyse = false
[[model.features]]
name = "shouted"
call = "loud:share"
"""
    )
    (tmp_path / "loud.py").write_text(
        "import numpy as np\nfrom kervan import feature\n\n@feature\ndef share(note):\n"
        "    return np.array([sum(map(str.isupper, each or '')) / 10 for each in note])\n"
    )
    with kv.open(tmp_path, progress=False) as workspace:
        workspace.ingest("notes.csv")
        model = workspace.train("notes:1", goal=GOAL)
        assert model.reproduce().is_same
        place = package_folder(workspace.project, find_model(workspace.project, model.ref))
    serving = Serving(
        environment="test",
        deployment="test",
        package=str(place),
        records=str(tmp_path / "records"),
        platform=True,
        allow=("loud:share",),
    )
    server = Function(serving)
    notes = ["ANOTHER BOX", "another box"]
    body = json.dumps({"features": [{"number": 7, "note": note} for note in notes]}).encode()
    head = Head("POST", "/predict", "", [(b"host", b"here"), (b"content-type", b"application/json")])
    reply, _ = server.answer(head, body)
    assert reply.status == 200, reply.body
    assert [each["label"] for each in json.loads(reply.body)["predictions"]] == ["yes", "no"]
    server.close()
