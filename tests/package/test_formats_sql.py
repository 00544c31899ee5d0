"""Ensembles that are too large for one query: their nodes go into a table that a recursive query walks."""

from __future__ import annotations

import sqlite3
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from kervan.core.errors import MissingTool, Refused
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import proof_rows
from kervan.package.proving.survey import Support, survey
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.sql import FILE, NODES
from kervan.testing.change import CHANGES
from kervan.testing.sample import fit_sample

if TYPE_CHECKING:
    from pathlib import Path

# The names are words of the query itself: none of them may be taken for what it names there.
INPUTS = Schema(
    (
        Column(name="walk", type=Type.NUMBER, nullable=True),
        Column(name="row_number", type=Type.INTEGER),
        Column(name="x0", type=Type.CATEGORY, allowed=("Ankara", "İzmir", "Iğdır", "Ağrı", "Kars")),
    )
)
KINDS = {
    "classes": Column(name="nodes", type=Type.CATEGORY, allowed=("az", "orta", "çok")),
    "value": Column(name="step_1", type=Type.NUMBER),
}
DATABASES = (
    "sqlite",
    "duckdb",
    "bigquery",
    pytest.param("postgresql", marks=pytest.mark.service),
    pytest.param("mysql", marks=pytest.mark.service),
)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a dialect, after starting the server that proves it."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url").replace("+psycopg", "")
        monkeypatch.setenv("KERVAN_PROOF_POSTGRESQL", url)
    elif request.param == "mysql":
        monkeypatch.setenv("KERVAN_PROOF_MYSQL", request.getfixturevalue("mysql_url"))
    return str(request.param)


@pytest.fixture(scope="module")
def rows() -> Any:
    random = np.random.default_rng(0)
    matrix = np.column_stack(
        [random.normal(size=900), random.integers(0, 50, 900), random.integers(-1, 5, 900)]
    )
    matrix[::17, 0] = np.nan
    return matrix.astype(np.float64)


def fitted(model: Any, rows: Any, kind: str) -> Fitted:
    number = np.nan_to_num(rows[:, 0]) + rows[:, 1] / 10 + rows[:, 2] % 2
    truth = np.digitize(number, [1, 4]) if kind == "classes" else number
    return Fitted(model.fit(rows.astype(np.float64), truth), Signature(inputs=INPUTS, output=KINDS[kind]))


