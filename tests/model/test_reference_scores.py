"""On real tables the families reach what their documentation says others reached on the same split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import train_test_split

from kervan.core.loading import DATA_FOLDER
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.evaluate import evaluate
from kervan.model.train import fit
from kervan.package.contents.manifest import Manifest
from kervan.package.contents.seal import write_manifest
from kervan.package.contents.signing import SigningKey
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.opening import load_package
from kervan.package.proving.build import write_formats
from kervan.package.writing.fitted import Fitted

pytestmark = [pytest.mark.data, pytest.mark.sampled]


@dataclass(frozen=True)
class Split:
    signature: Signature
    train: tuple[Any, Any]
    test: tuple[Any, Any]


def split(file: str, target: str, **options: Any) -> Split:
    """80 % to learn from, 20 % to ask; categories are the texts that occur in the whole table."""
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        pytest.skip(f"{DATA_FOLDER} names no folder of public data sets")
    table = pl.read_csv(Path(folder) / file, **options)
    columns = {column.name: describe(column) for column in table}
    output = columns.pop(target)
    signature = Signature(inputs=Schema(tuple(columns.values())), output=output)
    matrix, truth = encode_table(table, signature), encode_truth(table[target], output)
    stratify = truth if signature.is_classification else None
    learn, ask = train_test_split(np.arange(len(truth)), test_size=0.2, random_state=0, stratify=stratify)
    return Split(signature, (matrix[learn], truth[learn]), (matrix[ask], truth[ask]))


def describe(column: pl.Series) -> Column:
    if column.dtype != pl.String:
        return Column(name=column.name, type=Type.NUMBER, nullable=True)
    allowed = tuple(sorted(column.drop_nulls().unique()))
    return Column(name=column.name, type=Type.CATEGORY, nullable=True, allowed=allowed)


@pytest.fixture(scope="module")
def adult() -> Split:
    return split("adult/adult.csv.gz", "income", null_values="?")


@pytest.fixture(scope="module")
def housing() -> Split:
    return split("california-housing/housing.csv.gz", "median_house_value")


@pytest.fixture(scope="module")
def wine() -> Split:
    return split("wine-quality/winequality-red.csv", "quality", separator=";")


@pytest.mark.parametrize(
    ("table", "family", "metric", "low", "high"),
    [
        ("adult", "boosting", "roc_auc", 0.927, 0.935),
        ("adult", "linear", "roc_auc", 0.907, 0.912),
        ("adult", "linear", "log_loss", 0.31, 0.32),
        ("adult", "baseline", "roc_auc", 0.5, 0.5),
        ("housing", "boosting", "rmse", 46_000, 48_000),
        ("housing", "linear", "rmse", 68_000, 69_500),
        ("housing", "baseline", "rmse", 114_000, 114_500),
        ("wine", "forest", "rmse", 0.55, 0.58),
        ("wine", "linear", "rmse", 0.61, 0.63),
        ("wine", "boosting", "r2", 0.36, 0.42),
    ],
)
def test_the_reference_is_reached(
    table: str, family: str, metric: str, low: float, high: float, request: pytest.FixtureRequest
) -> None:
    rows: Split = request.getfixturevalue(table)
    model = Fitted(fit(family, *rows.train, rows.signature, seed=0), rows.signature)
    value = evaluate(model, *rows.test, rows.signature).metrics[metric]
    assert low <= value <= high


@pytest.mark.parametrize("family", ["linear", "neighbours", "boosting"])
@pytest.mark.parametrize("table", ["adult", "housing", "wine"])
def test_a_package_of_real_rows_answers_like_the_original(
    table: str, family: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rows: Split = request.getfixturevalue(table)
    model = fit(family, *rows.train, rows.signature, seed=0)
    proofs = write_formats(Fitted(model, rows.signature), tmp_path, ["onnx"], rows.test[0][:500])
    assert max(proof.largest for proof in proofs) < 2e-6
    manifest = Manifest(
        name=table,
        version="1.0.0",
        created=0.0,
        creator="test",
        signature=rows.signature,
        formats=("onnx",),
        parity=proofs,
        files=(),
    )
    write_manifest(manifest, tmp_path, SigningKey(bytes(32)))
    _, predictor = load_package(tmp_path)
    asked = rows.test[0][:2000]
    wanted = Fitted(model, rows.signature).predict(asked)
    np.testing.assert_allclose(predictor.predict(asked), wanted, rtol=1e-5, atol=1e-5)
