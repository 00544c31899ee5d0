"""OpenVINO: every layer in float32, real tables, any name, and what others do with the files."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Corrupted, ParityFailed
from kervan.core.schema import Schema
from kervan.package.proving.build import prove
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.openvino import FILE, WEIGHTS, OpenvinoFormat
from kervan.package.writing.neutral.form import Trees
from kervan.package.writing.neutral.score import score
from kervan.package.writing.tensor.openvino import imported
from kervan.testing.sample import fit_sample

from .code.test_real_tables import FAMILIES, fitted
from .tensor import every_layer
from .test_formats_code import EVIL

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor


def written(model: Fitted, folder: Path) -> Predictor:
    OpenvinoFormat().save(model, folder)
    (predictor,) = OpenvinoFormat().scorers(folder, model.signature).values()
    return predictor


@pytest.mark.parametrize("layer", every_layer.IN_FLOAT32)
def test_every_layer(layer: str, tmp_path: Path) -> None:
    model = every_layer.fitted(layer)
    parity = every_layer.compared(model, written(model, tmp_path), 1e-4)
    assert parity.holds, parity


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["adult", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, name, data_dir)
    (parity,) = prove("openvino", {"": written(model, tmp_path)}, model, rows)
    assert parity.holds


@pytest.mark.parametrize("threshold", [0.0, -5e-324, 5e-324, -1.0])
def test_splits_at_zero_tell_the_smallest_numbers_apart(threshold: float, tmp_path: Path) -> None:
    stump = every_layer.grown(outputs=2, depth=1)
    asked = replace(
        stump, place=np.where(stump.place >= 0, 0, -1), threshold=np.full(len(stump.place), threshold)
    )
    model = form_of(asked)
    normal, smallest = np.finfo(np.float32).tiny, np.nextafter(np.float32(0), np.float32(1))
    rows = np.zeros((7, every_layer.WIDTH), dtype=np.float32)
    rows[:, 0] = [0, -0.0, smallest, -smallest, normal, -normal, 1]
    given = written(model, tmp_path).predict(rows)
    np.testing.assert_allclose(given, score(model.form, rows), atol=1e-6)


def form_of(layer: Trees) -> Fitted:
    model = every_layer.fitted("stumps")
    changed = Fitted(None, model.signature)
    changed.__dict__["form"] = replace(model.form, layers=(layer,))
    return changed


def test_distances_of_rows_far_out_are_not_passed_for_exact(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("neighbours", "binary")
    original = Fitted(model, signature)
    with pytest.raises(ParityFailed):
        prove("openvino", {"": written(original, tmp_path)}, original, proof_rows(original, matrix, seed=0))


def test_others_run_the_files_with_the_precision_that_is_told(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    written(Fitted(model, signature), tmp_path)
    program = imported().compile_model(tmp_path / FILE, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    given = program({"rows": matrix})["answers"]
    np.testing.assert_allclose(given, model.predict_proba(matrix.astype(float)), atol=1e-6)
    assert {each.get_element_type().get_type_name() for each in program.inputs} == {"f32"}


def test_a_graph_is_written_alike_twice(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(Fitted(model, signature), tmp_path / folder)
    for name in (FILE, WEIGHTS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_any_name_and_text_arrives(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "multi")
    columns = [
        replace(column, name=f"{name}\x01", allowed=EVIL[: len(column.allowed)])
        for column, name in zip(signature.inputs, EVIL, strict=False)
    ]
    evil = replace(
        signature, inputs=Schema(tuple(columns)), output=replace(signature.output, allowed=EVIL[:3])
    )
    given = written(Fitted(model, evil), tmp_path).predict(matrix)
    np.testing.assert_allclose(given, model.predict_proba(matrix.astype(float)), atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'<signature value="', b'<signature value="x'),
        (b"<signature", b"<signatur"),
        (b'type="MatMul"', b'type="NoSuch"'),
        (b"</layers>", b""),
        (b'offset="0"', b'offset="4294967296"'),
        (b"</net>", b""),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(old: bytes, new: bytes, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    written(Fitted(model, signature), tmp_path)
    content: Any = (tmp_path / FILE).read_bytes()
    assert old in content
    (tmp_path / FILE).write_bytes(content.replace(old, new))
    with pytest.raises(Corrupted) as caught:
        OpenvinoFormat().scorers(tmp_path, signature)[""].predict(matrix)
    assert caught.value.hint


ASKING = """
import sys
from pathlib import Path
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.openvino import OpenvinoFormat
from kervan.testing.sample import fit_sample
model, signature, matrix = fit_sample("tree", "binary")
folder = Path(sys.argv[1])
OpenvinoFormat().save(Fitted(model, signature), folder)
OpenvinoFormat().scorers(folder, signature)[""].predict(matrix)
assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
"""


def test_nobody_is_told_that_openvino_is_used(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    environ = {**os.environ, "HOME": str(home)} | {"CI": "", "TF_BUILD": "", "JENKINS_URL": ""}
    command = [sys.executable, "-W", "ignore", "-c", ASKING, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(home.iterdir())