@pytest.mark.parametrize("database", DATABASES, indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_a_large_ensemble_is_walked_through(kind: str, database: str, rows: Any, tmp_path: Path) -> None:
    estimator = HistGradientBoostingClassifier if kind == "classes" else HistGradientBoostingRegressor
    large = fitted(estimator(categorical_features=[2]), rows, kind)
    [proof] = write_format(database, large, tmp_path / "out", proof_rows(large, rows[:200], seed=0))
    assert proof.holds
    assert len((tmp_path / "out" / FILE).read_text()) < 40_000
    assert (tmp_path / "out" / NODES).is_file()


@pytest.mark.parametrize("database", DATABASES, indirect=True)
def test_no_row_is_lost_among_many(database: str, tmp_path: Path) -> None:
    """MariaDB loses one of these from a recursive query, as it moves what it holds from memory to a disk."""
    many = np.random.default_rng(0).normal(size=(2_100, 14)).astype(np.float64)
    truth = many[:, 0] * many[:, 1] + np.sin(3 * many[:, 2])
    model = HistGradientBoostingRegressor(max_iter=100, random_state=0).fit(many.astype(float), truth)
    inputs = Schema(tuple(Column(name=f"c{place}", type=Type.NUMBER) for place in range(14)))
    large = Fitted(model, Signature(inputs=inputs, output=KINDS["value"]))
    [proof] = write_format(database, large, tmp_path / "out", many)
    assert proof.holds


def test_forests_over_forests_are_walked_one_after_the_other(rows: Any, tmp_path: Path) -> None:
    """The last trees ask about what the first ones answer, and about products that no fold can reach."""
    first = make_pipeline(PolynomialFeatures(), RandomForestRegressor(40, random_state=0))
    last = HistGradientBoostingRegressor(max_iter=20)
    stack = StackingRegressor([("forest", first), ("line", Ridge())], last, cv=2)
    large = fitted(stack, np.nan_to_num(rows), "value")
    [proof] = write_format(
        "duckdb", large, tmp_path / "out", proof_rows(large, np.nan_to_num(rows)[:200], seed=0)
    )
    assert proof.holds
    assert (tmp_path / "out" / NODES).read_text().count("CREATE TABLE") == 2


def test_the_files_are_all_that_a_database_needs(rows: Any, tmp_path: Path) -> None:
    """As somebody with nothing but SQLite runs them: the answers are those of the model, row by row."""
    large = fitted(HistGradientBoostingRegressor(categorical_features=[2]), rows, "value")
    plugin("format", "sqlite").save(large, tmp_path)
    with sqlite3.connect(":memory:") as connection:
        connection.executescript((tmp_path / NODES).read_text())
        connection.execute('CREATE TABLE input (walk REAL, "row_number" INTEGER, x0 TEXT)')
        texts = [*INPUTS["x0"].allowed, None]
        table = [(None if np.isnan(a) else float(a), int(b), texts[int(c)]) for a, b, c in rows]
        connection.executemany("INSERT INTO input VALUES (?, ?, ?)", table)
        found = connection.execute((tmp_path / FILE).read_text()).fetchall()
    answers = {row[:3]: row[-1] for row in found}
    assert len(found) == len(table)
    np.testing.assert_allclose([answers[row] for row in table], large.predict(rows)[:, 0], rtol=1e-12)


@pytest.mark.parametrize("database", DATABASES, indirect=True)
def test_what_a_network_computes_once_is_not_computed_again(database: str, rows: Any, tmp_path: Path) -> None:
    """Put into each other, the layers of this one would be some 265,000,000 characters of arithmetic."""
    network = MLPRegressor(hidden_layer_sizes=(40, 30, 20), max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        deep = fitted(network, np.nan_to_num(rows), "value")
    [proof] = write_format(
        database, deep, tmp_path / "out", proof_rows(deep, np.nan_to_num(rows)[:200], seed=0)
    )
    assert proof.holds


def test_short_formulas_are_left_to_the_planner(rows: Any, tmp_path: Path) -> None:
    plugin("format", "postgresql").save(fitted(LinearRegression(), np.nan_to_num(rows), "value"), tmp_path)
    assert "MATERIALIZED" not in (tmp_path / FILE).read_text()


def test_a_changed_node_is_noticed(rows: Any, tmp_path: Path) -> None:
    large = fitted(HistGradientBoostingRegressor(), rows, "value")
    plugin("format", "sqlite").save(CHANGES["threshold"][1](large), tmp_path)
    assert (tmp_path / NODES).is_file()
    [scorer] = plugin("format", "sqlite").scorers(tmp_path, large.signature).values()
    assert np.abs(scorer.predict(rows) - large.predict(rows)).max() > 1e-6


@pytest.mark.parametrize(("depth", "is_walked"), [(12, False), (13, True), (40, True)])
def test_a_tree_that_is_too_deep_for_a_parser_is_walked_through(
    depth: int, is_walked: bool, tmp_path: Path
) -> None:
    """However few its nodes: each question of this one has a leaf on its other side."""
    values = np.arange(depth + 1, dtype=np.float64)[:, None]
    model = DecisionTreeRegressor().fit(values, 4.0 ** values.ravel())
    assert model.get_depth() == depth
    inputs = Schema((Column(name="x", type=Type.NUMBER),))
    fitted = Fitted(model, Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER)))
    (parity,) = write_format("sqlite", fitted, tmp_path / "sorgu", proof_rows(fitted, values, 0))
    assert parity.holds
    assert (tmp_path / "sorgu" / NODES).exists() == is_walked


@pytest.mark.parametrize("dialect", ["sqlite", "spark"])
def test_what_is_too_long_without_trees_says_how_long_the_query_would_be(
    dialect: str, rows: Any, tmp_path: Path
) -> None:
    many = np.nan_to_num(np.tile(rows, (5, 1))) + np.arange(5.0).repeat(len(rows))[:, None]
    large = fitted(SVR(), many.astype(np.float64), "value")
    with pytest.raises(Refused, match=r"the query would have [\d,]+ characters"):
        plugin("format", dialect).save(large, tmp_path)


@pytest.mark.parametrize(
    ("name", "dialect", "is_taken"),
    [
        ("metin: .", "bigquery", False),
        ("metin: güzel", "bigquery", True),
        ("x" * 301, "bigquery", False),
        ("ş" * 32, "postgresql", False),  # 64 bytes, of which 63 would be left
        ("ş" * 31, "postgresql", True),
        ("ş" * 65, "mysql", False),
        ("ş" * 64, "mysql", True),
        ("x" * 301 + ".", "duckdb", True),
    ],
)
def test_a_name_that_the_database_does_not_take_is_refused(
    name: str, dialect: str, is_taken: bool, tmp_path: Path
) -> None:
    column = Column(name=name, type=Type.NUMBER)
    signature = Signature(inputs=Schema((column,)), output=KINDS["value"])
    rows = np.arange(20.0)[:, None]
    model = Fitted(LinearRegression().fit(rows, rows[:, 0]), signature)
    if is_taken:
        plugin("format", dialect).save(model, tmp_path)
        assert name in (tmp_path / "model.sql").read_text(encoding="utf-8")
    else:
        with pytest.raises(Refused, match=f"{dialect} takes no column that is called"):
            plugin("format", dialect).save(model, tmp_path)


