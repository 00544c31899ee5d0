"""SavedModel: every layer, real tables, what TensorFlow's own loader sees, any name, and broken folders."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from kervan.core.errors import Corrupted
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.savedmodel import FOLDER, SavedModelFormat
from kervan.package.writing.tensor.tensorflow import imported
from kervan.testing.sample import fit_sample, sample

from .code.test_real_tables import FAMILIES
from .framework_proofs import prove_table
from .tensor import every_layer
from .test_formats_code import EVIL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Predictor


def written(model: Fitted, folder: Path) -> Mapping[str, Predictor]:
    SavedModelFormat().save(model, folder)
    return SavedModelFormat().scorers(folder, model.signature)


def score_all(folder: Path, signature: Signature, rows: Any) -> None:
    for predictor in SavedModelFormat().scorers(folder, signature).values():
        predictor.predict(rows)


@pytest.mark.parametrize("layer", every_layer.LAYERS)
def test_every_layer(layer: str, tmp_path: Path) -> None:
    model = every_layer.fitted(layer)
    for predictor in written(model, tmp_path).values():
        parity = every_layer.compared(model, predictor, 1e-12)
        assert parity.holds, parity


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["adult", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    prove_table(family, name, data_dir, lambda model: written(model, tmp_path), 1e-12)


def test_other_programs_ask_by_name_and_get_probabilities_and_a_label(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("boosting", "multi")
    written(Fitted(model, signature), tmp_path)
    tf = imported()
    loaded = tf.saved_model.load(str(tmp_path / FOLDER))
    asked = loaded.signatures["serving_default"]
    taken = asked.structured_input_signature[1]
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in taken.items()} == {
        "yaş": (tf.float64, [None]),
        "0": (tf.float64, [None]),
        "şehir ı": (tf.string, [None]),
        "evli": (tf.float64, [None]),
    }
    answer = loaded.signatures["matrix"](matrix=tf.constant(matrix))
    wanted = model.predict_proba(matrix.astype(float))
    np.testing.assert_allclose(answer["probabilities"], wanted, rtol=0, atol=1e-12)
    labels = [label.decode() for label in answer["sınıf"].numpy()]
    assert labels == [signature.output.allowed[place] for place in wanted.argmax(axis=1)]


def test_any_name_and_text_arrives(tmp_path: Path) -> None:
    inputs = Schema(
        (
            Column(name="self", type=Type.NUMBER),
            *(Column(name=name, type=Type.CATEGORY, allowed=EVIL) for name in (*EVIL, "matrix")),
        )
    )
    signature = Signature(
        inputs=inputs, output=Column(name="probabilities", type=Type.CATEGORY, allowed=EVIL)
    )
    random = np.random.default_rng(0)
    codes = random.integers(-1, len(EVIL), (400, len(EVIL) + 1))
    rows = np.column_stack([random.normal(size=400), codes]).astype(np.float32)
    model = DecisionTreeClassifier(max_depth=8).fit(rows.astype(float), np.arange(400) % len(EVIL))
    for predictor in written(Fitted(model, signature), tmp_path).values():
        np.testing.assert_array_equal(predictor.predict(rows), model.predict_proba(rows.astype(float)))


def test_the_smallest_numbers_fall_on_their_side_of_zero(tmp_path: Path) -> None:
    _, signature, _ = sample("binary")
    matrix = np.zeros((200, 4), dtype=np.float32)
    matrix[:, 1] = np.where(np.arange(200) % 2, 1, -1)
    model = DecisionTreeClassifier().fit(matrix, np.arange(200) % 2)
    rows = np.zeros((7, 4), dtype=np.float32)
    rows[:, 1] = [0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1.2e-38]
    for predictor in written(Fitted(model, signature), tmp_path).values():
        np.testing.assert_array_equal(predictor.predict(rows)[:, 1], [0, 0, 1, 0, 1, 0, 1])


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    contents = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        SavedModelFormat().save(Fitted(model, signature), tmp_path / place)
        files = sorted(path for path in (tmp_path / place).rglob("*") if path.is_file())
        contents.append({path.name: path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"saved_model.pb", "signature.json"}


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _other_operation(content: bytes) -> bytes:
    return content.replace(b"HashTableV2", b"ZashTableV2")


def _other_signature(content: bytes) -> bytes:
    return content.replace(b"serving_default", b"serving_defaulU")


def _other_column(content: bytes) -> bytes:
    return content.replace("yaş".encode(), b"yasX")


@pytest.mark.parametrize("change", [_cut, _other_operation, _other_signature, _other_column])
def test_a_graph_that_makes_no_sense_is_refused(change: Any, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    written(Fitted(model, signature), tmp_path)
    path = tmp_path / FOLDER / "saved_model.pb"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Corrupted) as caught:
        score_all(tmp_path, signature, matrix)
    assert caught.value.hint


def test_a_graph_of_another_model_is_refused(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    written(Fitted(model, signature), tmp_path)
    _, other, _ = sample("multi")
    with pytest.raises(Corrupted, match="something else than its signature says"):
        SavedModelFormat().scorers(tmp_path, other)


def test_tensorflow_is_imported_late_says_nothing_and_leaves_the_home_alone(tmp_path: Path) -> None:
    code = """
import sys
from kervan.core.plugins import plugin
plugin("format", "savedmodel")
assert "tensorflow" not in sys.modules
from kervan.package.writing.tensor.tensorflow import imported
imported()
"""
    environ = {name: value for name, value in os.environ.items() if name != "KERAS_HOME"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert not (tmp_path / ".keras").exists()
