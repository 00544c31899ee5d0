"""Ready-made features: what they learn and make of columns, and that files of a model do the same."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import RobustScaler, StandardScaler, TargetEncoder

from kervan.core.errors import InvalidConfig
from kervan.core.features import Feature, Selection, as_features, fills
from kervan.core.loading import load_config
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.candidates import build
from kervan.model.features.stages import staged
from kervan.model.train import fit
from kervan.package.proving.build import write_formats
from kervan.package.writing.fitted import Fitted

pytestmark = pytest.mark.sampled

INPUTS = Schema(
    (
        Column(name="age", type=Type.NUMBER, nullable=True),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "Van", "İzmir")),
        Column(name="pay", type=Type.NUMBER, nullable=True),
        Column(name="day", type=Type.DATE),
    )
)
CLASSES = Column(name="y", type=Type.CATEGORY, allowed=("no", "yes"))
random = np.random.default_rng(3)
ROWS = np.column_stack(
    [
        random.normal(40, 12, 400),
        random.choice([-1, 0, 2], 400, p=[0.1, 0.5, 0.4]),
        random.lognormal(3, 1, 400),
        random.integers(10_000, 20_000, 400),
    ]
).astype(float)
ROWS[:3, 1] = 1  # rare
ROWS[random.random(400) < 0.1, 2] = np.nan
TRUTH = (np.nan_to_num(ROWS[:, 2], nan=20) + 20 * (ROWS[:, 1] == 2) > 35).astype(np.int64)


def signature(*features: Feature, output: Column = CLASSES) -> Signature:
    return Signature(inputs=INPUTS, output=output, steps=fills(features), features=features)


def seen(*features: Feature) -> Any:
    """What the model itself sees of the rows that it is fitted on."""
    return build("boosting", signature(*features), 0)[:-1].fit_transform(ROWS, TRUTH)


def test_columns_are_scaled_as_scikit_learn_does() -> None:
    found = seen(Feature(scale=("age", "pay")), Feature(scale=("pay",), by="robust"))
    np.testing.assert_allclose(found[:, 0], StandardScaler().fit_transform(ROWS[:, :1])[:, 0])
    twice = RobustScaler().fit_transform(StandardScaler().fit_transform(ROWS[:, 2:3]))
    np.testing.assert_allclose(found[:, 2], twice[:, 0])


def test_a_target_encoding_looks_away_from_a_row_while_it_is_learned_from() -> None:
    found = seen(Feature(encode={"city": "target"}))[:, 1]
    tool = TargetEncoder(target_type="binary", cv=StratifiedKFold(5, shuffle=True, random_state=0))
    np.testing.assert_array_equal(found, tool.fit_transform(ROWS[:, 1:2], TRUTH)[:, 0])
    assert len(np.unique(found)) > 4  # each fold of its own has others


def test_categories_are_counted_hashed_and_spread() -> None:
    ordinal = seen(Feature(encode={"city": "ordinal"}))[:, 1]
    np.testing.assert_array_equal(ordinal, np.where(ROWS[:, 1] < 0, np.nan, ROWS[:, 1]))
    matrix, _ = staged(signature(Feature(encode={"city": "rare"})))
    assert matrix.inputs["city"].allowed == ("Ankara", "Van", "İzmir", "rare")
    rare = seen(Feature(encode={"city": "rare"}))[:, 1]
    np.testing.assert_array_equal(rare, np.where(ROWS[:, 1] == 1, 3, ROWS[:, 1]))
    hashed = seen(Feature(encode={"city": "hash"}))[:, 1]
    assert set(hashed) < set(range(-1, 16))
    matrix, _ = staged(signature(Feature(encode={"city": "one-hot"})))
    assert matrix.inputs.names == ("age", "city = Ankara", "pay", "day", "city = Van", "city = İzmir")


def test_bins_and_products_are_expressions_with_names() -> None:
    matrix, _ = staged(signature(Feature(bins=("pay",)), Feature(interact=("age", "pay"), by="polynomial")))
    assert matrix.inputs.names[4:] == ("bin of pay", "age × age", "age × pay", "pay × pay")


def test_a_selection_leaves_nothing_of_what_tells_least() -> None:
    found = seen(Feature(select=Selection(keep=2)))
    is_there = [len(np.unique(column)) > 1 for column in found.T]
    assert is_there == [False, True, True] + [False] * (found.shape[1] - 3)


ALL = (
    Feature("ratio", "pay / age"),
    Feature(impute={"age": "mean"}),
    Feature(scale=("ratio", "pay"), by="robust"),
    Feature(power=("age",)),
    Feature(interact=("age", "pay")),
    Feature(encode={"city": "target"}),
    Feature(select=Selection(keep=6, by="f")),
)


@pytest.mark.parametrize("features", [ALL, (Feature(encode={"city": "rare"}), Feature(scale=("pay",)))])
@pytest.mark.parametrize("kind", ["two", "three", "number"])
def test_files_of_a_model_do_the_same(kind: str, features: tuple[Feature, ...], tmp_path: Path) -> None:
    three = Column(name="y", type=Type.CATEGORY, allowed=("a", "b", "c"))
    output = {"two": CLASSES, "three": three, "number": Column(name="y", type=Type.NUMBER)}[kind]
    pay = np.nan_to_num(ROWS[:, 2], nan=20)
    truth = {"two": TRUTH, "three": np.digitize(pay, [15, 30]), "number": pay + ROWS[:, 1]}[kind]
    asked = signature(*features, output=output)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = Fitted(fit("linear", ROWS, truth, asked, seed=0), asked)
        proofs = write_formats(fitted, tmp_path, ("native", "onnx", "python", "sqlite"), ROWS[:60])
    assert all(proof.holds for proof in proofs)


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ('name = "a"', "does not say what it is", "is ="),
        ('is = "a + 1"', "has no name", "name ="),
        ('name = "a"\nscale = ["b"]', "only an expression or a function has a name", ""),
        ('scale = ["a"]\npower = ["b"]', "scale and power at once", ""),
        ('scale = ["a"]\nby = "robst"', "no by = 'robst'", '"robust"'),
        ('power = ["a"]\nby = "box-cox"', "no by = 'box-cox'", "log(x)"),
        ('impute = { a = "knn" }', "cannot be filled by 'knn'", "no written format"),
        ('encode = { a = "targt" }', "cannot be encoded by 'targt'", '"target"'),
        ("select = { keep = 0 }", "at least one", "keep"),
        ('select = { keep = 3, by = "luck" }', "no by = 'luck'", "mutual_information"),
        ('interact = ["a"]', "name two columns", "interact"),
        ('name = "a"\ncall = "ratio"', "'ratio' names no function", "geo:distance"),
        ('name = "a"\ncall = "geo.py:ratio"', "'geo.py:ratio' names no function", "geo:distance"),
        ('call = "geo:ratio"', "it has no name", ""),
        ('name = "a"\nis = "b"\ncall = "geo:ratio"', "it is formula and call at once", ""),
        ('scale = ["b"]\nof = ["c"]', "only a function has `of`", ""),
        ('name = "a"\ncall = "geo:ratio"\ncode = "0"', "code: unknown setting", ""),
    ],
)
def test_a_line_without_meaning_is_refused(lines: str, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "kervan.toml").write_text(f"[[model.features]]\n{lines}\n")
    with pytest.raises(InvalidConfig, match="features") as refused:
        load_config(tmp_path, environ={})
    assert message in str(refused.value)
    assert hint in refused.value.hint


def test_a_function_without_the_mark_is_no_feature() -> None:
    with pytest.raises(InvalidConfig, match="is no feature") as refused:
        as_features([lambda row: row["a"]])
    assert "write `@kervan.feature`" in refused.value.hint


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Feature(scale=("agee",)), "takes no column 'agee'"),
        (Feature(scale=("city",)), "'city' is of the type category, and this is for numbers"),
        (Feature(scale=("day",)), "'day' is of the type dates or times"),
        (Feature(encode={"age": "target"}), "'age' is of the type number, and this is for categories"),
    ],
)
def test_a_feature_of_another_kind_of_column_is_refused(feature: Feature, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        staged(signature(feature))
