"""Every language answers like the fitted model on real tables, from the most linear family to the largest."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostRegressor, ExtraTreesClassifier
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR

from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.train import fit
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.parity import compare, nasty_rows
from kervan.package.writing.fitted import Fitted

from .tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.sampled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
LANGUAGES = ("c", "go", "java", "javascript", "python", "rust")
TABLES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "adult": ("adult/adult.csv.gz", "income", ()),
    "titanic": ("titanic/titanic.csv", "Survived", ("Name", "Ticket", "Cabin")),
    "wine": ("wine-quality/winequality-red.csv", "quality", ()),
    "california": ("california-housing/housing.csv.gz", "median_house_value", ()),
}
FAMILIES = ("linear", "tree", "forest", "boosting")
OTHERS = {
    "perceptron": ("titanic", lambda: MLPClassifier((16, 8), activation="tanh", max_iter=30, random_state=0)),
    "discriminant": ("wine", LinearDiscriminantAnalysis),
    "naive Bayes": ("wine", GaussianNB),
    "extra trees": ("wine", lambda: ExtraTreesClassifier(20, random_state=0)),
    "support vectors": ("wine", SVC),
    "support vector regression": ("california", lambda: SVR(C=1e4)),
    "perceptron regression": (
        "california",
        lambda: MLPRegressor(hidden_layer_sizes=(16,), max_iter=30, random_state=0),
    ),
    "adaptive boosting": ("california", lambda: AdaBoostRegressor(random_state=0, n_estimators=20)),
    "products": ("california", lambda: make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge())),
}
_TRAIN, _ASK = 2_000, 500


@cache
def table(name: str, folder: Path) -> tuple[Signature, Any, Any]:
    """A sample of a real table: its signature, matrix and truth."""
    file, target, dropped = TABLES[name]
    separator = ";" if name == "wine" and b";" in (folder / file).read_bytes()[:200] else ","
    rows = pl.read_csv(folder / file, separator=separator, infer_schema_length=None).drop(dropped)
    rows = rows.sample(min(rows.height, _TRAIN + _ASK), seed=0, shuffle=True)
    if name in {"titanic", "wine"}:
        rows = rows.with_columns(pl.col(target).cast(pl.String))
    columns = {column.name: describe(column) for column in rows}
    output = columns.pop(target)
    signature = Signature(inputs=Schema(tuple(columns.values())), output=output)
    return signature, encode_table(rows, signature), encode_truth(rows[target], output)


def describe(column: pl.Series) -> Column:
    if column.dtype != pl.String:
        return Column(name=column.name, type=Type.NUMBER, nullable=True)
    allowed = tuple(sorted(column.drop_nulls().unique()))
    return Column(name=column.name, type=Type.CATEGORY, nullable=True, allowed=allowed)


@cache
def fitted(family: str, name: str, folder: Path) -> tuple[Fitted, Any]:
    signature, matrix, truth = table(name, folder)
    learn, ask = slice(len(matrix) - _ASK), slice(len(matrix) - _ASK, None)
    if family in FAMILIES:
        model = fit(family, matrix[learn], truth[learn], signature, seed=0)
    else:
        model = fit("linear", matrix[learn], truth[learn], signature, seed=0)
        model.steps[-1] = (family, OTHERS[family][1]())
        model.fit(matrix[learn].astype(float), truth[learn])
    return Fitted(model, signature), nasty_rows(matrix[ask], signature, seed=0)


CASES = [
    *((family, name) for family in FAMILIES for name in TABLES),
    *((family, name) for family, (name, _) in OTHERS.items()),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("family", "name"), CASES, ids=str)
def test_every_language_answers_like_the_model(
    family: str, name: str, language: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, name, data_dir)
    adapter = plugin("format", language)
    adapter.save(model, tmp_path)
    with needing_tools():
        for scorer, predictor in adapter.scorers(tmp_path, model.signature).items():
            found = compare(model.predict, predictor, rows, 1e-12, name=scorer, scorer="")
            assert found.parity.holds, found.parity
