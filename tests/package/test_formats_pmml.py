"""PMML: valid by the schema of the Data Mining Group, and read alike by a second evaluator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from kervan.core.errors import Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.train import fit
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.pmml import FILE, PmmlFormat
from kervan.package.writing.scalar.pmml import NAMESPACE
from kervan.testing.sample import TASKS, fit_sample

FAMILIES = ("linear", "tree", "forest", "boosting", "baseline")
# The evaluator brings a virtual machine into its process, so it gets one of its own.
JUDGE = """
import json, sys
import pandas as pd
from jpmml_evaluator import make_evaluator
from jpmml_evaluator.jpype import JPypeBackend

given = json.load(sys.stdin)
backend = JPypeBackend()
for path, rows, columns in given:
    table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in rows.items()})
    answers = make_evaluator(path, backend=backend).verify().evaluateAll(table)
    print(json.dumps(answers[columns].astype(float).to_numpy().tolist()))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[Fitted, Any, Path]]:
    """Every family and task, written."""
    found = {}
    for family in FAMILIES:
        for task in TASKS:
            model, signature, matrix = fit_sample(family, task)
            fitted, folder = Fitted(model, signature), tmp_path_factory.mktemp(f"{family}-{task}")
            PmmlFormat().save(fitted, folder)
            found[family, task] = (fitted, matrix, folder / FILE)
    return found


@pytest.mark.data
def test_documents_are_valid(written: dict[Any, Any], data_dir: Path) -> None:
    etree = pytest.importorskip("lxml.etree")
    place = data_dir.parent / "schemas" / "pmml-4-4.xsd"
    if not place.exists():
        pytest.skip(f"there is no {place}")
    schema = etree.XMLSchema(etree.parse(str(place)))
    for key, (_, _, path) in written.items():
        assert schema.validate(etree.parse(str(path))), (key, schema.error_log.last_error)


@pytest.mark.service
@pytest.mark.skipif(shutil.which("java") is None, reason="JPMML needs Java: apt-get install default-jre")
def test_a_second_evaluator_answers_alike(written: dict[Any, Any]) -> None:
    asked, wanted = [], []
    for fitted, matrix, path in written.values():
        rows = proof_rows(fitted, matrix, seed=3)
        signature = fitted.signature
        labels = [f"probability({label})" for label in signature.output.allowed]
        columns = labels if signature.is_classification else [signature.output.name]
        named = {column.name: _texts(rows[:, at], column) for at, column in enumerate(signature.inputs)}
        asked.append((str(path), named, columns))
        wanted.append(fitted.predict(rows))
    answered = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", JUDGE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    for key, line, values in zip(written, answered.stdout.splitlines(), wanted, strict=True):
        scale = np.maximum(1, np.abs(values))
        given = np.array(json.loads(line))
        assert np.abs((given - values) / scale).max() < 1e-12, key


@pytest.mark.service
@pytest.mark.skipif(shutil.which("java") is None, reason="JPMML needs Java: apt-get install default-jre")
def test_a_second_evaluator_answers_where_a_date_is_missing(tmp_path: Path) -> None:
    """It computes no floor, logarithm or power of something missing, where others answer with nothing."""
    columns = (
        Column(name="day", type=Type.DATE, nullable=True),
        Column(name="x", type=Type.NUMBER, nullable=True),
    )
    signature = Signature(inputs=Schema(columns), output=Column(name="y", type=Type.NUMBER))
    random = np.random.default_rng(0)
    matrix = np.column_stack([random.integers(10_000, 20_000, 300), random.uniform(1, 9, 300)]).astype(float)
    matrix[::7, 0], matrix[::5, 1] = np.nan, np.nan
    truth = random.normal(size=300)
    dated = Fitted(fit("linear", matrix, truth, signature, seed=0), signature)
    powers = make_pipeline(PowerTransformer(), SimpleImputer(), LinearRegression()).fit(matrix, truth)
    asked, wanted = [], []
    for place, fitted in enumerate((dated, Fitted(powers, signature))):
        folder = tmp_path / str(place)
        folder.mkdir()
        PmmlFormat().save(fitted, folder)
        named = {name: _texts(matrix[:, at], columns[at]) for at, name in enumerate(("day", "x"))}
        asked.append((str(folder / FILE), named, ["y"]))
        wanted.append(fitted.predict(matrix))
    answered = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", JUDGE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    for line, values in zip(answered.stdout.splitlines(), wanted, strict=True):
        np.testing.assert_allclose(json.loads(line), values, rtol=1e-9, atol=1e-12)


def test_names_and_texts_may_hold_any_letter_of_xml(tmp_path: Path) -> None:
    texts = ('"quoted" & <b>', "two\nlines\tand a tab", " spaces ", "\\", "İstanbul 🐪", "")
    inputs = Schema(
        (
            Column(name='a "b" <c> & d', type=Type.NUMBER),
            Column(name="ı\nİ", type=Type.CATEGORY, allowed=texts),
        )
    )
    signature = Signature(
        inputs=inputs, output=Column(name="y & z", type=Type.CATEGORY, allowed=("<0>", "1"))
    )
    random = np.random.default_rng(0)
    matrix = np.column_stack([random.normal(size=300), random.integers(-1, 6, 300)]).astype(np.float64)
    truth = ((matrix[:, 0] > 0) ^ (matrix[:, 1] > 2)).astype(np.int64)
    for family in ("linear", "tree"):
        folder = tmp_path / family
        folder.mkdir()
        fitted = Fitted(fit(family, matrix, truth, signature, seed=0), signature)
        PmmlFormat().save(fitted, folder)
        assert Xml.parse(folder / FILE).getroot().tag == f"{{{NAMESPACE}}}PMML"
        if shutil.which("java"):
            (predictor,) = PmmlFormat().scorers(folder, signature).values()
            rows = proof_rows(fitted, matrix, seed=0)
            np.testing.assert_allclose(predictor.predict(rows), fitted.predict(rows), atol=1e-12)


def test_a_text_that_xml_cannot_hold_is_refused(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "binary")
    columns = list(signature.inputs)
    columns[0] = Column(name="bell\a", type=columns[0].type)
    odd = Signature(inputs=Schema(tuple(columns)), output=signature.output)
    with pytest.raises(Refused, match="XML cannot hold"):
        PmmlFormat().save(Fitted(model, odd), tmp_path)


def _texts(values: Any, column: Column) -> list[Any]:
    if column.type is not Type.CATEGORY:
        return [None if np.isnan(value) else float(value) for value in values]
    return [
        column.allowed[int(code)] if code >= 0 else ("never seen" if at % 2 else None)
        for at, code in enumerate(values)
    ]
