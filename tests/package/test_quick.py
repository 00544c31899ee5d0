"""The quick scorer answers bit for bit like ONNX Runtime, or it is not asked; and no file leads it astray."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from kervan.core.errors import Corrupted, MissingExtra, ServerFailed
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.opening import load_package
from kervan.package.quick.kernel import LEAF, NODE, Ensemble, library
from kervan.package.quick.proto import read_graph
from kervan.package.quick.quickened import Quickened, quickened
from kervan.package.quick.scorer import QuickScorer, quick_scorer
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.onnx import MATRIX_FILE, MatrixPredictor, OnnxFormat
from serve.real_packages import CLASSIFICATION, make_matrix, make_package

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 5
INPUTS = Schema(
    (
        *(Column(name=f"c{place}", type=Type.NUMBER, nullable=True) for place in range(WIDTH - 1)),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=("a", "b", "c", "d")),
    )
)
OUTPUTS = {
    "two": Column(name="y", type=Type.CATEGORY, allowed=("0", "1")),
    "three": Column(name="y", type=Type.CATEGORY, allowed=("0", "1", "2")),
    "value": Column(name="y", type=Type.NUMBER),
}
MODELS: dict[str, tuple[Any, str]] = {
    "boosting": (HistGradientBoostingClassifier(max_iter=20), "two"),
    "boosting, classes": (HistGradientBoostingClassifier(max_iter=10), "three"),
    "boosting, categories": (HistGradientBoostingRegressor(max_iter=20, categorical_features=[4]), "value"),
    "forest": (make_pipeline(SimpleImputer(), RandomForestClassifier(20)), "three"),
    "forest, missing": (RandomForestRegressor(9), "value"),
    "extra trees": (ExtraTreesClassifier(9), "two"),
    "gradient boosting": (make_pipeline(SimpleImputer(), GradientBoostingRegressor(n_estimators=9)), "value"),
    "a tree": (DecisionTreeClassifier(max_depth=1), "two"),
    "a stump of no question": (DecisionTreeClassifier(min_samples_split=10_000), "two"),
    "logistic": (make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), "three"),
    "ridge": (make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), "value"),
}
needs_compiler = pytest.mark.skipif(library() is None, reason="there was no C compiler at the installation")


def rows(count: int, seed: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    found = random.normal(size=(count, WIDTH))
    found[:, -1] = random.integers(-1, 4, count)
    found[random.random((count, WIDTH)) < 0.1] = np.nan
    found[:, -1] = np.nan_to_num(found[:, -1], nan=-1)
    return found


def written(name: str, folder: Path) -> Signature:
    model, kind = MODELS[name]
    signature = Signature(inputs=INPUTS, output=OUTPUTS[kind])
    matrix = rows(400, 1)
    score = np.nan_to_num(matrix[:, 0]) + matrix[:, -1]
    truth = score if kind == "value" else np.digitize(score, [0.5] if kind == "two" else [0, 1.5])
    OnnxFormat().save(Fitted(model.fit(matrix, truth), signature), folder)
    return signature


@needs_compiler
@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_onnx_runtime_to_the_last_bit(name: str, tmp_path: Path) -> None:
    signature = written(name, tmp_path)
    quick = quick_scorer(tmp_path / MATRIX_FILE)
    assert quick is not None
    own = MatrixPredictor(tmp_path / MATRIX_FILE, signature)
    for count in (1, 7, 8, 9, 500):
        matrix = rows(count, count)
        matrix[0, :-1] = [np.inf, -np.inf, 1e300, 5e-324]
        np.testing.assert_array_equal(quick.predict(matrix), own.predict(matrix))
    assert quick.predict(rows(8, 1)[::-2]).shape[0] == 4


def test_a_graph_of_another_kind_has_none(tmp_path: Path) -> None:
    signature = Signature(inputs=INPUTS, output=OUTPUTS["two"])
    matrix = np.nan_to_num(rows(100, 1))
    truth = (matrix[:, 0] > 0).astype(int)
    OnnxFormat().save(Fitted(GaussianNB().fit(matrix, truth), signature), tmp_path)
    own = MatrixPredictor(tmp_path / MATRIX_FILE, signature)
    found = quickened(own, tmp_path / MATRIX_FILE)
    if isinstance(found, Quickened):  # if it is one of the known kinds some day
        found.settle(matrix[:2])
    np.testing.assert_array_equal(found.predict(matrix), own.predict(matrix))


@needs_compiler
def test_it_is_asked_only_if_it_answers_the_same(tmp_path: Path) -> None:
    signature = written("boosting", tmp_path)
    own = MatrixPredictor(tmp_path / MATRIX_FILE, signature)

    class Other:
        def predict(self, matrix: Any) -> Any:
            return own.predict(matrix) + 1e-12

    false = Quickened(own, Other())
    false.settle(rows(2, 1))
    assert false.least == np.inf
    true = quickened(own, tmp_path / MATRIX_FILE)
    assert isinstance(true, Quickened)
    true.settle(rows(2, 1))
    matrix = rows(2000, 3)
    np.testing.assert_array_equal(true.predict(matrix), own.predict(matrix))


@needs_compiler
def test_without_onnx_runtime_it_answers_alone_and_says_what_is_missing_where_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package(tmp_path / "boosting", CLASSIFICATION)
    manifest, own = load_package(package)
    matrix = make_matrix(manifest.signature, 50, 3)
    expected = own.predict(matrix)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    _, alone = load_package(package)
    assert isinstance(alone, QuickScorer)
    np.testing.assert_array_equal(alone.predict(matrix), expected)
    monkeypatch.setattr("kervan.package.quick.scorer.library", lambda: None)
    with pytest.raises(MissingExtra, match="onnxruntime is not installed") as caught:
        load_package(package)
    assert caught.value.hint == "pip install 'kervan[onnx]'"


def test_what_is_no_graph_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
    with pytest.raises(Corrupted):
        quick_scorer(tmp_path / "x")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        read_graph(content)
    except Corrupted as error:
        assert error.hint  # noqa: PT017 - reading is as good as refusing


@needs_compiler
@given(place=st.integers(0, 20_000), byte=st.integers(0, 255))
def test_a_byte_that_was_changed_leads_nowhere(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the graph then says, it is refused or scored within its arrays."""
    folder = tmp_path_factory.getbasetemp() / "changed"
    if not folder.exists():
        folder.mkdir()
        written("boosting", folder)
        (folder / "whole").write_bytes((folder / MATRIX_FILE).read_bytes())
    content = bytearray((folder / "whole").read_bytes())
    content[place % len(content)] = byte
    (folder / MATRIX_FILE).write_bytes(content)
    try:
        quick = quick_scorer(folder / MATRIX_FILE)
        if quick is not None:
            quick.predict(rows(9, 1))
    except (Corrupted, ServerFailed) as error:
        assert error.hint  # noqa: PT017 - scoring is as good as refusing


