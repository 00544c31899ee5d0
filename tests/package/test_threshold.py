"""The class that a threshold names: every written file that names one names the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import Bump
from kervan.core.naming import Naming
from kervan.core.plugins import plugin
from kervan.core.schema import Signature, smallest_bump
from kervan.package.answers import chosen, may_name
from kervan.package.proving.build import scorers_of, write_format
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.savedmodel import FOLDER
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.tensor.tensorflow import imported
from kervan.testing.sample import fit_sample, sample

from .code.tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

THRESHOLD = 0.3


def low(family: str = "linear") -> tuple[Fitted, Signature, Matrix]:
    """Return a model of two classes that names the last from 0.3 on, and rows."""
    model, signature, matrix = fit_sample(family, "binary")
    signature = replace(signature, threshold=THRESHOLD)
    return Fitted(model, signature), signature, matrix


def between(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (values[:, 1] >= THRESHOLD) & (values[:, 1] < 0.5)


@pytest.mark.parametrize(
    "name",
    ["c", "java", "javascript", "python", "rust", "pmml", "sqlite", "duckdb", "mojo", "pojo"],
)
def test_a_file_that_names_classes_is_proved_to_name_them_by_the_threshold(name: str, tmp_path: Path) -> None:
    fitted, signature, matrix = low()
    wanted = fitted.predict(matrix)
    assert between(wanted).any()
    with needing_tools():
        write_format(name, fitted, tmp_path / name, matrix)
        known = scorers_of(plugin("format", name), tmp_path / name, signature)
        plain = scorers_of(plugin("format", name), tmp_path / name, replace(signature, threshold=0.5))
        answers = [each.predict(matrix) for each in known.values()]
        wrong = [np.isnan(each.predict(matrix)).any(axis=1) for each in plain.values()]
    assert not np.isnan(answers).any()
    # Asked as if the threshold were another one, the same file is found out where that names another class.
    assert any(np.array_equal(each, between(wanted)) for each in wrong)


def test_a_document_that_names_another_class_is_found_out(tmp_path: Path) -> None:
    fitted, signature, matrix = low()
    write_format("pfa", fitted, tmp_path / "pfa", matrix)
    scorers = scorers_of(plugin("format", "pfa"), tmp_path / "pfa", replace(signature, threshold=0.5))
    with pytest.raises(Corrupted, match="not the one that the probabilities name"):
        [each.predict(matrix) for each in scorers.values()]


def test_the_graphs_that_others_run_name_classes_by_the_threshold(tmp_path: Path) -> None:
    fitted, signature, matrix = low("boosting")
    for name, file in (("onnx", "model.onnx"), ("mlflow", "model.onnx")):
        write_format(name, fitted, tmp_path / name, matrix)
        found = list((tmp_path / name).rglob(file))
        session = onnxruntime.InferenceSession(found[0])
        given = {entry.name: entry for entry in session.get_inputs()}
        rows = decode_rows(matrix, signature)
        inputs: dict[str, Any] = {}
        for place, (column, entry) in enumerate(given.items()):
            kind: Any = object if "string" in entry.type else np.float32
            kind = np.float64 if "double" in entry.type else kind
            nothing = "" if kind is object else np.nan
            values = [nothing if row[place] is None else row[place] for row in rows]
            inputs[column] = np.array(values, dtype=kind).reshape(-1, *entry.shape[1:])
        outputs = [entry.name for entry in session.get_outputs()]
        label = next(each for each in outputs if each.strip("_") == signature.output.name)
        named = session.run([label], inputs)[0]
        places = chosen(fitted.predict(matrix), signature.naming)
        assert named.tolist() == [signature.output.allowed[place] for place in places]


def test_a_saved_model_names_classes_by_the_threshold(tmp_path: Path) -> None:
    fitted, signature, matrix = low()
    write_format("savedmodel", fitted, tmp_path / "savedmodel", matrix)
    tf = imported()
    loaded = tf.saved_model.load(str(tmp_path / "savedmodel" / FOLDER))
    answer = loaded.signatures["matrix"](matrix=tf.constant(matrix))
    labels = [label.decode() for label in answer["sınıf"].numpy()]
    places = chosen(fitted.predict(matrix), signature.naming)
    assert labels == [signature.output.allowed[place] for place in places]


def test_a_threshold_is_one_of_two_classes_and_a_probability() -> None:
    _, binary, _ = sample("binary")
    _, multi, _ = sample("multi")
    with pytest.raises(InvalidInput, match="no two classes"):
        replace(multi, threshold=0.3)
    with pytest.raises(InvalidInput, match="no probability"):
        replace(binary, threshold=1.2)
    assert smallest_bump(binary, replace(binary, threshold=0.2)) is Bump.PATCH


def test_a_class_may_be_named_where_its_probability_says_so() -> None:
    values = np.array([[0.6, 0.4], [0.7, 0.3], [0.71, 0.29]])
    assert may_name(np.array([1, 1, 1]), values, Naming(threshold=0.3)).tolist() == [True, True, False]
    assert may_name(np.array([0, 0, 0]), values, Naming(threshold=0.3)).tolist() == [False, False, True]
    assert may_name(np.array([0, 0, 1]), values).tolist() == [True, True, False]
