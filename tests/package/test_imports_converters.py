"""Graphs that converters made of whole pipelines and boosters: read, and written in other formats again."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxmltools
import polars as pl
import pytest
import skl2onnx
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import encode_table
from kervan.package.foreign.fit import fit
from kervan.package.foreign.open import open_model
from kervan.package.proving.build import write_formats

if TYPE_CHECKING:
    from pathlib import Path

OPSETS = {"": 19, "ai.onnx.ml": 3}
CLASSES = ("0", "1")


def numeric(names: Any, classes: tuple[str, ...] = ()) -> Signature:
    output = Column(name="y", type=Type.CATEGORY if classes else Type.NUMBER, allowed=classes)
    inputs = tuple(Column(name=str(name), type=Type.NUMBER) for name in names)
    return Signature(inputs=Schema(inputs), output=output)


def proved(content: bytes, signature: Signature, rows: Any, folder: Path, *formats: str) -> Any:
    """Import a graph and write it in formats, each proved against ONNX Runtime."""
    (folder / "model.onnx").write_bytes(content)
    fitted = fit(open_model(folder / "model.onnx").foreign, signature, rows, "model.onnx")
    proofs = write_formats(fitted, folder / "package", ["onnx", *formats], rows)
    assert all(proof.holds and proof.rows > len(rows) for proof in proofs)
    return fitted


@pytest.mark.parametrize(
    "last",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(10, random_state=0),
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        MLPClassifier((8,), max_iter=30, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_pipeline_over_numbers(last: Any, tmp_path: Path) -> None:
    cells = load_breast_cancer()
    rows = cells.data[:, :8].astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(StandardScaler(), last).fit(rows.astype(np.float64), cells.target)
        made = skl2onnx.to_onnx(model, rows[:1], options={"zipmap": False}, target_opset=OPSETS)
    signature = numeric(cells.feature_names[:8], CLASSES)
    fitted = proved(made.SerializeToString(), signature, rows[::3], tmp_path, "c", "python")
    # A scaler before trees: skl2onnx's own float32 decides, so some rows differ from scikit-learn.
    close = np.abs(fitted.predict(rows) - model.predict_proba(rows.astype(np.float64))).max(axis=1) < 1e-5
    assert close.mean() > 0.95


@pytest.mark.parametrize(
    "model",
    [Ridge(), SVR(), RandomForestRegressor(10, random_state=0)],
    ids=lambda model: type(model).__name__,
)
def test_a_regression(model: Any, tmp_path: Path) -> None:
    people = load_diabetes()
    rows = people.data.astype(np.float32)
    model.fit(rows.astype(np.float64), people.target)
    made = skl2onnx.to_onnx(model, rows[:1], target_opset=OPSETS)
    fitted = proved(
        made.SerializeToString(), numeric(people.feature_names), rows[::2], tmp_path, "c", "javascript"
    )
    np.testing.assert_allclose(fitted.predict(rows)[:, 0], model.predict(rows.astype(np.float64)), rtol=1e-4)


@pytest.mark.data
@pytest.mark.parametrize("family", ["linear", "forest"])
def test_a_table_with_texts_and_missing_numbers(family: str, data_dir: Path, tmp_path: Path) -> None:
    """The adult table with one input for each column, as skl2onnx writes a ColumnTransformer."""
    pandas = pytest.importorskip("pandas")
    names = ["age", "hours-per-week", "workclass", "education"]
    table = pl.read_csv(data_dir / "adult" / "adult.csv.gz", null_values="?").head(1_500)
    texts = names[2:]
    known = {name: tuple(sorted(table[name].drop_nulls().unique())) for name in texts}
    inputs = [
        Column(name=name, type=Type.CATEGORY, allowed=known[name])
        if name in known
        else Column(name=name, type=Type.NUMBER, nullable=True)
        for name in names
    ]
    output = Column(name="income", type=Type.CATEGORY, allowed=tuple(sorted(table["income"].unique())))
    signature = Signature(inputs=Schema(tuple(inputs)), output=output)
    frame = pandas.DataFrame({name: table[name].to_list() for name in names})
    frame[texts] = frame[texts].fillna("").astype(object)
    frame[names[:2]] = frame[names[:2]].astype(np.float32)
    coding = ColumnTransformer(
        [
            (
                "numbers",
                SimpleImputer() if family == "forest" else make_pipeline(SimpleImputer(), StandardScaler()),
                names[:2],
            ),
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
        ]
    )
    last = LogisticRegression(max_iter=300) if family == "linear" else RandomForestClassifier(8, max_depth=6)
    model = make_pipeline(coding, last).fit(frame, table["income"].to_list())
    types = [
        (name, (skl2onnx.common.data_types.StringTensorType if name in known else FLOATS)([None, 1]))
        for name in names
    ]
    made = skl2onnx.convert_sklearn(
        model, initial_types=types, target_opset=OPSETS, options={id(model): {"zipmap": False}}
    )
    rows = encode_table(table, signature)
    fitted = proved(made.SerializeToString(), signature, rows[:300], tmp_path, "c", "sqlite", "pmml")
    np.testing.assert_allclose(fitted.predict(rows), model.predict_proba(frame), atol=1e-5)


FLOATS = skl2onnx.common.data_types.FloatTensorType


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.filterwarnings("ignore")
def test_a_booster(library: str, task: str, tmp_path: Path) -> None:
    booster = import_module(library)
    cells = load_breast_cancer()
    rows = cells.data[:, :6].astype(np.float32)
    rows[::7, 2] = np.nan
    ending = "Regressor" if task == "regression" else "Classifier"
    made = getattr(booster, {"lightgbm": "LGBM", "xgboost": "XGB"}[library] + ending)(n_estimators=15)
    model = made.fit(rows, cells.data[:, 10] if task == "regression" else cells.target)
    types = [("X", onnxmltools.convert.common.data_types.FloatTensorType([None, 6]))]
    convert = getattr(onnxmltools, f"convert_{library}")
    content = convert(model, initial_types=types).SerializeToString()
    signature = numeric(cells.feature_names[:6], () if task == "regression" else CLASSES)
    fitted = proved(content, signature, rows[::3], tmp_path, "c", "python")
    wanted = model.predict(rows).reshape(-1, 1) if task == "regression" else model.predict_proba(rows)
    np.testing.assert_allclose(fitted.predict(rows), wanted, rtol=1e-5, atol=1e-6)