@needs_compiler
@given(st.data())
def test_trees_that_would_leave_their_arrays_are_refused(data: st.DataObject) -> None:
    """Any numbers at all: what is let through ends, and stays within what it was given."""
    count = data.draw(st.integers(1, 6))
    number = st.integers(-2, 8)
    nodes = np.zeros(count, dtype=NODE)
    nodes["yes"] = data.draw(st.lists(number, min_size=count, max_size=count))
    nodes["feature"] = data.draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    nodes["threshold"] = data.draw(
        st.lists(st.sampled_from([np.inf, 0.0, np.nan]), min_size=count, max_size=count)
    )
    nodes["missing_yes"] = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    leaves = np.zeros(count, dtype=LEAF)
    leaves["first"] = data.draw(st.lists(number, min_size=count, max_size=count))
    leaves["count"] = data.draw(st.lists(number, min_size=count, max_size=count))
    try:
        ensemble = Ensemble(
            nodes=nodes,
            leaves=leaves,
            roots=np.array(data.draw(st.lists(number, max_size=3)), dtype=np.int32),
            targets=np.array(data.draw(st.lists(number, max_size=5)), dtype=np.int32),
            weights=np.ones(data.draw(st.integers(0, 5))),
            base=np.zeros(2),
        )
        assert np.isfinite(ensemble.sums(rows(9, 1))).all()
    except ValueError:
        return


def test_graphs_hold_numbers_of_all_kinds() -> None:
    """As the encoding has them: dimensions and whole numbers packed or one by one, numbers as bytes."""
    packed = b"\x0a\x01\x02" + b"\x10\x07" + b"\x42\x01c" + b"\x4a\x10" + struct.pack("<qq", -1, 7)
    single = b"\x08\x02" + b"\x10\x07" + b"\x42\x01d" + b"\x38\x05\x38\x06"
    graph = b"".join(b"\x2a" + bytes([len(part)]) + part for part in (packed, single))
    constants = read_graph(b"\x3a" + bytes([len(graph)]) + graph).constants
    assert constants["c"].tolist() == [-1, 7]
    assert constants["d"].tolist() == [5, 6]
