"""The MLflow directory: loaded by MLflow itself from data frames, and by ONNX Runtime alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Corrupted
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import UNKNOWN
from kervan.package.proving.parity import compare
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.mlflow import FILE, GRAPH_FILE, MlflowFormat
from kervan.package.writing.formats.onnx_graph import matrix_graph
from kervan.package.writing.neutral.score import score
from kervan.testing.sample import TASKS, fit_sample

from .code.forms import Given
from .code.test_real_tables import FAMILIES, fitted
from .test_formats_code import EVIL, evil_signature, sum_form

if TYPE_CHECKING:
    from pathlib import Path

# MLflow changes settings of its process, so it gets one of its own.
JUDGE = """
import json, sys
import pandas as pd
import mlflow.pyfunc

for path, rows in json.load(sys.stdin):
    frame = pd.DataFrame({name: pd.Series(values, dtype=kind) for name, (kind, values) in rows.items()})
    model = mlflow.pyfunc.load_model(path)
    assert model.metadata.get_output_schema().input_names() == list(model.predict(frame).columns)
    print(json.dumps(model.predict(frame).to_dict("list")))
"""


def ask_mlflow(asked: list[Any]) -> list[dict[str, list[Any]]]:
    answered = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", JUDGE],
        input=json.dumps([(str(folder), rows) for folder, rows in asked]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not answered.returncode, answered.stderr
    return [json.loads(line) for line in answered.stdout.splitlines()]


def frame(rows: Any, signature: Signature) -> dict[str, tuple[str, list[Any]]]:
    """Columns as MLflow takes them: "" for a missing text, and texts as objects of Python."""
    found = {}
    for place, column in enumerate(signature.inputs):
        if column.type is not Type.CATEGORY:
            found[column.name] = ("float64", rows[:, place].astype(float).tolist())
            continue
        texts = ["" if code == UNKNOWN else column.allowed[int(code)] for code in rows[:, place]]
        found[column.name] = ("object", texts)
    return found


def test_mlflow_answers_like_the_model_with_labels_and_probabilities(tmp_path: Path) -> None:
    asked, wanted = [], []
    for family in FAMILIES:
        for task in TASKS:
            model, signature, matrix = fit_sample(family, task)
            folder = tmp_path / f"{family}-{task}"
            folder.mkdir()
            MlflowFormat().save(Fitted(model, signature), folder)
            asked.append((folder, frame(matrix, signature)))
            wanted.append((Fitted(model, signature).predict(matrix), signature))
    for answer, (values, signature) in zip(ask_mlflow(asked), wanted, strict=True):
        if not signature.is_classification:
            np.testing.assert_allclose(answer["fiyat"], values[:, 0], rtol=1e-5)
            continue
        labels = signature.output.allowed
        found = np.column_stack([answer[f"probability({label})"] for label in labels])
        np.testing.assert_allclose(found, values, atol=1e-5)
        assert answer["sınıf"] == [labels[place] for place in found.argmax(axis=1)]


@pytest.mark.data
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["adult", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, name, data_dir)
    MlflowFormat().save(model, tmp_path)
    predictor = MlflowFormat().load(tmp_path, model.signature)
    found = compare(model.predict, predictor, rows, 1e-5, name="mlflow", scorer="")
    assert found.parity.holds, found.parity
    (answer,) = ask_mlflow([(tmp_path, frame(rows[:50], model.signature))])
    numbers = [values for values in answer.values() if not isinstance(values[0], str)]
    np.testing.assert_allclose(np.column_stack(numbers), predictor.predict(rows[:50]), rtol=1e-6, atol=1e-7)


def one_column(column: Column) -> Signature:
    return Signature(inputs=Schema((column,)), output=Column(name=column.name, type=Type.NUMBER))


@pytest.mark.parametrize(
    "column",
    [Column(name="x", type=Type.NUMBER), Column(name="x", type=Type.CATEGORY, allowed=("a", "b"))],
    ids=["number", "category"],
)
def test_a_single_column_that_is_called_like_the_answer(column: Column, tmp_path: Path) -> None:
    form = sum_form(one_column(column))
    rows = np.array([[0], [1], [-1]], dtype=np.float32)
    MlflowFormat().save(Given(form), tmp_path)
    np.testing.assert_allclose(MlflowFormat().load(tmp_path, form.signature).predict(rows), score(form, rows))
    (answer,) = ask_mlflow([(tmp_path, frame(rows, form.signature))])
    np.testing.assert_allclose(answer["_x"], score(form, rows)[:, 0])


def test_any_name_and_text_arrives(tmp_path: Path) -> None:
    evil = list(EVIL)
    form = sum_form(evil_signature(evil, evil, evil))
    codes = np.arange(-1, len(evil))[:, None]
    rows = np.random.default_rng(0).permuted(np.tile(codes, (1, len(evil))), axis=0).astype(np.float32)
    MlflowFormat().save(Given(form), tmp_path)
    wanted = score(form, rows)
    found = MlflowFormat().load(tmp_path, form.signature).predict(rows)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    (answer,) = ask_mlflow([(tmp_path, frame(rows, form.signature))])
    np.testing.assert_allclose([answer[f"probability({text})"] for text in evil], wanted.T, atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (GRAPH_FILE, "../elsewhere.onnx"),
        ('"signature"', '"other"'),
        ("evli", "bekar"),
        ("probability(evet)", "probability(maybe)"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(old: str, new: str, tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "binary")
    MlflowFormat().save(Fitted(model, signature), tmp_path)
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / FILE).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(Corrupted) as caught:
        MlflowFormat().load(tmp_path, signature)
    assert caught.value.hint


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "binary")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        MlflowFormat().save(Fitted(model, signature), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["MLmodel", "conda.yaml", "model.onnx", "python_env.yaml", "requirements.txt"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


class Imported:
    """A model that is a graph already, and has no neutral form."""

    def __init__(self, fitted_model: Fitted) -> None:
        self.signature = fitted_model.signature
        self._fitted = fitted_model

    def graph(self) -> Any:
        return matrix_graph(self._fitted.form)


def test_a_model_that_is_a_graph_already_is_written_from_it(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("tree", "binary")
    MlflowFormat().save(Imported(Fitted(model, signature)), tmp_path)
    found = MlflowFormat().load(tmp_path, signature).predict(matrix)
    np.testing.assert_allclose(found, Fitted(model, signature).predict(matrix), atol=1e-6)
