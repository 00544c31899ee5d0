"""Spark answers by queries and pipelines that Kervan wrote: as users run them, and where Spark is strict."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from kervan.core.errors import Corrupted, MissingExtra, MissingTool, ParityFailed, Refused
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import encode_table
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.sparkml import FOLDER
from kervan.package.writing.formats.sql import FILE
from kervan.package.writing.neutral.form import Combine, Form, Impute, Map, Operation, Power, Take, Unary
from kervan.package.writing.neutral.score import FormPredictor
from kervan.package.writing.spark.engine import Engine, Question, engine
from kervan.testing.change import CHANGES
from kervan.testing.sample import fit_sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.service, pytest.mark.slow]

# Some of the names are words of the query itself, or of the lambdas in it.
INPUTS = Schema(
    (
        Column(name="node", type=Type.NUMBER, nullable=True),
        Column(name="kept", type=Type.INTEGER),
        Column(name="şehir `ı`.x", type=Type.CATEGORY, allowed=("Ankara", "İz'mir", "Iğ\\dır", "Ağrı\n", "")),
        Column(name="input", type=Type.BOOLEAN, nullable=True),
    )
)
KINDS = {
    "classes": Column(name="prediction", type=Type.CATEGORY, allowed=("az", "o'rta", "çok")),
    "value": Column(name="asked", type=Type.NUMBER),
}
TITLES = ("spark", "sparkml")


@pytest.fixture(autouse=True)
def _session(spark: object) -> None:
    pass


@pytest.fixture(scope="module")
def rows() -> Any:
    random = np.random.default_rng(0)
    matrix = np.column_stack(
        [
            random.normal(size=600),
            random.integers(0, 50, 600),
            random.integers(-1, 5, 600),
            random.integers(0, 2, 600),
        ]
    )
    matrix[::17, 0] = np.nan
    return matrix.astype(np.float64)


def fitted(model: Any, rows: Any, kind: str) -> Fitted:
    number = np.nan_to_num(rows[:, 0]) * rows[:, 3] + rows[:, 1] / 10 + rows[:, 2] % 2
    truth = np.digitize(number, [1, 4]) if kind == "classes" else number
    return Fitted(model.fit(rows.astype(np.float64), truth), Signature(inputs=INPUTS, output=KINDS[kind]))


MODELS = {
    "choices": (HistGradientBoostingClassifier(max_iter=40, categorical_features=[2, 3]), "classes"),
    "value": (HistGradientBoostingRegressor(max_iter=40, categorical_features=[2]), "value"),
    "forest": (RandomForestClassifier(10, max_depth=8, random_state=0), "classes"),
    "tree": (DecisionTreeRegressor(random_state=0), "value"),
}


@pytest.mark.parametrize("name", TITLES)
@pytest.mark.parametrize("model", MODELS)
def test_trees_are_walked_through_arrays(model: str, name: str, rows: Any, tmp_path: Path) -> None:
    estimator, kind = MODELS[model]
    large = fitted(estimator, rows, kind)
    [proof] = write_format(name, large, tmp_path / "out", proof_rows(large, rows[:100], seed=0))
    assert proof.largest <= 1e-12
    assert proof.scorer.startswith("pyspark 4")
    written = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "AGGREGATE(SEQUENCE" in written


@pytest.mark.parametrize("kind", ["boosted", "bagged"])
def test_many_estimators_are_asked_side_by_side(kind: str, rows: Any, tmp_path: Path) -> None:
    """Spark gives up on a query of too many levels."""
    whole = np.nan_to_num(rows)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    maker = AdaBoostClassifier if kind == "boosted" else BaggingClassifier
    many = fitted(maker(tree, n_estimators=30, random_state=0), whole, "classes")
    [proof] = write_format("spark", many, tmp_path / "out", proof_rows(many, whole[:20], seed=0))
    assert proof.holds


def test_forests_over_forests_are_walked_one_after_the_other(rows: Any, tmp_path: Path) -> None:
    """The last trees ask about what the first ones answer, and about products that no fold can reach."""
    first = make_pipeline(PolynomialFeatures(), DecisionTreeRegressor(max_depth=7, random_state=0))
    last = HistGradientBoostingRegressor(max_iter=10)
    stack = StackingRegressor([("tree", first), ("line", Ridge())], last, cv=2)
    large = fitted(stack, np.nan_to_num(rows), "value")
    [proof] = write_format(
        "sparkml", large, tmp_path / "out", proof_rows(large, np.nan_to_num(rows)[:100], seed=0)
    )
    assert proof.holds


def test_a_changed_node_is_noticed(rows: Any, tmp_path: Path) -> None:
    large = fitted(MODELS["value"][0], rows, "value")
    changed = CHANGES["threshold"][1](large)
    with pytest.raises(ParityFailed):
        _prove(changed, large, rows, tmp_path)


def _prove(written: Fitted, meant: Fitted, rows: Any, folder: Path) -> None:
    both = Fitted(meant.model, meant.signature)
    both.__dict__["form"] = written.form
    write_format("sparkml", both, folder / "out", rows[:100])


USER = """
import json, sys
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

