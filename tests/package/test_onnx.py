from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.families.registry import BASELINE, FAMILIES
from kervan.model.train import fit
from kervan.package.proving.parity import compare, nasty_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.onnx import MATRIX_FILE, PORTABLE_FILE, OnnxFormat
from kervan.package.writing.neutral.form import Trees

from .small_tables import encoded, make_table, signature_for

if TYPE_CHECKING:
    from pathlib import Path

TASKS = ("binary", "multi", "regression")
COLUMNS = {
    "everything": (),
    "numbers": ("yaş", "gelir ı", "evli"),
    "categories": ("şehir", "value", "boş"),
    "one number": ("gelir ı",),
    "one category": ("şehir",),
}


def written(family: str, task: str, folder: Path, *names: str, rows: int = 300) -> tuple[Any, Signature, Any]:
    signature, matrix, truth = encoded(task, rows, *names)
    model = fit(family, matrix, truth, signature, seed=0)
    OnnxFormat().save(Fitted(model, signature), folder)
    return model, signature, matrix


@pytest.mark.sampled
@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize(
    ("family", "task"),
    [
        pytest.param(name, task, marks=pytest.mark.framework if family.needs else ())
        for name, family in FAMILIES.items()
        for task in TASKS
        if name != BASELINE and (family.regresses if task == "regression" else family.classifies)
    ],
)
def test_both_files_of_every_family_answer_like_the_original_on_nasty_rows(
    family: str, task: str, columns: str, tmp_path: Path
) -> None:
    model, signature, _ = written(family, task, tmp_path, *COLUMNS[columns])
    _, held_out, _ = encoded(task, 100, *COLUMNS[columns], seed=1)
    nasty = nasty_rows(held_out, signature, seed=2)
    original = Fitted(model, signature)
    for name, predictor in OnnxFormat().scorers(tmp_path, signature).items():
        comparison = compare(original.predict, predictor, nasty, 1e-5, name=name, scorer="onnxruntime")
        assert comparison.parity.holds, comparison
        assert comparison.parity.largest < 5e-6
        assert len(np.unique(predictor.predict(nasty)[:, 0])) > 1


@pytest.mark.parametrize("family", ["tree", "forest", "boosting"])
@pytest.mark.parametrize("task", TASKS)
def test_values_that_lie_exactly_on_a_split_take_the_same_branch(
    family: str, task: str, tmp_path: Path
) -> None:
    """Prices with one decimal lie where float32 rounds up as often as down; splits lie between or on them."""
    signature, _, truth = encoded(task, 400, "gelir ı")
    prices = np.round(np.random.default_rng(3).uniform(0, 5, (400, 1)), 1)
    model = fit(family, prices, truth, signature, seed=0)
    OnnxFormat().save(Fitted(model, signature), tmp_path)
    distinct = np.unique(prices)
    middles = (distinct[1:] + distinct[:-1]) / 2
    edges = np.concatenate([distinct, middles, Fitted(model, signature).splits()[0]])
    singles = edges.astype(np.float32)
    around = [np.nextafter(edges, 9), np.nextafter(edges, -9), singles, np.nextafter(singles, np.float32(9))]
    rows = np.concatenate([edges, *around])[:, None].astype(np.float64)
    given = OnnxFormat().load(tmp_path, signature).predict(rows)
    np.testing.assert_allclose(given, Fitted(model, signature).predict(rows), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("family", ["linear", "neighbours", "boosting"])
def test_large_numbers_close_together_are_told_apart_alike(family: str, tmp_path: Path) -> None:
    """Years and times in seconds: nearly all of the number is its mean."""
    inputs = Schema((Column(name="yıl", type=Type.INTEGER), Column(name="saniye", type=Type.NUMBER)))
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.CATEGORY, allowed=("no", "yes")))
    random = np.random.default_rng(5)
    matrix = np.column_stack([random.integers(2015, 2026, 500), 1.7e9 + random.normal(0, 50_000, 500)])
    late = (matrix[:, 0] - 2020) / 3 + (matrix[:, 1] - 1.7e9) / 50_000
    truth = (late + random.normal(0, 0.2, 500) > 0).astype(np.int64)
    model = fit(family, matrix, truth, signature, seed=0)
    OnnxFormat().save(Fitted(model, signature), tmp_path)
    given = OnnxFormat().load(tmp_path, signature).predict(matrix)
    np.testing.assert_allclose(given, Fitted(model, signature).predict(matrix), atol=2e-6)


def test_the_portable_file_answers_by_column_names_with_labels(tmp_path: Path) -> None:
    model, signature, matrix = written("boosting", "multi", tmp_path)
    session = ort.InferenceSession(tmp_path / PORTABLE_FILE, providers=["CPUExecutionProvider"])
    table = make_table(300).with_columns(şehir=make_table(300)["şehir"].fill_null("yok"))
    named = {
        "yaş": table["yaş"].cast(float).fill_null(np.nan),
        "gelir ı": table["gelir ı"].fill_null(np.nan),
        "evli": table["evli"],
    }
    inputs: dict[str, Any] = {
        name: values.to_numpy().astype(np.float64)[:, None] for name, values in named.items()
    }
    inputs["şehir"] = np.array(table["şehir"].to_list(), dtype=object)[:, None]
    inputs["value"] = np.array(table["value"].fill_null("yok").to_list(), dtype=object)[:, None]
    inputs["boş"] = np.full((300, 1), "", dtype=object)
    probabilities, labels = session.run(["probabilities", "sınıf"], inputs)
    np.testing.assert_allclose(probabilities, model.predict_proba(matrix), atol=1e-5)
    assert labels.tolist() == [signature.output.allowed[place] for place in probabilities.argmax(axis=1)]
    told = session.get_modelmeta().custom_metadata_map["signature"]
    assert msgspec.json.decode(told, type=Signature) == signature


