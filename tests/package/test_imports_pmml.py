"""PMML documents of others: read, and answering as PMML4S does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.foreign.fit import fit
from kervan.package.foreign.open import open_model
from kervan.package.proving.build import write_formats
from kervan.package.proving.parity import compare, proof_rows
from kervan.package.writing.formats.pmml import PmmlFormat
from kervan.package.writing.neutral.score import FormPredictor
from package.neutral import rows as every
from package.pmml_documents import (
    CLASSES,
    DOCUMENTS,
    TEXTS,
    VALUE,
    applied,
    derived,
    document,
    leaf,
    mining,
    of,
    regression,
    rows,
    simple,
    tree,
)

if TYPE_CHECKING:
    from pathlib import Path

catboost = pytest.importorskip("catboost")
pytest.importorskip("pypmml")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_read_as_pmml4s_does(name: str, tmp_path: Path) -> None:
    content, signature = DOCUMENTS[name]
    (tmp_path / "model.pmml").write_bytes(content)
    foreign = open_model(tmp_path / "model.pmml").foreign
    assert (foreign.kind, foreign.inputs, dict(foreign.categories)) == (
        "PMML",
        4,
        {2: TEXTS["outlook"], 3: TEXTS["windy"]},
    )
    fitted = fit(foreign, signature, rows()[(rows() >= 0).all(axis=1)], "model.pmml")
    asked = proof_rows(fitted, rows(), seed=1)
    found = compare(
        fitted.predict, FormPredictor(fitted.form), asked, max(1e-9, fitted.slack), name="form", scorer=""
    )
    assert found.parity.holds, (found.parity, asked[list(found.failing[:3])])
    assert np.isfinite(fitted.predict(rows())).any()


@pytest.mark.parametrize(
    "name", ["LogisticRegression", "DecisionTreeClassifier", "GradientBoostingRegressor", "MLPRegressor"]
)
def test_a_document_of_ours_comes_back(name: str, tmp_path: Path) -> None:
    task = "regression" if name.endswith("Regressor") else "binary"
    fitted, matrix = every.fit(name, task)
    PmmlFormat().save(fitted, tmp_path)
    back = fit(open_model(tmp_path / "model.pmml").foreign, fitted.signature, matrix, "model.pmml")
    asked = proof_rows(fitted, matrix, seed=1)
    found = compare(fitted.predict, FormPredictor(back.form), asked, 1e-9, name="form", scorer="")
    assert found.parity.holds, found.parity
    assert write_formats(back, tmp_path / "package", ["onnx", "c"], matrix)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_document_that_catboost_wrote(task: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = random.random((300, 3)).astype(np.float32)
    score = 3 * table[:, 0] + table[:, 1] * table[:, 2]
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    model = kind(iterations=15, depth=4, verbose=0, allow_writing_files=False)
    model.fit(table, score if task == "regression" else (score > 1.5).astype(int))
    model.save_model(str(tmp_path / "model.pmml"), format="pmml")
    foreign = open_model(tmp_path / "model.pmml").foreign
    inputs = Schema(tuple(Column(name=name, type=Type.NUMBER) for name in foreign.names))
    output = Column(name="y", type=Type.NUMBER)
    if task == "classification":
        assert foreign.labels == ("false", "true")
        output = Column(name="y", type=Type.CATEGORY, allowed=("true", "false"))
    fitted = fit(foreign, Signature(inputs=inputs, output=output), table, "model.pmml")
    if task == "regression":
        np.testing.assert_allclose(fitted.predict(table)[:, 0], model.predict(table), rtol=1e-6)
    else:  # the document answers its choice alone
        np.testing.assert_array_equal(fitted.predict(table)[:, 0], model.predict(table))
    assert write_formats(fitted, tmp_path / "package", ["onnx", "python"], table)


LOOP = derived("z", applied("+", '<FieldRef field="z"/>', '<FieldRef field="humidity"/>'))
REFUSED: dict[str, tuple[bytes, Any, str]] = {
    "another kind": (document("<SupportVectorMachineModel/>", VALUE), Refused, "SupportVectorMachineModel"),
    "no model": (document("", VALUE), Corrupted, "holds no model"),
    "no document": (b"<html></html>", Corrupted, "no PMML"),
    "entities": (b'<!DOCTYPE x [<!ENTITY a "b">]><PMML/>', Refused, "DTD or entities"),
    "a circle": (document(regression(of("z")), VALUE, derived=LOOP), Corrupted, "hangs on itself"),
    "no such field": (document(regression(of("wind")), VALUE), Corrupted, "no field 'wind'"),
    "a text as a number": (document(regression(of("outlook")), VALUE), Refused, "holds texts"),
    "another function": (
        document(regression(of("z")), VALUE, derived=derived("z", applied("random"))),
        Refused,
        "the function 'random'",
    ),
    "a wrong number": (document(regression(of("humidity", "x")), VALUE), Refused, "says 'x'"),  # type: ignore[arg-type]
    "another strategy": (
        document(tree(leaf("<True/>", 1), settings='missingValueStrategy="weightedConfidence"'), VALUE),
        Refused,
        "weightedConfidence",
    ),
    "another operator": (document(tree(leaf(simple("humidity", "near", 1), 1)), VALUE), Refused, "near"),
    "another sum": (document(mining("median", tree(leaf("<True/>", 1))), VALUE), Refused, "by median"),
    "other classes": (
        document(regression(of("humidity")).replace('"regression"', '"classification"'), CLASSES),
        Refused,
        "knows the classes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_named(name: str, tmp_path: Path) -> None:
    content, error, reason = REFUSED[name]
    (tmp_path / "model.pmml").write_bytes(content)
    with pytest.raises(error, match=reason):
        open_model(tmp_path / "model.pmml")


def test_texts_are_those_of_the_document(tmp_path: Path) -> None:
    (tmp_path / "model.pmml").write_bytes(DOCUMENTS["a tree"][0])
    foreign = open_model(tmp_path / "model.pmml").foreign
    swapped = tuple(reversed(TEXTS["outlook"]))
    inputs = [
        *VALUE.inputs.columns[:2],
        Column(name="outlook", type=Type.CATEGORY, allowed=swapped),
        VALUE.inputs.columns[3],
    ]
    with pytest.raises(Refused, match="outlook"):
        fit(foreign, Signature(inputs=Schema(tuple(inputs)), output=VALUE.output), rows(), "model.pmml")
