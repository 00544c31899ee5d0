"""Models that their own libraries wrote: read, fitted to a signature, and answering as they did."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from kervan.core.errors import Corrupted, InvalidInput, NotFound, ParityFailed, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.foreign.fit import fit, in_order_of
from kervan.package.foreign.open import open_model
from kervan.package.proving.build import write_formats
from kervan.package.writing.formats.native import NativeFormat
from kervan.package.writing.formats.onnx import OnnxFormat
from kervan.package.writing.neutral.score import FormPredictor
from kervan.testing.sample import fit_sample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.sampled

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
catboost = pytest.importorskip("catboost")

NAMES = ("yaş", "gelir", "süre")
INPUTS = Schema(tuple(Column(name=name, type=Type.NUMBER, nullable=True) for name in NAMES))
OUTPUTS = {
    "binary": Column(name="sınıf", type=Type.CATEGORY, allowed=("0", "1")),
    "multi": Column(name="sınıf", type=Type.CATEGORY, allowed=("0", "1", "2")),
    "regression": Column(name="fiyat", type=Type.NUMBER),
}


def data(task: str) -> tuple[NDArray[np.float32], NDArray[Any], Signature]:
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 3)).astype(np.float32)
    score = rows[:, 0] + rows[:, 1] * rows[:, 2]
    truth = {
        "binary": (score > 0).astype(int),
        "multi": np.digitize(score, [-0.5, 0.5]),
        "regression": score,
    }
    return rows, truth[task], Signature(inputs=INPUTS, output=OUTPUTS[task])


def light(task: str, path: Path) -> Any:
    rows, truth, _ = data(task)
    model = (lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier)(
        n_estimators=10, verbose=-1
    ).fit(rows, truth)
    model.booster_.save_model(path / "model.txt")
    return model, path / "model.txt"


def extreme(task: str, path: Path, ending: str = "json") -> Any:
    rows, truth, _ = data(task)
    model = (xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier)(n_estimators=10)
    model.fit(rows, truth).save_model(path / f"model.{ending}")
    return model, path / f"model.{ending}"


def cat(task: str, path: Path, ending: str = "cbm") -> Any:
    rows, truth, _ = data(task)
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    model = kind(iterations=10, verbose=0, allow_writing_files=False).fit(rows, truth)
    model.save_model(str(path / f"model.{ending}"), format=ending)
    return model, path / f"model.{ending}"


def estimator(task: str, path: Path, *, packed: int = 0) -> Any:
    rows, truth, _ = data(task)
    model = (LinearRegression() if task == "regression" else LogisticRegression()).fit(rows, truth)
    joblib.dump(model, path / "model.joblib", compress=packed)
    return model, path / "model.joblib"


WRITERS: dict[str, Any] = {
    "LightGBM's text": light,
    "XGBoost's JSON": extreme,
    "XGBoost's UBJSON": lambda task, path: extreme(task, path, "ubj"),
    "CatBoost's cbm": cat,
    "CatBoost's JSON": lambda task, path: cat(task, path, "json"),
    "joblib": estimator,
    "packed joblib": lambda task, path: estimator(task, path, packed=3),
}


@pytest.mark.parametrize("task", OUTPUTS)
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_a_file_of_a_library_becomes_portable(name: str, task: str, tmp_path: Path) -> None:
    model, path = WRITERS[name](task, tmp_path)
    rows, _, signature = data(task)
    fitted = fit(open_model(path).foreign, signature, rows, str(path))
    wanted = model.predict(rows) if task == "regression" else model.predict_proba(rows)
    np.testing.assert_allclose(
        fitted.predict(rows), np.reshape(wanted, (len(rows), -1)), rtol=1e-6, atol=1e-7
    )
    proofs = write_formats(fitted, tmp_path / "package", ["onnx", "python"], rows)
    assert all(proof.holds and proof.rows > len(rows) for proof in proofs)


def test_shares_of_one_class_against_the_rest_are_no_probabilities(tmp_path: Path) -> None:
    """Whatever the server refuses to answer is refused before a package is signed."""
    rows, truth, signature = data("multi")
    each = lightgbm.LGBMClassifier(objective="multiclassova", n_estimators=10, verbose=-1)
    each.fit(rows, truth).booster_.save_model(tmp_path / "each.txt")
    model = catboost.CatBoostClassifier(loss_function="MultiClassOneVsAll", iterations=10, verbose=0)
    model.set_params(allow_writing_files=False).fit(rows, truth).save_model(str(tmp_path / "each.cbm"))
    for name in ("each.txt", "each.cbm"):
        with pytest.raises(Refused, match="do not add up to 1") as caught:
            fit(open_model(tmp_path / name).foreign, signature, rows, name)
        assert "ulticlass" in caught.value.hint


def test_what_a_booster_does_not_say_is_asked_for(tmp_path: Path) -> None:
    rows, truth, signature = data("binary")
    _, path = light("binary", tmp_path)
    foreign = open_model(path).foreign
    with pytest.raises(Refused, match=r"takes 3 columns, the table has 2"):
        fit(foreign, replace(signature, inputs=signature.inputs.without("süre")), rows[:, :2], "file")
    with pytest.raises(Refused, match="knows 2 classes, the target has 3"):
        fit(foreign, replace(signature, output=OUTPUTS["multi"]), rows, "file")
    with pytest.raises(Refused, match="is a classification, not a regression"):
        fit(foreign, replace(signature, output=OUTPUTS["regression"]), rows, "file")
    named = lightgbm.train(
        {"objective": "binary", "verbose": -1},
        lightgbm.Dataset(rows, truth, feature_name=["yaş", "süre", "gelir"]),
        3,
    )
    named.save_model(tmp_path / "named.txt")
    with pytest.raises(Refused, match="its column 2 is 'süre', the table's is 'gelir'"):
        fit(open_model(tmp_path / "named.txt").foreign, signature, rows, "file")


def test_lightgbm_writes_spaces_otherwise(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rows, truth, signature = data("binary")
    names = ("yaş", "aylık gelir", "süre")
    frame = pandas.DataFrame(rows, columns=names)
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(frame, truth)
    model.booster_.save_model(tmp_path / "model.txt")
    inputs = Schema(tuple(replace(column, name=name) for column, name in zip(INPUTS, names, strict=True)))
    fit(open_model(tmp_path / "model.txt").foreign, replace(signature, inputs=inputs), rows, "file")


def test_categories_are_those_that_the_model_knows(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 400)
    texts = ("Sivas", "Ankara", "Van")
    frame = pandas.DataFrame(
        {
            "yaş": random.normal(size=400),
            "şehir": pandas.Categorical([texts[code] for code in codes], categories=list(texts)),
        }
    )
    truth = (frame["yaş"] + (codes == 1) > 0.5).astype(int)
    lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(frame, truth).booster_.save_model(
        tmp_path / "light.txt"
    )
    xgboost.train(
        {"objective": "binary:logistic"}, xgboost.DMatrix(frame, truth, enable_categorical=True), 5
    ).save_model(tmp_path / "extreme.json")
    rows = np.column_stack([frame["yaş"], codes]).astype(np.float32)
    for name in ("light.txt", "extreme.json"):
        foreign = open_model(tmp_path / name).foreign
        assert dict(foreign.categories) == {1: texts}
        city = Column(name="şehir", type=Type.CATEGORY, allowed=texts)
        signature = Signature(inputs=Schema((INPUTS["yaş"], city)), output=OUTPUTS["binary"])
        fitted = fit(foreign, signature, rows, name)
        assert write_formats(fitted, tmp_path / f"package of {name}", ["onnx"], rows)
        for wrong in (
            replace(city, allowed=tuple(sorted(texts))),
            replace(city, type=Type.NUMBER, allowed=()),
        ):
            other = replace(signature, inputs=Schema((INPUTS["yaş"], wrong)))
            with pytest.raises(Refused, match="şehir"):
                fit(foreign, other, rows, name)


def test_statistics_of_categories_are_refused(tmp_path: Path) -> None:
    rows = [[0.5, "a"], [0.7, "b"], [0.1, "a"], [0.9, "b"]] * 10
    model = catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False, cat_features=[1])
    model.fit(rows, [0, 1, 0, 1] * 10).save_model(str(tmp_path / "model.cbm"))
    with pytest.raises(Refused, match="statistics of CatBoost's own"):
        open_model(tmp_path / "model.cbm")


def test_letters_that_xgboost_cuts_are_not_believed(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"şehir": pandas.Categorical(["İzmir", "Iğdır"] * 20)})
    matrix = xgboost.DMatrix(frame, [0, 1] * 20, enable_categorical=True)
    xgboost.train({"objective": "binary:logistic"}, matrix, 2).save_model(tmp_path / "model.json")
    assert dict(open_model(tmp_path / "model.json").foreign.categories) == {0: ()}


@pytest.mark.parametrize("labels", [["hayır", "evet", "belki"], [10, 2, 30]])
def test_probabilities_come_in_the_order_of_the_signature(labels: list[Any], tmp_path: Path) -> None:
    rows, truth, signature = data("multi")
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(rows, np.array(labels)[truth])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    foreign = open_model(tmp_path / "model.pkl").foreign
    wanted = tuple(map(str, labels))
    asked = replace(signature, output=replace(signature.output, allowed=wanted))
    fitted = fit(foreign, asked, rows, "file")
    order = [list(map(str, model.classes_)).index(label) for label in wanted]
    np.testing.assert_array_equal(fitted.predict(rows), model.predict_proba(rows)[:, order])
    assert write_formats(fitted, tmp_path / "package", ["onnx"], rows)
    with pytest.raises(Refused):
        write_formats(fitted, tmp_path / "python", ["native"], rows)
    own = in_order_of(foreign, asked)
    assert own.output.allowed == tuple(map(str, model.classes_))
    assert write_formats(fit(foreign, own, rows, "file"), tmp_path / "native", ["native"], rows)
    with pytest.raises(Refused, match="the model knows"):
        fit(foreign, replace(signature, output=replace(signature.output, allowed=("a", "b", "c"))), rows, "x")


def test_a_classifier_without_probabilities_answers_its_choice(tmp_path: Path) -> None:
    rows, truth, signature = data("binary")
    model = LinearSVC().fit(rows, np.array(["hayır", "evet"])[truth])
    joblib.dump(model, tmp_path / "model.joblib")
    asked = replace(signature, output=replace(signature.output, allowed=("evet", "hayır")))
    fitted = fit(open_model(tmp_path / "model.joblib").foreign, asked, rows, "file")
    assert (np.array(["evet", "hayır"])[fitted.predict(rows).argmax(axis=1)] == model.predict(rows)).all()
    assert write_formats(fitted, tmp_path / "package", ["onnx"], rows)


def test_a_model_over_a_named_table_keeps_its_names(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rows, truth, signature = data("binary")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        pandas.DataFrame(rows, columns=NAMES), truth
    )
    joblib.dump(model, tmp_path / "model.joblib")
    foreign = open_model(tmp_path / "model.joblib").foreign
    assert foreign.names == NAMES
    fitted = fit(foreign, signature, rows, "file")
    assert write_formats(fitted, tmp_path / "package", ["onnx", "native"], rows)
    swapped = replace(signature, inputs=Schema(tuple(reversed(tuple(signature.inputs)))))
    with pytest.raises(Refused, match="its column 1 is 'yaş', the table's is 'süre'"):
        fit(foreign, swapped, rows, "file")


def test_a_model_over_texts_is_refused_by_name(tmp_path: Path) -> None:
    texts = np.array([["a"], ["b"], ["c"], ["a"]], dtype=object)
    for encoder in (OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder()):
        joblib.dump(make_pipeline(encoder, LogisticRegression()).fit(texts, [0, 1, 0, 1]), tmp_path / "model")
        with pytest.raises(Refused, match=f"{type(encoder).__name__} takes texts"):
            open_model(tmp_path / "model")


def test_texts_that_codes_cannot_repeat_are_refused(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": ["x", "y", "z"] * 4, "b": ["x", "y"] * 6})
    words = ColumnTransformer([("words", CountVectorizer(token_pattern="."), "a")])
    twice = ColumnTransformer(
        [("one", OneHotEncoder(), ["a"]), ("two", OneHotEncoder(categories=[["z", "y", "x"]]), ["a"])]
    )
    for step, reason in ((words, "CountVectorizer takes texts"), (twice, "another part of the model")):
        joblib.dump(make_pipeline(step, LogisticRegression()).fit(table, [0, 1] * 6), tmp_path / "model")
        with pytest.raises(Refused, match=reason):
            open_model(tmp_path / "model")


ITERATIVE = """
import sys
import joblib, numpy as np
from sklearn.experimental import enable_iterative_imputer
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
rows = np.random.default_rng(0).normal(size=(50, 2))
joblib.dump(make_pipeline(IterativeImputer(), LinearRegression()).fit(rows, rows[:, 0]), sys.argv[1])
"""


def test_a_private_class_is_told_by_the_estimator_that_keeps_it(tmp_path: Path) -> None:
    # In a process of its own: what makes it importable would make it one of scikit-learn's for all tests.
    subprocess.run([sys.executable, "-c", ITERATIVE, str(tmp_path / "m")], check=True)
    with pytest.raises(Refused, match="IterativeImputer cannot be read") as caught:
        open_model(tmp_path / "m")
    assert "ONNX" in caught.value.hint


def test_codes_below_zero_are_categories_too(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = np.column_stack([random.integers(-2, 3, 600), random.integers(0, 9, 600), random.normal(size=600)])
    truth = np.isin(rows[:, 0], [-1, 0]) + rows[:, 1] / 10
    model = HistGradientBoostingRegressor(max_iter=5, categorical_features=[0]).fit(rows, truth)
    joblib.dump(model, tmp_path / "model")
    signature = Signature(inputs=INPUTS, output=OUTPUTS["regression"])
    fitted = fit(open_model(tmp_path / "model").foreign, signature, rows, "file")
    assert write_formats(fitted, tmp_path / "package", ["onnx", "python", "sqlite"], rows)
    strange = np.array([[7.0, 1, 0], [-3, 1, 0], [0.5, 1, 0], [np.nan, 1, 0]])
    wanted = model.predict(strange).reshape(-1, 1)
    np.testing.assert_allclose(FormPredictor(fitted.form).predict(strange), wanted, atol=1e-12)


def test_made_up_rows_that_float32_cannot_answer_refuse_no_format(tmp_path: Path) -> None:
    """Real ones do."""
    random = np.random.default_rng(0)
    rows = np.column_stack([random.integers(1, 200, 400), random.normal(size=(400, 2))]).astype(np.float64)
    grown = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    joblib.dump(grown.fit(rows, np.exp(rows[:, 0] / 10)), tmp_path / "model")
    signature = Signature(inputs=INPUTS, output=OUTPUTS["regression"])
    fitted = fit(open_model(tmp_path / "model").foreign, signature, rows, "file")
    assert write_formats(fitted, tmp_path / "package", ["onnx"], rows)
    rows[3, 0] = 2_000
    with pytest.raises(ParityFailed, match="row 3 "):
        write_formats(fitted, tmp_path / "other", ["onnx"], rows)


def test_a_native_folder_is_read(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("forest", "multi")
    NativeFormat().save(fit_like(model, signature), tmp_path)
    relabelled = replace(signature, output=replace(signature.output, allowed=("0", "1", "2")))
    fitted = fit(open_model(tmp_path).foreign, relabelled, matrix, "folder")
    np.testing.assert_array_equal(fitted.predict(matrix), model.predict_proba(matrix.astype(np.float64)))


def fit_like(model: Any, signature: Signature) -> Any:
    from kervan.package.writing.fitted import Fitted

    return Fitted(model, signature)


@pytest.mark.parametrize("file", ["matrix.onnx", "model.onnx"])
@pytest.mark.parametrize("task", ["binary", "multi", "regression"])
def test_a_graph_is_served_as_it_is(task: str, file: str, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("boosting", task)
    OnnxFormat().save(fit_like(model, signature), tmp_path)
    opened = open_model(tmp_path / file)
    fitted = fit(opened.foreign, signature, matrix, file)
    proofs = write_formats(fitted, tmp_path / "package", ["onnx"], matrix)
    assert {proof.format for proof in proofs} == {"onnx/matrix.onnx", "onnx/model.onnx"}
    np.testing.assert_allclose(
        OnnxFormat().load(tmp_path / "package" / "onnx", signature).predict(matrix),
        OnnxFormat().load(tmp_path, signature).predict(matrix),
        atol=1e-6,
    )
    assert write_formats(fitted, tmp_path / "code", ["onnx", "c", "python"], matrix)


def test_an_operator_without_words_leaves_the_graph_as_it_is(tmp_path: Path) -> None:
    rows, _, signature = data("regression")
    path = tmp_path / "sorted.onnx"
    nodes = [
        helper.make_node("CumSum", ["X", "axis"], ["sums"]),
        helper.make_node("Gather", ["sums", "last"], ["Y"], axis=1),
    ]
    sides = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(np.array(1), "axis"), numpy_helper.from_array(np.array([2]), "last")],
    )
    made = helper.make_model(sides, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    fitted = fit(open_model(path).foreign, signature, rows, "sorted.onnx")
    assert write_formats(fitted, tmp_path / "package", ["onnx"], rows)
    with pytest.raises(Refused, match="the operator CumSum"):
        write_formats(fitted, tmp_path / "code", ["onnx", "c"], rows)
    assert not list((tmp_path / "code").glob("*"))


def test_one_number_is_the_probability_of_the_second_class(tmp_path: Path) -> None:
    rows, _, signature = data("binary")
    path = tmp_path / "sigmoid.onnx"
    nodes = [helper.make_node("MatMul", ["X", "W"], ["Z"]), helper.make_node("Sigmoid", ["Z"], ["Y"])]
    weights = np.array([[1.0], [-0.5], [2.0]], dtype=np.float32)
    sides = helper.make_graph(
        nodes,
        "sigmoid",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(weights, "W")],
    )
    made = helper.make_model(sides, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    fitted = fit(open_model(path).foreign, signature, rows, "sigmoid.onnx")
    second = 1 / (1 + np.exp(-rows @ weights))
    np.testing.assert_allclose(fitted.predict(rows), np.hstack([1 - second, second]), atol=1e-6)
    assert write_formats(fitted, tmp_path / "package", ["onnx", "python"], rows)


def test_a_graph_that_catboost_wrote_is_written_in_code(tmp_path: Path) -> None:
    rows, truth, signature = data("multi")
    model = catboost.CatBoostClassifier(iterations=10, verbose=0, allow_writing_files=False)
    model.fit(rows, truth).save_model(str(tmp_path / "model.onnx"), format="onnx")
    fitted = fit(open_model(tmp_path / "model.onnx").foreign, signature, rows, "model.onnx")
    np.testing.assert_allclose(fitted.predict(rows), model.predict_proba(rows), atol=1e-6)
    assert fitted.splits()
    assert write_formats(fitted, tmp_path / "package", ["onnx", "python", "c"], rows)


def own_graph(*, rows: Any = None, maps: bool = True, opset: int = 12) -> Any:
    """A classifier made by hand, as converters write them: a label, and probabilities as maps."""
    classifier = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=[1.0, 0.5, -0.5, -1.0, -0.5, 0.5],
        intercepts=[0.1, -0.1],
        classlabels_strings=["yok", "var"],
        post_transform="SOFTMAX",
    )
    zipped = helper.make_node(
        "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["yok", "var"]
    )
    mapped = helper.make_value_info(
        "maps",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(
                TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
            )
        ),
    )
    label = helper.make_tensor_value_info("label", TensorProto.STRING, [rows])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [rows, 2])
    graph = helper.make_graph(
        [classifier, zipped] if maps else [classifier],
        "hand",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [rows, 3])],
        [label, mapped] if maps else [label, scores],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


@pytest.mark.parametrize("maps", [True, False])
def test_a_graph_made_by_hand_says_its_labels(maps: bool, tmp_path: Path) -> None:
    path = tmp_path / "hand.onnx"
    path.write_bytes(own_graph(maps=maps).SerializeToString())
    foreign = open_model(path).foreign
    assert foreign.labels == ("yok", "var")
    rows, _, signature = data("binary")
    signature = replace(signature, output=replace(signature.output, allowed=("var", "yok")))
    fitted = fit(foreign, signature, rows, "hand.onnx")
    scores = rows @ np.array([[1.0, 0.5, -0.5], [-1.0, -0.5, 0.5]]).T + [0.1, -0.1]
    wanted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict(rows), wanted[:, ::-1], atol=1e-6)
    assert write_formats(fitted, tmp_path / "package", ["onnx"], rows)


def test_a_graph_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hand.onnx"
    path.write_bytes(own_graph(rows=8).SerializeToString())
    with pytest.raises(Refused, match="takes exactly 8 rows"):
        open_model(path)
    node = helper.make_node("Identity", ["X"], ["Y"])
    sides = helper.make_graph(
        [node],
        "logits",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 3])],
    )
    made = helper.make_model(sides, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    rows, _, signature = data("multi")
    with pytest.raises(Refused, match="which are no probabilities"):
        fit(open_model(path).foreign, signature, rows, "logits.onnx")


MLMODELS = {"lightgbm": (light, "model.txt", "data"), "sklearn": (estimator, "model.joblib", "pickled_model")}


@pytest.mark.parametrize("flavour", MLMODELS)
def test_the_model_of_an_mlmodel_is_found(flavour: str, tmp_path: Path) -> None:
    write, file, entry = MLMODELS[flavour]
    write("binary", tmp_path)
    told = f"flavors:\n  python_function:\n    loader_module: os\n  {flavour}:\n    {entry}: {file}\n"
    (tmp_path / "MLmodel").write_text(told)
    opened = open_model(tmp_path)
    assert opened.place == f"{tmp_path.name}/{file}"
    rows, _, signature = data("binary")
    fit(opened.foreign, signature, rows, "folder")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("flavors:\n  python_function:\n    loader_module: os\n", "none of them is read here"),
        ("flavors:\n  onnx:\n    data: ../model.onnx\n", "outside of it"),
        ("flavors:\n  onnx:\n    data: /etc/passwd\n", "outside of it"),
        ("flavors:\n  onnx:\n    data: link.onnx\n", "is a link"),
        ("flavors: !!python/object/apply:os.system ['true']\n", "MLmodel"),
    ],
)
def test_a_hostile_mlmodel_is_refused(told: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(told)
    (tmp_path / "link.onnx").symlink_to("/etc/hostname")
    with pytest.raises(Refused, match=reason):
        open_model(tmp_path)


class Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def test_what_runs_code_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    joblib.dump(Hostile(), "hostile.joblib", compress=3)
    with pytest.raises(Refused, match="system") as caught:
        open_model(tmp_path / "hostile.joblib")
    assert "export it to ONNX" in caught.value.hint
    assert not (tmp_path / "ran").exists()
    rows, truth, _ = data("binary")
    wrapped = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(rows, truth)
    joblib.dump(wrapped, "wrapped.joblib")
    with pytest.raises(Refused, match="lightgbm") as caught:
        open_model(tmp_path / "wrapped.joblib")
    assert "save_model" in caught.value.hint


NETWORKS = {
    "torchscript": ({"m/code/__torch__.py": b"x = 1", "m/data.pkl": b"\x80\x02}q\x00."}, "TorchScript"),
    "torch": ({"m/data.pkl": b"\x80\x02}q\x00."}, "PyTorch"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_hold_code_are_refused_by_name(name: str, tmp_path: Path) -> None:
    members, words = NETWORKS[name]
    with zipfile.ZipFile(tmp_path / "network", "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    with pytest.raises(Refused, match=words) as caught:
        open_model(tmp_path / "network")
    assert "ONNX" in caught.value.hint


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_any_protocol_is_read_and_of_another_version_refused(
    protocol: int, tmp_path: Path
) -> None:
    content = pickle.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), protocol=protocol)
    (tmp_path / "new.pkl").write_bytes(content)
    assert open_model(tmp_path / "new.pkl").foreign.labels == ("0", "1")
    from sklearn import __version__ as installed

    older = "0" + installed[1:]
    (tmp_path / "old.pkl").write_bytes(content.replace(installed.encode(), older.encode()))
    with pytest.raises(Refused, match=f"was written with scikit-learn {older}, and"):
        open_model(tmp_path / "old.pkl")


def test_an_early_stop_that_nobody_settled_is_refused(tmp_path: Path) -> None:
    rows, truth, signature = data("binary")
    half = xgboost.DMatrix(rows[:200], truth[:200])
    other = xgboost.DMatrix(rows[200:], 1 - truth[200:])
    booster = xgboost.train(
        {"objective": "binary:logistic"},
        half,
        20,
        evals=[(other, "v")],
        early_stopping_rounds=3,
        verbose_eval=False,
    )
    booster.save_model(tmp_path / "stopped.json")
    with pytest.raises(Refused, match="training stopped early"):
        open_model(tmp_path / "stopped.json")
    model = xgboost.XGBClassifier(n_estimators=20, early_stopping_rounds=3)
    model.fit(rows[:200], truth[:200], eval_set=[(rows[200:], 1 - truth[200:])], verbose=False)
    model.save_model(tmp_path / "estimator.json")
    fitted = fit(open_model(tmp_path / "estimator.json").foreign, signature, rows, "file")
    np.testing.assert_allclose(fitted.predict(rows), model.predict_proba(rows), atol=1e-6)
    with pytest.raises(Refused):
        write_formats(fitted, tmp_path / "package", ["native"], rows)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("model.txt", b"tree\nversion=v4\nnum_class=1\n", Corrupted),
        ("model.json", b'{"learner": {}}', Corrupted),
        ("model.ubj", b"{L\0\0\0\0\0\0\0\x07learner{", Corrupted),
        ("model.cbm", b"CBM1\xff\0\0\0", Corrupted),
        ("model.json", b'{"features_info": {}}', Corrupted),
        ("notes.txt", b"hello", InvalidInput),
        ("nothing", b"", InvalidInput),
        ("model.pt", b"PK\x03\x04", Corrupted),
    ],
)
def test_a_broken_file_is_named(name: str, content: bytes, error: Any, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name):
        open_model(tmp_path / name)


@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_a_booster_is_known_by_its_content_whatever_it_is_called(ending: str, tmp_path: Path) -> None:
    _, path = extreme("binary", tmp_path, ending)
    for name in ("model", "model.txt", "model.onnx"):
        shutil.copyfile(path, tmp_path / name)
        assert open_model(tmp_path / name).foreign.kind == "XGBoost"


@pytest.mark.parametrize("name", ["XGBoost's UBJSON", "joblib"])
def test_a_file_that_ends_early_is_told_so_in_one_line(name: str, tmp_path: Path) -> None:
    _, path = WRITERS[name]("binary", tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Corrupted, match=f"{path.name} is no .*: .+") as caught:
        open_model(path)
    assert "\n" not in str(caught.value)


BREAKS = {
    "LightGBM's text": (light, b"num_leaves=", b"num_leaves=9"),
    "LightGBM's children": (light, b"left_child=", b"left_child=7"),
    "LightGBM's columns": (light, b"split_feature=", b"split_feature=9999999"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_file_that_kills_its_library_does_not_kill_us(name: str, tmp_path: Path) -> None:
    write, old, new = BREAKS[name]
    _, path = write("binary", tmp_path)
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(Corrupted, match=r"model\.txt is no model of LightGBM"):
        open_model(path)


@pytest.mark.parametrize("seed", range(6))
def test_broken_bytes_are_named_or_harmless(seed: int, tmp_path: Path) -> None:
    _, path = extreme("binary", tmp_path, "ubj")
    random = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in random.integers(64, len(content), 3):
        content[place] = random.integers(256)
    path.write_bytes(content)
    with contextlib.suppress(Corrupted, Refused):
        assert open_model(path).foreign.kind == "XGBoost"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        open_model(tmp_path / "yok.onnx")
    with pytest.raises(InvalidInput, match="it is no model"):
        open_model(tmp_path)


def test_a_format_that_cannot_be_exact_leaves_nothing(tmp_path: Path) -> None:
    rows, _, signature = data("binary")
    _, path = light("binary", tmp_path)
    fitted = fit(open_model(path).foreign, signature, rows, "file")
    with pytest.raises(ParityFailed):
        write_formats(fitted, tmp_path / "package", ["onnx"], rows, tolerance=-1.0)
    assert not list((tmp_path / "package").glob("*"))
