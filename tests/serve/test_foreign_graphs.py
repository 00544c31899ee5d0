"""Graphs that somebody else made, in packages that they signed: none takes the server with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from kervan.cli.root import kervan
from kervan.core.errors import KervanError, ParityFailed, ServerFailed
from kervan.core.serving import Serving
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.contents.readers.any import parse_manifest
from kervan.package.contents.seal import write_manifest
from kervan.package.contents.signing import SigningKey
from kervan.serve.asked import Asked
from kervan.serve.engine import Engine
from serve.real_packages import NUMERIC, REGRESSION, ROW, make_package

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = SigningKey(b"\1" * 32)
GIGA = 1_000_000_000


def whole(name: str, values: list[int] | int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


# Each makes `big` out of `first`, the first column of the rows.
HOSTILE: dict[str, tuple[list[onnx.NodeProto], list[onnx.TensorProto], str]] = {
    "a constant of 4 GB": (
        [helper.make_node("ConstantOfShape", ["shape"], ["big"])],
        [whole("shape", [GIGA, 1])],
        "more than 3 GiB",
    ),
    "a range of 8 GB": (
        [
            helper.make_node("Range", ["from", "to", "by"], ["r"]),
            helper.make_node("Cast", ["r"], ["big"], to=1),
        ],
        [whole("from", 0), whole("to", GIGA), whole("by", 1)],
        "more than 3 GiB",
    ),
    "a column repeated to 4 GB": (
        [helper.make_node("Tile", ["first", "times"], ["big"])],
        [whole("times", [GIGA, 1])],
        "more than 3 GiB",
    ),
    "a shape that cannot be": (
        [helper.make_node("Reshape", ["first", "shape"], ["big"])],
        [whole("shape", [7, 13])],
        "Reshape",
    ),
    "a row that is not there": (
        [helper.make_node("Gather", ["first", "place"], ["big"])],
        [whole("place", [99])],
        "Gather",
    ),
}


def graph(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto]) -> bytes:
    """A graph that takes and gives what the package says, and adds the sum of `big` to it."""
    first = helper.make_node("Slice", ["matrix", "zero", "one", "one"], ["first"])
    total = helper.make_node("ReduceSum", ["big"], ["sum"], keepdims=0)
    half = helper.make_node("Mul", ["first", "nothing"], ["nought"])
    rest = [
        helper.make_node("Mul", ["sum", "nothing"], ["small"]),
        helper.make_node("Add", ["nought", "small"], ["left"]),
        helper.make_node("Add", ["left", "unit"], ["right"]),
        helper.make_node("Concat", ["left", "right"], ["output"], axis=1),
    ]
    made = helper.make_graph(
        [first, *nodes, total, half, *rest],
        "hostile",
        [helper.make_tensor_value_info("matrix", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, 2])],
        [
            *constants,
            whole("zero", [0]),
            whole("one", [1]),
            numpy_helper.from_array(np.zeros(1, dtype=np.float32), "nothing"),
            numpy_helper.from_array(np.ones(1, dtype=np.float32), "unit"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


def signed_again(package: Path, **changes: Any) -> None:
    """Let a stranger write manifest and signature over what is in the folder now."""
    manifest = parse_manifest((package / FILE_NAME).read_bytes())
    write_manifest(replace(manifest, **changes), package, STRANGER)


def serving(package: Path) -> Serving:
    records = str(package.parent / "records")
    return Serving(environment="e", deployment="D", package=str(package), records=records, port=0)


@pytest.fixture(scope="module")
def numeric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("made") / "numeric", NUMERIC)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_graph_that_asks_for_too_much_or_fails_is_refused(what: str, numeric: Path) -> None:
    nodes, constants, words = HOSTILE[what]
    (numeric / "onnx" / "matrix.onnx").write_bytes(graph(nodes, constants))
    signed_again(numeric, samples=({"x": 1.0, "n": 2, "ok": True},))
    with pytest.raises(ServerFailed, match=words) as caught:
        Engine(serving(numeric))
    assert caught.value.hint
    found = CliRunner().invoke(kervan, ["package", "check", str(numeric)])
    assert isinstance(found.exception, ServerFailed), found


def test_a_graph_that_was_changed_and_signed_again_is_not_served(tmp_path: Path) -> None:
    package = make_package(tmp_path / "a", REGRESSION, "1.0.0", name="kira")
    engine = Engine(serving(package))
    from kervan.core.ports import Request

    answers = engine.answer(engine.current, Request(rows=[ROW]), Asked(protocol="p")).values
    engine.close()
    told = {"samples": (ROW,), "answers": tuple(map(tuple, answers.tolist()))}
    signed_again(package, **told)
    Engine(serving(package)).close()
    other = make_package(tmp_path / "b", REGRESSION, "2.0.0", name="kira")
    (package / "onnx" / "matrix.onnx").write_bytes((other / "onnx" / "matrix.onnx").read_bytes())
    signed_again(package, **told)
    with pytest.raises(ParityFailed, match="answers differently here"):
        Engine(serving(package))


ODD: dict[str, Any] = {
    "name": ["", "../../x", "x" * 5_000, "a\nb", "\x1b[2J", "a/b"],
    "version": ["", "../1", "1.0.0\n", "1" * 5_000 + ".0.0"],
    "created": [1e300, -1e300, 1e18],
    "formats": [["../onnx"], [""], ["onnx", "onnx"], ["nosuch"], ["a/b"], []],
    "samples": [[{}], [{"x": "text"}], [{"x": 1.0, "n": 1, "ok": True, "more": 1}]],
    "answers": [[[1.0], [1.0, 2.0]], [[]], [[1e300, 0.0]]],
    "files": [[{"path": "../../x", "size": 1, "sha256": "0" * 64}], [{"path": "", "size": -1, "sha256": ""}]],
    "parity": [[]],
    "model_card": ["../../x"],
    "creator": ["\x1b]0;owned\x07", "x" * 100_000],
    "signature": [
        {"inputs": [], "output": {"name": "y", "type": "number"}},
        {"inputs": [{"name": "", "type": "number"}], "output": {"name": "y", "type": "number"}},
    ],
}


@pytest.mark.parametrize("field", ODD)
def test_what_a_foreign_manifest_says_is_no_bug_of_ours(field: str, tmp_path: Path) -> None:
    package = make_package(tmp_path / "numeric", NUMERIC)
    signed_again(package, samples=({"x": 1.0, "n": 2, "ok": True},))
    told = json.loads((package / FILE_NAME).read_text())
    for value in ODD[field]:
        content = json.dumps({**told, field: value}).encode()
        (package / FILE_NAME).write_bytes(content)
        (package / "signature.json").write_bytes(STRANGER.sign(content))
        found = CliRunner().invoke(kervan, ["package", "check", str(package)])
        assert found.exception is None or isinstance(found.exception, KervanError), (value, found.exception)
        if field in {"name", "version", "created", "formats", "files", "answers", "model_card"}:
            assert found.exception is not None, value
        if field == "creator":
            assert "\x1b" not in found.output