settings = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.log.level": "OFF",
    "spark.ui.enabled": "false",
}
spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
schema, rows, folders = json.loads(sys.stdin.read())
frame = spark.createDataFrame([[float(row[0]), *row[1:]] for row in rows], schema).repartition(3)
answers = [PipelineModel.load(folder).transform(frame).orderBy("own").collect() for folder in folders]
print(json.dumps(answers))
"""


def test_a_user_gets_the_answers_beside_all_columns(rows: Any, tmp_path: Path) -> None:
    """In partitions, with a column of the user's, numbers of other types, and NaN for a missing one."""
    line = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=1000))
    models = [fitted(line, rows, "classes"), fitted(MODELS["value"][0], rows, "value")]
    for place, model in enumerate(models):
        (tmp_path / str(place)).mkdir()
        plugin("format", "sparkml").save(model, tmp_path / str(place))
    texts = [*INPUTS.columns[2].allowed, None]
    asked = rows[:60]
    table = [
        [str(a), int(b), texts[int(c)], bool(d), place]
        for place, (a, b, c, d) in enumerate(asked.astype(np.float64))
    ]
    question = [
        "node double, kept int, `şehir ``ı``.x` string, INPUT boolean, own long",
        table,
        [str(tmp_path / str(place) / FOLDER) for place in range(2)],
    ]
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", USER],
        input=json.dumps(question),
        capture_output=True,
        check=False,
        text=True,
        cwd=work,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    classes, values = json.loads(done.stdout)
    assert [row[1:5] for row in classes] == [row[1:5] for row in values] == [row[1:] for row in table]
    wanted = models[0].predict(asked)
    assert [row[5] for row in classes] == [KINDS["classes"].allowed[each] for each in wanted.argmax(axis=1)]
    np.testing.assert_allclose([row[6:] for row in classes], wanted, atol=1e-12)
    np.testing.assert_allclose([row[5:] for row in values], models[1].predict(asked), rtol=1e-12)
    assert not list(work.iterdir())


STRICT = {
    "divide": [Combine(sources=(1, 2), operation=Operation.DIVIDE)],
    "power": [Power(sources=(1,), exponent=0.5), Impute(sources=(3,), fill=np.array([-7.0]))],
    **{
        str(function): [Map(sources=(1,), function=function), Impute(sources=(3,), fill=np.array([-7.0]))]
        for function in (Unary.SQRT, Unary.FLOOR, Unary.EXP, Unary.LOGISTIC, Unary.TANH)
    },
}


@pytest.mark.parametrize("name", STRICT)
def test_what_spark_refuses_or_takes_for_a_number_is_as_the_form_says(name: str, tmp_path: Path) -> None:
    """Divisions by zero, roots and powers of negative numbers, floors and exponents out of range."""
    inputs = Schema(tuple(Column(name=each, type=Type.NUMBER, nullable=True) for each in "ab"))
    signature = Signature(inputs=inputs, output=KINDS["value"])
    picked = [Take(sources=(0,), places=np.array([place])) for place in (0, 1)]
    form = Form(signature=signature, layers=(*picked, *STRICT[name]))
    model = Fitted(FormPredictor(form), signature)
    model.__dict__["form"] = form
    values = np.array([0, -0.0, 1, -1, 0.5, 1e30, -1e30, 800, -800, np.nan], dtype=np.float64)
    matrix = np.array([[a, b] for a in values for b in values], dtype=np.float64)
    plugin("format", "spark").save(model, tmp_path)
    [scorer] = plugin("format", "spark").scorers(tmp_path, signature).values()
    wanted, found = model.predict(matrix), scorer.predict(matrix)
    known = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isfinite(found), known)
    np.testing.assert_allclose(found[known], wanted[known], rtol=1e-12)


