"""H2O: a class and a file that its own scorer takes for its models, whoever trained them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn import compose, ensemble, impute, linear_model, naive_bayes, pipeline, preprocessing, tree

from kervan.core.errors import Corrupted, MissingExtra, Refused
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import held
from kervan.package.proving.parity import compare, proof_rows
from kervan.package.safety.inspection import inspect_file
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.mojo import FILE as MOJO
from kervan.package.writing.formats.mojo import MojoFormat
from kervan.package.writing.formats.pojo import PojoFormat
from kervan.package.writing.h2o.engine import mojo_scorer
from kervan.package.writing.h2o.pojo import FILE as POJO
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import (
    Arithmetic,
    Choose,
    Form,
    Linear,
    Map,
    Operation,
    Softmax,
    Trees,
    Unary,
)
from kervan.package.writing.neutral.score import score
from kervan.testing.sample import TASKS, fit_sample, sample

from .code.forms import Given, together
from .code.test_real_tables import FAMILIES, fitted
from .code.tools import needing_tools
from .tensor import every_layer
from .test_formats_code import EVIL, evil_signature, sum_form

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor
    from kervan.package.writing.neutral.form import Layer

WIDTH = every_layer.WIDTH
NUMBERS = Schema(tuple(Column(name=f"x{at}", type=Type.NUMBER, nullable=True) for at in range(WIDTH)))


class Model(Given):
    """A form that answers itself."""

    slack = 0.0

    def predict(self, rows: Any) -> Any:
        return score(self.form, rows)


def model_of(*layers: Layer, inputs: Schema = NUMBERS) -> Model:
    """Layers that give a number, or the probabilities of classes."""
    number = Column(name="y", type=Type.NUMBER)
    width = Form(signature=Signature(inputs=inputs, output=number), layers=layers).widths[-1]
    classes = Column(name="y", type=Type.CATEGORY, allowed=tuple(f"class {at}" for at in range(width)))
    signature = Signature(inputs=inputs, output=number if width == 1 else classes)
    return Model(Form(signature=signature, layers=layers))


def written(name: str, model: Any, folder: Path) -> Predictor:
    """Write a model in a format of H2O's; return H2O's own scorer of it."""
    plugin("format", name).save(model, folder)
    with needing_tools():
        (predictor,) = plugin("format", name).scorers(folder, model.signature).values()
    return predictor


def assert_alike(name: str, model: Any, rows: Any, folder: Path) -> None:
    tolerance = max(plugin("format", name).about.tolerance, model.slack)
    rows = held(np.asarray(rows), plugin("format", name).about.precision)
    found = compare(model.predict, written(name, model, folder), rows, tolerance, name=name, scorer="")
    assert found.parity.holds, found


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("name", "family", "table"),
    [
        ("pojo", "boosting", "adult"),
        ("pojo", "perceptron regression", "california"),
        *(("mojo", family, table) for family in FAMILIES for table in ("adult", "wine", "california")),
        ("mojo", "discriminant", "wine"),
        ("mojo", "extra trees", "wine"),
    ],
)
def test_h2o_answers_like_the_model_on_real_tables(
    name: str, family: str, table: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, table, data_dir)
    assert_alike(name, model, rows, tmp_path)


def test_a_pojo_can_do_what_java_can(tmp_path: Path) -> None:
    form = together()
    rows = np.random.default_rng(0).normal(0, 2, (300, len(form.signature.inputs))).astype(np.float32)
    rows[::7, 0] = np.nan
    answers = written("pojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=4e-15, atol=1e-300)


def test_no_text_ends_a_literal_or_a_comment_of_a_pojo(tmp_path: Path) -> None:
    signature = evil_signature(list(EVIL), list(EVIL), list(EVIL))
    form = sum_form(signature)
    codes = np.tile(np.arange(-1, len(EVIL))[:, None], (1, len(EVIL))).astype(np.float32)
    rows = np.vstack([codes, np.random.default_rng(0).permuted(codes, axis=0)])
    answers = written("pojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=1e-12)


def test_a_pojo_takes_more_than_64_kilobytes_of_texts_and_calls(tmp_path: Path) -> None:
    many = tuple(f"kategori {at}" for at in range(9_000))
    inputs = [Column(name=f"x{at}", type=Type.NUMBER) for at in range(120)]
    columns = (*inputs, Column(name="c", type=Type.CATEGORY, allowed=many))
    signature = Signature(inputs=Schema(columns), output=Column(name="y", type=Type.NUMBER))
    builder, random = Builder(signature), np.random.default_rng(0)
    value = builder.linear(0, random.normal(size=(1, len(columns))), 0.0)
    for _ in range(700):
        value = builder.linear(value, [[1.0]], random.normal(size=1))
    form = Form(signature=signature, layers=tuple(builder.layers))
    rows = np.vstack([np.arange(121.0), np.full(121, 8_999), np.full(121, -1)]).astype(np.float32)
    answers = written("pojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=1e-10)


def test_a_class_that_does_not_compile_is_corrupted(tmp_path: Path) -> None:
    form = together()
    PojoFormat().save(Given(form), tmp_path)
    text = (tmp_path / POJO).read_text(encoding="utf-8")
    (tmp_path / POJO).write_text(text[:-10], encoding="utf-8")
    with needing_tools(), pytest.raises(Corrupted, match="javac"):
        PojoFormat().scorers(tmp_path, form.signature)


def test_a_model_written_twice_is_the_same_and_another_has_another_name(tmp_path: Path) -> None:
    texts = []
    for at, form in enumerate((together(), together(), sum_form(evil_signature(["a"], ["b"], ["c", "d"])))):
        (tmp_path / str(at)).mkdir()
        PojoFormat().save(Given(form), tmp_path / str(at))
        texts.append((tmp_path / str(at) / POJO).read_text(encoding="utf-8"))
    names = [next(line for line in text.splitlines() if 'return "' in line) for text in texts]
    assert texts[0] == texts[1]
    assert names[1] != names[2]


def test_without_h2o_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = together()
    PojoFormat().save(Given(form), tmp_path)
    monkeypatch.setitem(sys.modules, "h2o", None)
    with pytest.raises(MissingExtra) as caught:
        PojoFormat().scorers(tmp_path, form.signature)
    assert caught.value.hint == "pip install 'kervan[h2o]'"


def boosted(task: str) -> dict[str, Any]:
    """Makers of boosted trees that ask for the category by its code, or for one of several."""
    kind = "Regressor" if task == "regression" else "Classifier"
    histogram = getattr(ensemble, f"HistGradientBoosting{kind}")
    return {
        "histogram": histogram(max_iter=20, min_samples_leaf=5, categorical_features=[2]),
        "gradient": getattr(ensemble, f"GradientBoosting{kind}")(n_estimators=10),
        "lightgbm": getattr(lightgbm, f"LGBM{kind}")(
            n_estimators=20, min_child_samples=5, min_data_per_group=5, cat_smooth=1, verbose=-1
        ),
        "xgboost": getattr(xgboost, f"XGB{kind}")(n_estimators=20, max_depth=4),
    }


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("library", ["histogram", "gradient", "lightgbm", "xgboost"])
def test_boosted_trees_of_every_library(library: str, task: str, tmp_path: Path) -> None:
    matrix, signature, truth = sample(task, rows=400)
    rows = matrix.astype(np.float64)
    if library == "gradient":
        rows = np.nan_to_num(rows)
    options = {"categorical_feature": [2]} if library == "lightgbm" else {}
    model = Fitted(boosted(task)[library].fit(rows, truth, **options), signature)
    (trees,) = (layer for layer in model.form.layers if isinstance(layer, Trees))
    assert (trees.members >= 0).any() == (library in {"histogram", "lightgbm"})
    assert_alike("mojo", model, proof_rows(model, rows.astype(np.float32), seed=0), tmp_path)


def test_a_missing_category_is_less_than_the_first_where_trees_ask_for_its_number(tmp_path: Path) -> None:
    matrix, signature, truth = sample("multi", rows=400)
    model = Fitted(tree.DecisionTreeClassifier(random_state=0).fit(matrix, truth), signature)
    (trees,) = (layer for layer in model.form.layers if isinstance(layer, Trees))
    asked = trees.threshold[trees.place == 2]
    assert len(np.unique(np.sign(asked))) > 1
    assert_alike("mojo", model, proof_rows(model, matrix, seed=0), tmp_path)


def test_a_tree_with_more_than_64_kilobytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(30_000, WIDTH)).astype(np.float32)
    signature = Signature(inputs=NUMBERS, output=Column(name="y", type=Type.NUMBER))
    model = tree.DecisionTreeRegressor(random_state=0).fit(rows, random.normal(size=len(rows)))
    assert_alike("mojo", Fitted(model, signature), rows[:500], tmp_path)
    with zipfile.ZipFile(tmp_path / MOJO) as archive:
        assert archive.getinfo("trees/t00_000.bin").file_size > 2**18


@pytest.mark.parametrize("categories", [1, 32, 33, 300])
def test_questions_about_few_and_many_categories(categories: int, tmp_path: Path) -> None:
    random = np.random.default_rng(categories)
    allowed = tuple(f"ı{at}" for at in range(categories))
    column = Column(name="c", type=Type.CATEGORY, allowed=allowed, nullable=True)
    few, many = random.random(categories) < 0.5, random.random(categories + 7) < 0.5
    grown = every_layer.grown(outputs=1, depth=6, choices=True)
    trees = replace(grown, sets=(few, many, few[: categories // 2]))
    rows = random.normal(size=(500, WIDTH)).astype(np.float32)
    rows[:, 3] = random.integers(-1, categories, 500)
    model = model_of(trees, inputs=Schema((*NUMBERS.columns[:3], column)))
    assert_alike("mojo", model, rows, tmp_path)


_vectors, _targets = (every_layer.grown(outputs=3, depth=3, target=target) for target in (False, True))
_two, _two_targets = (every_layer.grown(outputs=2, depth=3, target=target) for target in (False, True))
_single = every_layer.grown(outputs=1, depth=3)
_half = Arithmetic(sources=(1,), operation=Operation.MULTIPLY, constant=np.array([0.5, 0.5, 0.5]))
_positive = np.abs(_vectors.leaves)
_shares = replace(_vectors, leaves=_positive / _positive.sum(axis=1, keepdims=True), base=np.zeros(3))
ENSEMBLES: dict[str, tuple[Layer, ...]] = {
    "softmax of vectors": (_vectors, Softmax(sources=(1,))),
    "softmax of scaled vectors": (_vectors, _half, Softmax(sources=(2,))),
    "softmax of targets": (_targets, Softmax(sources=(1,))),
    "softmax of two": (_two, Softmax(sources=(1,))),
    "softmax of two targets": (_two_targets, Softmax(sources=(1,))),
    "leaves alone": (every_layer.grown(outputs=1, depth=0),),
    "exponential": (_single, Map(sources=(1,), function=Unary.EXP)),
    "mean of shares": (_shares, replace(_half, constant=np.full(3, 1 / 3))),
    "shares on a base": (replace(_shares, leaves=_shares.leaves / 6, base=np.array([0.25, 0.25, 0.0])),),
}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_every_ensemble(name: str, tmp_path: Path) -> None:
    assert_alike("mojo", model_of(*ENSEMBLES[name]), every_layer.ROWS, tmp_path)


LINEAR: dict[str, tuple[str, Any]] = {
    "counts": ("regression", linear_model.PoissonRegressor(max_iter=300)),
    "gamma": ("regression", linear_model.GammaRegressor(max_iter=300)),
    "ridge": ("regression", linear_model.Ridge()),
    "two classes of a softmax": ("binary", naive_bayes.MultinomialNB()),
    "three classes": ("multi", linear_model.LogisticRegression(max_iter=500)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_and_their_links(name: str, tmp_path: Path) -> None:
    task, estimator = LINEAR[name]
    matrix, signature, truth = sample(task)
    scaled = compose.ColumnTransformer(
        [
            ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.MinMaxScaler()), [0, 1]),
            ("city", preprocessing.OneHotEncoder(categories=[[0, 1, 2]], handle_unknown="ignore"), [2]),
            ("married", preprocessing.OneHotEncoder(categories=[[0, 1]], handle_unknown="ignore"), [3]),
        ],
        sparse_threshold=0,
    )
    positive = np.abs(truth) + 1 if task == "regression" else truth
    model = Fitted(pipeline.make_pipeline(scaled, estimator).fit(matrix.astype(float), positive), signature)
    rows = matrix[matrix[:, 1] > -3]
    assert_alike("mojo", model, rows, tmp_path)


def with_indicator(task: str) -> tuple[Fitted, Any]:
    matrix, signature, truth = sample(task)
    filled = impute.SimpleImputer(add_indicator=True)
    model = pipeline.make_pipeline(filled, linear_model.LogisticRegression(max_iter=500))
    return Fitted(model.fit(matrix.astype(float), truth), signature), matrix


def test_a_weight_for_what_is_missing_becomes_the_number_that_stands_for_it(tmp_path: Path) -> None:
    model, matrix = with_indicator("binary")
    assert_alike("mojo", model, matrix, tmp_path)


def test_where_no_number_can_stand_for_what_is_missing_the_column_is_named(tmp_path: Path) -> None:
    model, _ = with_indicator("multi")
    with pytest.raises(Refused, match="weights for a missing '0'") as caught:
        MojoFormat().save(model, tmp_path)
    assert "pojo" in caught.value.hint


def test_what_is_missing_and_has_no_number_has_no_answer(tmp_path: Path) -> None:
    model = model_of(Linear(sources=(0,), weights=np.array([[1.0, -2.0, 3.0, 0.5]]), bias=np.ones(1)))
    assert np.isnan(model.predict(every_layer.ROWS)).any()
    assert_alike("mojo", model, every_layer.ROWS, tmp_path)


_linear = Linear(sources=(0,), weights=np.ones((3, WIDTH)), bias=np.zeros(3))
_square = replace(_linear, weights=np.ones((WIDTH, WIDTH)), bias=np.zeros(WIDTH))
_bent, _again = Map(sources=(1,), function=Unary.TANH), replace(_linear, sources=(2,), weights=np.eye(3))
BEYOND: dict[str, tuple[tuple[Layer, ...], str]] = {
    "a vote": ((_linear, Choose(sources=(1,))), "computes in the end (Choose)"),
    "a curve": (
        (replace(_bent, sources=(0,)), replace(_linear, sources=(1,)), Softmax(sources=(2,))),
        "a curve of column 'x0'",
    ),
    "a layer more": ((_linear, _bent, _again, Softmax(sources=(3,))), "several columns at once"),
    "trees on sums": (
        (_square, replace(_vectors, sources=(1,)), Softmax(sources=(2,))),
        "computes in the end (Trees)",
    ),
    "shares of targets": ((_targets,), "answer for one class each"),
    "no shares": ((_vectors,), "do not add up to the same"),
    "shares beyond 1": ((_shares,), "add up to 3"),
    "an angle": ((_vectors, _bent), "computes in the end (Map)"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_a_mojo_cannot_hold_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    layers, reason = BEYOND[name]
    with pytest.raises(Refused, match=re.escape(reason)) as caught:
        MojoFormat().save(model_of(*layers), tmp_path)
    assert "pojo" in caught.value.hint
    assert not list(tmp_path.iterdir())


LINES = (
    "\\n",
    "a\nb",
    "\\",
    "\\\\n",
    '"',
    "''",
    " ı ",
    "#",
    "[columns]",
    "",
    "a = b",
    "0: 1 d.txt",
    "şĞİ 🐪",
)


def test_texts_of_every_kind_arrive_in_a_mojo(tmp_path: Path) -> None:
    names = [f"{name} ı" for name in ("a = b", "0: 1 d.txt", "x[columns]", "şehir", "y\\n", "ı#", '"q"')]
    signature = evil_signature(names, list(LINES), list(LINES))
    form = sum_form(signature)
    codes = np.tile(np.arange(-1, len(LINES))[:, None], (1, len(names))).astype(np.float32)
    rows = np.vstack([codes, np.random.default_rng(0).permuted(codes, axis=0)])
    answers = written("mojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=1e-9)


@pytest.mark.parametrize("name", ["a\nb", " a", "a\t", "#a", "[info]", "a\rb"])
def test_a_name_that_is_no_line_of_its_own_is_refused(name: str, tmp_path: Path) -> None:
    form = sum_form(evil_signature(["ı", name], ["a"], ["b", "c"]))
    with pytest.raises(Refused, match=re.escape(repr(name))):
        MojoFormat().save(Given(form), tmp_path)


def test_a_category_that_is_no_line_is_refused(tmp_path: Path) -> None:
    form = sum_form(evil_signature(["ı"], ["a\rb"], ["b", "c"]))
    with pytest.raises(Refused, match="carriage return"):
        MojoFormat().save(Given(form), tmp_path)


def test_h2o_reads_the_trees_out_of_a_mojo(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("boosting", "binary")
    MojoFormat().save(Fitted(model, signature), tmp_path)
    with needing_tools():
        java, *options, _ = mojo_scorer().command
    printed = subprocess.run(
        [java, *options, "hex.genmodel.tools.PrintMojo", "--input", tmp_path / MOJO, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    read = json.loads(printed)
    assert read["params"]["n_tree_groups"] == 100
    assert "İstanbul" in printed


@pytest.mark.parametrize(
    "lost", ["model.ini", "trees/t01_000.bin", "trees/t01_000_aux.bin", "domains/d000.txt"]
)
def test_an_archive_without_a_part_is_noticed(lost: str, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("tree", "multi")
    MojoFormat().save(Fitted(model, signature), tmp_path)
    with zipfile.ZipFile(tmp_path / MOJO) as whole:
        rest = {name: whole.read(name) for name in whole.namelist() if name != lost}
    with zipfile.ZipFile(tmp_path / MOJO, "w") as broken:
        for name, content in rest.items():
            broken.writestr(name, content)
    with needing_tools():
        (predictor,) = MojoFormat().scorers(tmp_path, signature).values()
    try:
        answers = predictor.predict(matrix)
    except Corrupted:
        return
    assert np.abs(answers - model.predict_proba(matrix)).max() > 0.1  # H2O does without a class's trees


def test_a_mojo_is_known_for_what_it_is(tmp_path: Path) -> None:
    inputs = Schema(tuple(Column(name=f"x{at}", type=Type.NUMBER) for at in range(200)))
    leaf = every_layer.grown(outputs=1, depth=0)
    for place in (81, 82, 130, 147):  # columns whose number is an opcode of pickles
        stump = replace(
            leaf,
            roots=np.array([0]),
            place=np.array([place, -1, -1]),
            threshold=np.zeros(3),
            left=np.array([1, 0, 1]),
            right=np.array([2, 0, 0]),
            missing_left=np.zeros(3, dtype=bool),
            members=np.full(3, -1),
        )
        MojoFormat().save(model_of(stump, inputs=inputs), tmp_path)
        assert inspect_file(tmp_path / MOJO).kind == "mojo"
