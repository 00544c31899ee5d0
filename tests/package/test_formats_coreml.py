"""Core ML: real tables, any name, what the specification cannot say, and what the interpreter refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures
from sklearn.tree import DecisionTreeRegressor

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import Precision
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import held
from kervan.package.proving.parity import compare, nasty_rows
from kervan.package.writing.coreml.protos import new_model
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.coreml import FILE, CoremlFormat
from kervan.testing.sample import fit_sample, sample

from .code.test_real_tables import FAMILIES, fitted
from .test_formats_code import EVIL

if TYPE_CHECKING:
    from pathlib import Path


def assert_alike(model: Fitted, rows: Any, folder: Path) -> Any:
    CoremlFormat().save(model, folder)
    (predictor,) = CoremlFormat().scorers(folder, model.signature).values()
    rows = held(np.asarray(rows), Precision.SINGLE)
    found = compare(model.predict, predictor, rows, 1e-12, name="coreml", scorer="")
    assert found.parity.holds, found.parity
    return specification(folder)


def specification(folder: Path) -> Any:
    model = new_model()
    model.ParseFromString((folder / FILE).read_bytes())
    return model


@pytest.mark.data
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["adult", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    assert_alike(*fitted(family, name, data_dir), tmp_path)


@pytest.mark.parametrize(
    ("family", "steps"),
    [
        (
            "linear",
            ["featureVectorizer", "imputer", "scaler", "oneHotEncoder", "featureVectorizer", "glmClassifier"],
        ),
        ("boosting", ["categoricalMapping", "featureVectorizer", "treeEnsembleClassifier"]),
    ],
)
def test_the_pipeline_describes_every_step(family: str, steps: list[str], tmp_path: Path) -> None:
    model, signature, matrix = fit_sample(family, "binary")
    written = assert_alike(Fitted(model, signature), matrix, tmp_path)
    assert [step.WhichOneof("Type") for step in written.pipelineClassifier.pipeline.models] == steps
    known = {entry.name for entry in written.description.input}
    assert known == set(signature.inputs.names)
    for step in written.pipelineClassifier.pipeline.models:
        assert {entry.name for entry in step.description.input} <= known
        known |= {entry.name for entry in step.description.output}
    assert known >= {written.description.predictedFeatureName, written.description.predictedProbabilitiesName}


def test_any_name_and_text_arrives(tmp_path: Path) -> None:
    inputs = Schema(
        (
            Column(name="kervan_row", type=Type.NUMBER),
            Column(name="probabilities", type=Type.CATEGORY, allowed=EVIL),
            Column(name="y", type=Type.NUMBER),
        )
    )
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.CATEGORY, allowed=EVIL[:3]))
    random = np.random.default_rng(0)
    codes = random.integers(-1, len(EVIL), 400)
    rows = np.column_stack([random.normal(size=400), codes, random.normal(size=400)]).astype(np.float32)
    spread = OneHotEncoder(categories=[list(range(len(EVIL)))], handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", "passthrough", [0, 2]), ("texts", spread, [1])])
    model = make_pipeline(columns, LogisticRegression()).fit(rows.astype(float), codes % 3)
    written = assert_alike(Fitted(model, signature), rows, tmp_path)
    assert written.description.predictedFeatureName == "_y"
    assert written.description.predictedProbabilitiesName == "_probabilities"


def test_trees_over_spread_categories_ask_for_one_of_them(tmp_path: Path) -> None:
    matrix, signature, truth = sample("regression")
    whole = np.nan_to_num(matrix)
    spread = OneHotEncoder(categories=[[0, 1, 2]], handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", "passthrough", [0, 1, 3]), ("texts", spread, [2])])
    model = make_pipeline(columns, DecisionTreeRegressor(max_depth=8, random_state=0)).fit(whole, truth)
    rows = nasty_rows(whole, signature, seed=0, with_missing=False)
    written = assert_alike(Fitted(model, signature), rows, tmp_path)
    ensemble = written.pipelineRegressor.pipeline.models[-1].treeEnsembleRegressor.treeEnsemble
    assert 4 in {node.nodeBehavior for node in ensemble.nodes}


def test_what_the_specification_cannot_say_is_refused(tmp_path: Path) -> None:
    matrix, signature, truth = sample("binary")
    whole = np.nan_to_num(matrix).astype(float)
    several = HistGradientBoostingClassifier(categorical_features=[2], min_samples_leaf=2, max_iter=50)
    codes = np.random.default_rng(0).integers(0, 12, len(whole))
    many = Column(name="c", type=Type.CATEGORY, allowed=tuple("abcdefghijkl"))
    wide = Signature(
        inputs=Schema((*signature.inputs.columns[:2], many, signature.inputs.columns[3])),
        output=signature.output,
    )
    coded = np.column_stack([whole[:, :2], codes, whole[:, 3]])
    products = make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=5000))
    for model, described, message in (
        (several.fit(coded, codes % 2), wide, "one of several"),
        (products.fit(whole / 100, truth), signature, "imputed and scaled numbers"),
        (fit_sample("baseline", "binary")[0], signature, "as trees over its columns or as one linear model"),
    ):
        with pytest.raises(Refused, match=message) as caught:
            CoremlFormat().save(Fitted(model, described), tmp_path)
        assert "onnx" in caught.value.hint
    assert not list(tmp_path.iterdir())


def _circle(model: Any) -> None:
    nodes = model.pipelineClassifier.pipeline.models[-1].treeEnsembleClassifier.treeEnsemble.nodes
    nodes[0].trueChildNodeId = nodes[0].falseChildNodeId = 0


def _other_node(model: Any) -> None:
    model.pipelineClassifier.pipeline.models[-1].treeEnsembleClassifier.treeEnsemble.nodes[0].nodeBehavior = 5


def _other_step(model: Any) -> None:
    model.pipelineClassifier.pipeline.models[0].normalizer.normType = 1


def _no_step(model: Any) -> None:
    del model.pipelineClassifier.pipeline.models[:]


def _no_pipeline(model: Any) -> None:
    model.identity.SetInParent()


def _wrong_width(model: Any) -> None:
    model.pipelineClassifier.pipeline.models[1].featureVectorizer.inputList[0].inputDimensions = 2


def _unknown_input(model: Any) -> None:
    model.pipelineClassifier.pipeline.models[1].description.input[0].name = "absent"


def _answer_too_early(model: Any) -> None:
    del model.pipelineClassifier.pipeline.models[-1]


def _other_columns(model: Any) -> None:
    model.description.input[0].name = "absent"


@pytest.mark.parametrize(
    "change",
    [
        _circle,
        _other_node,
        _other_step,
        _no_step,
        _no_pipeline,
        _wrong_width,
        _unknown_input,
        _answer_too_early,
        _other_columns,
    ],
)
def test_a_specification_that_makes_no_sense_is_refused(change: Any, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("tree", "multi")
    CoremlFormat().save(Fitted(model, signature), tmp_path)
    written = specification(tmp_path)
    change(written)
    (tmp_path / FILE).write_bytes(written.SerializeToString())
    with pytest.raises(Corrupted) as caught:
        CoremlFormat().scorers(tmp_path, signature)[""].predict(matrix)
    assert caught.value.hint


def test_coremltools_says_nothing_about_other_libraries() -> None:
    code = "from kervan.package.writing.coreml.protos import new_model; new_model()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