def twins(one: str, other: str, labels: tuple[str, ...] = ()) -> tuple[Fitted, Any]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(200, 2))
    columns = tuple(Column(name=name, type=Type.NUMBER) for name in (one, other))
    number = matrix[:, 0] * 2 - matrix[:, 1]
    if not labels:
        signature = Signature(inputs=Schema(columns), output=KINDS["value"])
        return Fitted(LinearRegression().fit(matrix, number), signature), matrix
    output = Column(name="class", type=Type.CATEGORY, allowed=labels)
    truth = np.digitize(number, [-1.0, 1.0])
    return Fitted(
        LogisticRegression().fit(matrix, truth), Signature(inputs=Schema(columns), output=output)
    ), matrix


@pytest.mark.parametrize(
    ("dialect", "one", "other", "are_one"),
    [
        ("sqlite", "Age", "age", True),
        ("duckdb", "Age", "age", True),
        ("bigquery", "Age", "age", True),
        ("mysql", "Age", "age", True),
        ("spark", "Age", "age", True),
        ("postgresql", "Age", "age", False),
        ("sqlite", "Ö", "ö", False),
        ("duckdb", "Ö", "ö", False),
        ("bigquery", "Ö", "ö", True),
        ("mysql", "Ö", "ö", True),
        ("sqlite", "Isı", "ısı", False),
    ],
)
def test_columns_that_the_database_takes_for_one_are_refused_with_both_names(
    dialect: str, one: str, other: str, are_one: bool, tmp_path: Path
) -> None:
    model, matrix = twins(one, other)
    if are_one:
        with pytest.raises(Refused, match=f"'{one}' and '{other}' are the same column to {dialect}"):
            plugin("format", dialect).save(model, tmp_path)
        [tried] = survey(model, matrix, [dialect])
        assert tried.support is Support.REFUSED
    else:
        plugin("format", dialect).save(model, tmp_path)
    if not are_one and dialect != "postgresql":
        assert write_format(dialect, model, tmp_path / "out", matrix)


@pytest.mark.parametrize("database", DATABASES, indirect=True)
def test_classes_that_differ_in_case_have_a_column_each(database: str, tmp_path: Path) -> None:
    model, matrix = twins("a", "b", ("no", "Yes", "yes"))
    [proof] = write_format(database, model, tmp_path / "out", proof_rows(model, matrix, seed=0))
    assert proof.holds
    written = (tmp_path / "out" / FILE).read_text()
    assert "probability_Yes" in written
    assert "_probability_yes" in written


def test_a_class_that_mysql_has_no_name_for_is_refused_by_its_letter(tmp_path: Path) -> None:
    model, _ = twins("a", "b", ("bad", "good 😀", "çok iyi"))
    with pytest.raises(Refused, match="it has no names with '😀'") as caught:
        plugin("format", "mysql").save(model, tmp_path)
    assert "class" in caught.value.hint
    plugin("format", "duckdb").save(model, tmp_path)


@pytest.mark.parametrize(
    ("name", "variable", "url"),
    [
        ("postgresql", "KERVAN_PROOF_POSTGRESQL", "postgresql://kimse:gizli@127.0.0.1:1/yok"),
        ("postgresql", "KERVAN_PROOF_POSTGRESQL", "no address"),
        ("mysql", "KERVAN_PROOF_MYSQL", "mysql://kimse:gizli@127.0.0.1:1/yok"),
        ("mysql", "KERVAN_PROOF_MYSQL", "mysql://kimse:gizli@127.0.0.1:port/yok"),
    ],
)
def test_an_address_that_is_wrong_is_said_and_not_its_password(
    name: str, variable: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)
    adapter = plugin("format", name)
    model, signature, matrix = fit_sample("tree", "binary")
    adapter.save(Fitted(model, signature), tmp_path)
    with pytest.raises(MissingTool, match="cannot be used") as caught:
        adapter.scorers(tmp_path, signature)[""].predict(matrix[:2])
    assert variable in caught.value.hint
    assert "gizli" not in f"{caught.value} {caught.value.hint}"
