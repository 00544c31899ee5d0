"""LiteRT: every layer by both sets of kernels, real tables, what is in the file, and broken files."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import Precision
from kervan.package.proving.parity import compare, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.litert import FILE, LitertFormat
from kervan.package.writing.tensor.coding import read_signature
from kervan.package.writing.tensor.litert.graph import metadata
from kervan.package.writing.tensor.litert.write import METADATA, model_bytes
from kervan.testing.sample import fit_sample, sample

from .code.test_real_tables import FAMILIES
from .framework_proofs import prove_table
from .neutral.rows import fit
from .tensor import every_layer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Predictor

KERNELS = ("XNNPACK", "reference kernels")
NO_OPERATOR = {"erf"}
ONE_ROW_BETWEEN_TWO = {"nearest", "one answer of the nearest"}
CUT_OFF = {("divide one", "reference kernels")}  # what is infinite is the largest number there


def written(model: Fitted, folder: Path) -> Mapping[str, Predictor]:
    LitertFormat().save(model, folder)
    found = LitertFormat().scorers(folder, model.signature)
    assert tuple(found) == KERNELS
    return found


@pytest.mark.parametrize("layer", every_layer.LAYERS)
def test_every_layer(layer: str, tmp_path: Path) -> None:
    model = every_layer.fitted(layer)
    if layer in NO_OPERATOR:
        with pytest.raises(Refused, match="LiteRT has no erf") as caught:
            LitertFormat().save(model, tmp_path)
        assert "onnx" in caught.value.hint
        return
    for kernels, predictor in written(model, tmp_path).items():
        if (layer, kernels) not in CUT_OFF:
            parity = every_layer.compared(model, predictor, 1e-4)  # of numbers up to a few hundred
            assert parity.over <= (layer in ONE_ROW_BETWEEN_TWO), parity


def test_applications_ask_as_the_documents_tell() -> None:
    model, signature, matrix = fit_sample("boosting", "multi")
    content = model_bytes(Fitted(model, signature).form)
    run = litert.Interpreter(model_content=content, num_threads=1).get_signature_runner("serving_default")
    matrix = matrix.astype(np.float32)
    wanted = model.predict_proba(matrix.astype(float))
    np.testing.assert_allclose(run(matrix=matrix)["probabilities"], wanted, rtol=0, atol=1e-5)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["adult", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    prove_table(family, name, data_dir, lambda model: written(model, tmp_path), 1e-5, Precision.SINGLE)


def test_the_file_tells_its_columns_and_what_it_gives(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("boosting", "multi")
    written(Fitted(model, signature), tmp_path)
    content = (tmp_path / FILE).read_bytes()
    assert read_signature(metadata(content, METADATA), FILE) == signature
    held = schema.ModelT.InitFromPackedBuf(content, 0)
    (asked,) = held.signatureDefs
    tensors = held.subgraphs[0].tensors
    (taken,), (given_,) = asked.inputs, asked.outputs
    assert (asked.signatureKey, taken.name, given_.name) == (b"serving_default", b"matrix", b"probabilities")
    assert tensors[taken.tensorIndex].shapeSignature.tolist() == [-1, 4]
    assert tensors[given_.tensorIndex].shapeSignature.tolist() == [-1, 3]
    own = {value for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    own -= {schema.BuiltinOperator.CUSTOM}
    assert {code.builtinCode for code in held.operatorCodes} <= own


def test_constants_lie_where_devices_want_them() -> None:
    model, signature, _ = fit_sample("forest", "binary")
    content = model_bytes(Fitted(model, signature).form)
    held = schema.Model.GetRootAs(content)
    start = np.frombuffer(content, np.uint8).ctypes.data
    places = [
        held.Buffers(place).DataAsNumpy().ctypes.data - start
        for place in range(held.BuffersLength())
        if held.Buffers(place).DataLength()
    ]
    assert len(places) > 5
    assert all(place % 16 == 0 for place in places)


def test_the_smallest_numbers_fall_on_their_side_of_zero(tmp_path: Path) -> None:
    _, signature, _ = sample("binary")
    matrix = np.zeros((200, 4), dtype=np.float32)
    matrix[:, 1] = np.where(np.arange(200) % 2, 1, -1)
    model = DecisionTreeClassifier().fit(matrix, np.arange(200) % 2)
    rows = np.zeros((5, 4), dtype=np.float32)
    rows[:, 1] = [0, -0.0, 1e-45, -1e-45, 1e-38]
    for predictor in written(Fitted(model, signature), tmp_path).values():
        np.testing.assert_array_equal(predictor.predict(rows)[:, 1], [0, 0, 1, 0, 1])


def test_what_float32_cannot_tell_apart_is_noticed(tmp_path: Path) -> None:
    model, matrix = fit("KernelRidge", "regression")
    rows = proof_rows(model, matrix[200:], seed=1)
    for predictor in written(model, tmp_path).values():
        assert not compare(model.predict, predictor, rows, 1e-5, name="", scorer="").parity.holds


def _other_columns(held: Any) -> None:
    held.subgraphs[0].tensors[held.subgraphs[0].inputs[0]].type = schema.TensorType.INT8


def _no_signature(held: Any) -> None:
    held.metadata = []


def _other_operator(held: Any) -> None:
    held.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    held.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    held.operatorCodes[0].customCode = "evil"


def _two_outputs(held: Any) -> None:
    held.subgraphs[0].outputs = [*held.subgraphs[0].outputs, held.subgraphs[0].inputs[0]]


def _answer_too_early(held: Any) -> None:
    held.subgraphs[0].outputs = held.subgraphs[0].inputs


@pytest.mark.parametrize(
    "change", [_other_columns, _no_signature, _other_operator, _two_outputs, _answer_too_early]
)
def test_a_model_that_makes_no_sense_is_refused(change: Any, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    written(Fitted(model, signature), tmp_path)
    held = schema.ModelT.InitFromPackedBuf((tmp_path / FILE).read_bytes(), 0)
    change(held)
    builder = flatbuffers.Builder()
    builder.Finish(held.Pack(builder), b"TFL3")
    (tmp_path / FILE).write_bytes(builder.Output())
    with pytest.raises(Corrupted) as caught:
        score_all(tmp_path, signature, matrix)
    assert caught.value.hint


def score_all(folder: Path, signature: Any, rows: Any) -> None:
    for predictor in LitertFormat().scorers(folder, signature).values():
        predictor.predict(rows)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 1800), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_damaged_file_answers_or_is_named(changes: list[tuple[int, int]], tmp_path: Path) -> None:
    """Whatever becomes of the interpreter's process, this one goes on."""
    model, signature, matrix = fit_sample("linear", "binary")
    content = bytearray(model_bytes(Fitted(model, signature).form))
    for place, value in changes:
        content[place] = value
    (tmp_path / FILE).write_bytes(content)
    with suppress(Corrupted):
        score_all(tmp_path, signature, matrix)


def test_litert_is_imported_late_and_says_nothing(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "binary")
    LitertFormat().save(Fitted(model, signature), tmp_path)
    code = """
import sys
from pathlib import Path
import numpy as np
from kervan.core.plugins import plugin
from kervan.package.writing.tensor.litert.interpreter import REFERENCE, XNNPACK, Interpreter
plugin("format", "litert")
assert "ai_edge_litert" not in sys.modules
rows = np.zeros((2, 4), dtype=np.float32)
for kernels in (XNNPACK, REFERENCE):
    assert Interpreter(Path(sys.argv[1]), kernels).score(rows).shape == (2, 2)
assert "ai_edge_litert.interpreter" not in sys.modules
"""
    asked = [sys.executable, "-c", code, str(tmp_path / FILE)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
