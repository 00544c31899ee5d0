"""treelite: every shape of ensemble, categories, and what is more than trees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import treelite
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Schema, Signature, Type
from kervan.package.proving.build import prove
from kervan.package.proving.parity import compare, nasty_rows, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.treelite import FILE, TreeliteFormat
from kervan.package.writing.neutral.form import Arithmetic, Map, Operation, Softmax, Trees, Unary
from kervan.testing.sample import sample

from .code.test_real_tables import FAMILIES, fitted
from .tensor import every_layer

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor
    from kervan.package.writing.neutral.form import Layer


def written(model: Fitted, folder: Path) -> Predictor:
    TreeliteFormat().save(model, folder)
    (predictor,) = TreeliteFormat().scorers(folder, model.signature).values()
    return predictor


def assert_alike(model: Fitted, rows: Any, folder: Path) -> None:
    (parity,) = prove("treelite", {"": written(model, folder)}, model, rows)
    assert parity.holds


_divided = Arithmetic(sources=(1,), operation=Operation.DIVIDE, constant=np.array([3.0, 3.0]))
_apart = replace(_divided, constant=np.array([3.0, 2.0]))
_targets = every_layer.grown(outputs=2, depth=3, target=True)
_vectors = every_layer.grown(outputs=2, depth=3)
_single = every_layer.grown(outputs=1, depth=3)
ENSEMBLES: dict[str, tuple[Layer, ...]] = {
    "leaves alone": (every_layer.grown(outputs=2, depth=0),),
    "one number": (_single,),
    "a probability grown": (_single, Map(sources=(1,), function=Unary.EXP)),
    "vectors": (_vectors,),
    "choices": (every_layer.grown(outputs=2, depth=5, choices=True),),
    "vectors divided": (_vectors, _divided),
    "vectors divided apart": (_vectors, _apart),
    "vectors divided and multiplied": (
        _vectors,
        _divided,
        replace(_apart, sources=(2,), operation=Operation.MULTIPLY),
    ),
    "targets": (_targets,),
    "targets divided": (_targets, _divided),
    "softmax": (_targets, Softmax(sources=(1,))),
    "softmax of vectors": (_vectors, Softmax(sources=(1,))),
}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_every_ensemble(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(every_layer.LAYERS, name, ENSEMBLES[name])
    model = every_layer.fitted(name)
    if model.form.widths[-1] == 1:  # a single number is no probability
        number = replace(
            model.signature, output=replace(model.signature.output, type=Type.NUMBER, allowed=())
        )
        form = replace(model.form, signature=number)
        model = Fitted(None, number)
        model.__dict__["form"] = form
    tolerance = 1e-6 if "softmax" in name else 1e-12
    parity = every_layer.compared(model, written(model, tmp_path), tolerance)
    assert parity.holds, parity


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "linear"])
@pytest.mark.parametrize("name", ["wine", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, name, data_dir)
    (parity,) = prove("treelite", {"": written(model, tmp_path)}, model, rows)
    assert parity.holds


def boosted_over_cities(task: str) -> tuple[Fitted, Any]:
    matrix, signature, truth = sample(task)
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(categorical_features=[2], max_iter=20, min_samples_leaf=5)
    return Fitted(model.fit(matrix.astype(float), truth), signature), matrix


@pytest.mark.parametrize("task", ["binary", "multi", "regression"])
def test_unseen_and_missing_categories_go_where_the_model_sends_them(task: str, tmp_path: Path) -> None:
    model, matrix = boosted_over_cities(task)
    (trees,) = (layer for layer in model.form.layers if isinstance(layer, Trees))
    assert (trees.members >= 0).any()
    assert_alike(model, nasty_rows(matrix, model.signature, seed=0), tmp_path)


def test_categories_named_in_another_order_are_noticed(tmp_path: Path) -> None:
    model, matrix = boosted_over_cities("binary")
    inputs = [
        replace(column, allowed=column.allowed[::-1]) if column.allowed else column
        for column in model.signature.inputs
    ]
    changed = Fitted(model.model, Signature(inputs=Schema(tuple(inputs)), output=model.signature.output))
    TreeliteFormat().save(changed, tmp_path)
    predictor = TreeliteFormat().scorers(tmp_path, model.signature)[""]
    found = compare(model.predict, predictor, matrix, 1e-12, name="treelite", scorer="")
    assert not found.parity.holds


def test_exponential_of_counts(tmp_path: Path) -> None:
    matrix, signature, truth = sample("regression")
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=20)
    model.fit(matrix.astype(float), np.abs(truth))
    assert_alike(Fitted(model, signature), nasty_rows(matrix, signature, seed=0), tmp_path)


def test_treelite_reads_what_was_written(tmp_path: Path) -> None:
    matrix, signature, truth = sample("regression")
    model = ExtraTreesRegressor(7, random_state=0).fit(np.nan_to_num(matrix), truth)
    original = Fitted(model, signature)
    assert_alike(original, proof_rows(original, np.nan_to_num(matrix), seed=0), tmp_path)
    read = treelite.Model.deserialize(tmp_path / FILE)
    assert (read.num_tree, read.num_feature, read.input_type) == (7, len(signature.inputs), "float64")


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ((every_layer.LAYERS["linear"][0],), "Linear"),
        ((_single, Map(sources=(1,), function=Unary.LOGISTIC)), "Map"),
        ((_single, Map(sources=(1,), function=Unary.TANH)), "Map"),
        ((_targets, _apart), "Arithmetic"),
        ((_vectors, replace(_divided, operation=Operation.ADD)), "Arithmetic"),
        ((_vectors, Softmax(sources=(1,)), _divided), "Softmax"),
    ],
)
def test_what_is_more_than_trees_is_refused(
    layers: Any, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(every_layer.LAYERS, "more", layers)
    with pytest.raises(Refused, match=named) as caught:
        TreeliteFormat().save(every_layer.fitted("more"), tmp_path)
    assert "onnx" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_somebody_else_has_no_coding(tmp_path: Path) -> None:
    matrix, signature, truth = sample("binary")
    model = HistGradientBoostingClassifier(max_iter=3).fit(matrix, truth)
    treelite.sklearn.import_model(model).serialize(tmp_path / FILE)
    with pytest.raises(Corrupted, match="has no signature"):
        TreeliteFormat().scorers(tmp_path, signature)
