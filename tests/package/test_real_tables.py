"""Real tables, mixed pipelines and every kind of model: each format answers like the original."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.build import prove, scorers_of
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from sampling import IS_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.sampled]

TABLES = {
    "adult": ("adult/adult.csv.gz", "income", {"null_values": "?"}),
    "housing": ("california-housing/housing.csv.gz", "median_house_value", {}),
}
LEARNED, ASKED = 3_000, 1_000
SMALL = {"linear", "tree"}
TREES = {"forest", "boosting", "categories", "lightgbm", "xgboost", "catboost"}
WHOLE = SMALL | TREES | {"perceptron", "components"}
FORMATS: dict[str, set[str]] = {
    "native": WHOLE - {"lightgbm", "xgboost", "catboost"},
    "onnx": WHOLE,
    "c": WHOLE,
    "javascript": WHOLE,
    "python": WHOLE,
    "pmml": WHOLE,
    "pfa": WHOLE,
    "sqlite": WHOLE,
    "duckdb": WHOLE,
    "spark": {"tree", "boosting"},
    "sparkml": {"linear", "categories"},
    "bigquery": SMALL,
    "excel": WHOLE,
}
SPARING = {"excel": 12}  # one row in so many: what is left fits into one workbook
NEEDS = {"excel": "soffice", "c": "gcc", "javascript": "node", "pmml": "java"}


@dataclass(frozen=True)
class Real:
    signature: Signature
    matrix: Any
    truth: Any


@pytest.fixture(scope="module")
def tables(data_dir: Path) -> dict[str, Real]:
    """Rows with missing values, as models see them; 5 % more of the numbers are taken away."""
    found = {}
    for name, (file, target, options) in TABLES.items():
        table = pl.read_csv(data_dir / file, **options).sample(LEARNED + ASKED, seed=1)
        columns = {series.name: _column(series) for series in table}
        output = columns.pop(target)
        signature = Signature(inputs=Schema(tuple(columns.values())), output=output)
        matrix, truth = encode_table(table, signature), encode_truth(table[target], output)
        numbers = [at for at, column in enumerate(signature.inputs) if column.type is not Type.CATEGORY]
        lost = np.random.default_rng(0).random((len(matrix), len(numbers))) < 0.05
        matrix[:, numbers] = np.where(lost, np.nan, matrix[:, numbers])
        found[name] = Real(signature, matrix, truth)
    return found


@pytest.fixture(scope="module")
def models(tables: dict[str, Real]) -> Callable[[str, str], Fitted]:
    """Fit each model once."""
    known: dict[tuple[str, str], Fitted] = {}

    def fitted(kind: str, table: str) -> Fitted:
        if (kind, table) not in known:
            real = tables[table]
            rows, truth = real.matrix[:LEARNED].astype(np.float64), real.truth[:LEARNED]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                known[kind, table] = Fitted(_model(kind, real.signature).fit(rows, truth), real.signature)
        return known[kind, table]

    return fitted


@pytest.fixture(autouse=True)
def _session(name: str, request: pytest.FixtureRequest) -> None:
    """Keep one session of Spark for all that it proves."""
    if name.startswith("spark"):
        request.getfixturevalue("spark")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask workbooks, which take a program and many seconds each, about a sixth; all by `make matrix`."""
    if "table" in metafunc.fixturenames:
        cells = [
            (name, kind, table)
            for name in FORMATS
            for kind in sorted(FORMATS[name])
            for table in TABLES
            if IS_WHOLE or name != "excel" or crc32(f"{name} {kind} {table}".encode()) % 6 == 0
        ]
        metafunc.parametrize(("name", "kind", "table"), cells)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_answers_are_those_of_the_original(
    name: str,
    kind: str,
    table: str,
    tables: dict[str, Real],
    models: Callable[[str, str], Fitted],
    tmp_path: Path,
) -> None:
    if name in NEEDS and shutil.which(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    fitted = models(kind, table)
    rows = proof_rows(fitted, tables[table].matrix[LEARNED:], seed=1)[:: SPARING.get(name, 1)]
    adapter = plugin("format", name)
    adapter.save(fitted, tmp_path)
    for proof in prove(name, scorers_of(adapter, tmp_path, fitted.signature), fitted, rows):
        exact = 1e-5 if name == "onnx" else 2e-6 if kind == "xgboost" else 1e-12
        assert proof.largest <= exact, proof
        assert proof.label_changes == 0
        assert proof.rows > ASKED // SPARING.get(name, 1)


def _column(values: pl.Series) -> Column:
    if values.dtype != pl.String:
        return Column(name=values.name, type=Type.NUMBER, nullable=True)
    return Column(
        name=values.name,
        type=Type.CATEGORY,
        nullable=True,
        allowed=tuple(sorted(values.drop_nulls().unique())),
    )


def _model(kind: str, signature: Signature) -> Any:
    is_class = signature.is_classification
    if kind == "boosting":
        return (HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor)(max_iter=50)
    categories = [at for at, column in enumerate(signature.inputs) if column.type is Type.CATEGORY]
    if kind == "categories":
        maker = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
        return maker(max_iter=50, categorical_features=categories)
    if kind in {"lightgbm", "xgboost", "catboost"}:
        return _other_library(kind, is_class)
    makers: dict[str, Any] = {
        "linear": LogisticRegression(max_iter=500) if is_class else Ridge(),
        "tree": (DecisionTreeClassifier if is_class else DecisionTreeRegressor)(max_depth=7, random_state=0),
        "forest": (RandomForestClassifier if is_class else RandomForestRegressor)(
            30, max_depth=10, random_state=0
        ),
        "perceptron": (MLPClassifier if is_class else MLPRegressor)(
            hidden_layer_sizes=(32, 16), max_iter=30, random_state=0
        ),
    }
    if kind == "components":  # trees over what is computed, and rounded to float32, before them
        return make_pipeline(_mixed(signature, categories), PCA(6, random_state=0), makers["forest"])
    return make_pipeline(_mixed(signature, categories), makers[kind])


def _mixed(signature: Signature, categories: list[int]) -> Any:
    """Impute and scale numbers, in front of trees too, and spread categories."""
    columns = signature.inputs.columns
    numbers = [at for at in range(len(columns)) if at not in categories]
    codes = [list(range(len(columns[at].allowed))) for at in categories]
    spread = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer([("numbers", numeric, numbers), ("categories", spread, categories)])


def _other_library(kind: str, is_class: bool) -> Any:
    library = pytest.importorskip(kind)
    if kind == "lightgbm":
        return (library.LGBMClassifier if is_class else library.LGBMRegressor)(n_estimators=50, verbose=-1)
    if kind == "xgboost":
        return (library.XGBClassifier if is_class else library.XGBRegressor)(n_estimators=50)
    maker = library.CatBoostClassifier if is_class else library.CatBoostRegressor
    return maker(iterations=50, verbose=0, allow_writing_files=False)