def test_dates_are_taken_as_days(tmp_path: Path) -> None:
    days = pl.date_range(date(2020, 1, 1), date(2021, 6, 1), eager=True).alias("gün")
    inputs = Schema((Column(name="gün", type=Type.DATE, nullable=True),))
    matrix = encode_table(pl.DataFrame([days]), Signature(inputs=inputs, output=KINDS["value"]))
    model = HistGradientBoostingRegressor(max_iter=10).fit(matrix, np.sin(matrix[:, 0] / 30))
    dated = Fitted(model, Signature(inputs=inputs, output=KINDS["value"]))
    for name in TITLES:
        [proof] = write_format(name, dated, tmp_path / name, proof_rows(dated, matrix[:50], seed=0))
        assert proof.holds


def test_the_same_model_gives_the_same_files(rows: Any, tmp_path: Path) -> None:
    model = fitted(MODELS["tree"][0], np.nan_to_num(rows), "value")
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        plugin("format", "sparkml").save(model, tmp_path / name)
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        found.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert found[0] == found[1]
    assert {path.name for path in found[0]} == {"part-00000", "_SUCCESS"}


def test_what_spark_would_take_for_something_else_is_refused_by_name(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "regression")
    columns = signature.inputs.columns
    named = replace(columns[0], name="__THIS__"), *columns[1:]
    with pytest.raises(Refused, match="__THIS__"):
        plugin("format", "sparkml").save(
            Fitted(model, Signature(inputs=Schema(named), output=signature.output)), tmp_path
        )


def twins(one: str, other: str) -> tuple[Fitted, Any]:
    model, signature, matrix = fit_sample("linear", "regression")
    columns = signature.inputs.columns
    named = replace(columns[0], name=one), replace(columns[1], name=other), *columns[2:]
    return Fitted(model, Signature(inputs=Schema(named), output=signature.output)), matrix


@pytest.mark.parametrize("name", TITLES)
def test_columns_whose_names_spark_takes_for_one_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="'İŞ' and 'i̇ş'"):
        plugin("format", name).save(twins("İŞ", "i̇ş")[0], tmp_path)


@pytest.mark.parametrize("name", TITLES)
def test_turkish_letters_are_told_apart(name: str, tmp_path: Path) -> None:
    model, matrix = twins("kısım", "kisim")
    [proof] = write_format(name, model, tmp_path / "out", matrix)
    assert proof.holds


def test_a_query_that_is_none_says_what_spark_says(tmp_path: Path) -> None:
    _, signature, matrix = fit_sample("linear", "regression")
    (tmp_path / FILE).write_text("SELECT\nnothing FROM input")
    [scorer] = plugin("format", "spark").scorers(tmp_path, signature).values()
    with pytest.raises(Corrupted, match="nothing") as caught:
        scorer.predict(matrix)
    assert "\n" not in str(caught.value)


def test_a_session_that_dies_leaves_nothing_and_spoils_no_other(
    spark: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _, signature, matrix = fit_sample("linear", "regression")
    question = Question(signature=signature, key="row_key", query="SELECT row_key, 7 FROM input")
    deadly = replace(question, query="SELECT row_key, reflect('java.lang.System', 'exit', 3) FROM input")
    other = Engine()
    assert other.ask(question, matrix[:3]).tolist() == [[7.0]] * 3
    with pytest.raises(Corrupted, match="virtual machine died"):
        other.ask(deadly, matrix)
    assert list(tmp_path.iterdir())
    del other
    assert not list(tmp_path.iterdir())
    assert engine() is spark
    assert spark.ask(question, matrix[:2]).tolist() == [[7.0]] * 2


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    _, signature, matrix = fit_sample("linear", "regression")
    question = Question(signature=signature, key="row_key", query="SELECT row_key, 7 FROM input")
    with pytest.raises(MissingTool) as caught:
        Engine().ask(question, matrix)
    assert "Java 17" in caught.value.hint
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool):
        Engine()
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(MissingExtra) as missing:
        Engine()
    assert missing.value.hint == "pip install 'kervan[spark]'"