def test_a_column_may_have_the_name_of_an_output(tmp_path: Path) -> None:
    _, signature, matrix = written("linear", "regression", tmp_path, "value", "yaş")
    session = ort.InferenceSession(tmp_path / PORTABLE_FILE, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_outputs()] == ["_value"]
    scorers = OnnxFormat().scorers(tmp_path, signature)
    np.testing.assert_array_equal(*(scorer.predict(matrix) for scorer in scorers.values()))


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        written("boosting", "binary", tmp_path / name)
    for file in (MATRIX_FILE, PORTABLE_FILE):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_no_rows_and_many_rows_are_scored(tmp_path: Path) -> None:
    _, signature, matrix = written("tree", "binary", tmp_path)
    many = np.tile(matrix, (8, 1))
    for predictor in OnnxFormat().scorers(tmp_path, signature).values():
        assert predictor.predict(matrix[:0]).shape == (0, 2)
        values = predictor.predict(many)
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, np.tile(predictor.predict(matrix), (8, 1)))


@pytest.mark.parametrize("seen", ["all", "none missing"])
def test_boosting_with_native_categories_answers_alike(seen: str, tmp_path: Path) -> None:
    """Exporters are known that get 4 of 10 labels wrong here, without an error."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    signature, matrix, truth = encoded("binary", 400, "şehir", "yaş", "gelir ı")
    categories = [column.name == "şehir" for column in signature.inputs]
    rows = matrix if seen == "all" else matrix[(matrix[:, categories] >= 0).ravel()]
    truth = truth if seen == "all" else truth[(matrix[:, categories] >= 0).ravel()]
    model = make_pipeline(HistGradientBoostingClassifier(categorical_features=categories)).fit(
        rows.astype(np.float64), truth
    )
    fitted = Fitted(model, signature)
    OnnxFormat().save(fitted, tmp_path)
    assert any(layer.members.max() >= 0 for layer in fitted.form.layers if isinstance(layer, Trees))
    asked = nasty_rows(matrix, signature, seed=2)
    for name, predictor in OnnxFormat().scorers(tmp_path, signature).items():
        found = compare(fitted.predict, predictor, asked, 1e-6, name=name, scorer="")
        assert found.parity.holds, found


def test_a_model_that_learned_other_classes_is_refused(tmp_path: Path) -> None:
    signature, matrix, truth = encoded("multi", 200)
    model = fit("tree", matrix, truth, signature, seed=0)
    model.steps[-1][1].classes_ = np.array([1, 2, 3])
    with pytest.raises(Refused, match="not the places in the signature"):
        OnnxFormat().save(Fitted(model, signature), tmp_path)


def test_an_estimator_that_no_form_can_express_is_refused(tmp_path: Path) -> None:
    from sklearn.dummy import DummyClassifier

    signature, matrix, truth = encoded("binary", 100)
    model = DummyClassifier(strategy="uniform").fit(matrix, truth)
    with pytest.raises(Refused, match="answers by chance"):
        OnnxFormat().save(Fitted(model, signature), tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04\x95", b'{"a": 1}'])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / MATRIX_FILE).write_bytes(content)
    with pytest.raises(Corrupted, match="no usable ONNX model"):
        OnnxFormat().load(tmp_path, signature_for("binary"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Corrupted, match=r"matrix\.onnx is missing"):
        OnnxFormat().load(tmp_path, signature_for("binary"))


def test_a_model_of_another_signature_is_refused(tmp_path: Path) -> None:
    written("tree", "binary", tmp_path)
    for other in (signature_for("multi"), signature_for("regression"), signature_for("binary", "yaş")):
        with pytest.raises(Corrupted, match="than its signature says"):
            OnnxFormat().load(tmp_path, other)


def test_weights_outside_the_file_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that points at others would read what the hashes do not cover."""
    (tmp_path / "w.bin").write_bytes(np.ones(1, dtype=np.float32).tobytes())
    weight = numpy_helper.from_array(np.ones((1, 1), dtype=np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    place = weight.external_data.add()
    place.key, place.value = "location", "w.bin"
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["matrix", "w"], ["value"])],
        "g",
        [helper.make_tensor_value_info("matrix", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    (tmp_path / MATRIX_FILE).write_bytes(model.SerializeToString())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Corrupted, match="no usable ONNX model"):
        OnnxFormat().load(tmp_path, signature_for("regression", "yaş"))


def test_the_files_pass_the_official_checker(tmp_path: Path) -> None:
    written("neighbours", "multi", tmp_path)
    for file in (MATRIX_FILE, PORTABLE_FILE):
        onnx.checker.check_model(onnx.load(tmp_path / file), full_check=True)
