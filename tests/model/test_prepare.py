"""Steps inside a model: what they fill and clip, what they learn, and that formats carry them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.row_steps import check_row_steps
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.shaping import RowStep
from kervan.model.prepare import row_steps
from kervan.model.train import fit
from kervan.package.proving.build import write_formats
from kervan.package.writing.fitted import Fitted

INPUTS = Schema(
    (
        Column(name="age", type=Type.NUMBER, nullable=True),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "İzmir")),
        Column(name="pay", type=Type.NUMBER, nullable=True),
        Column(name="day", type=Type.DATE, nullable=True),
    )
)
OUTPUT = Column(name="y", type=Type.CATEGORY, allowed=("no", "yes"))
NAN = np.nan


def signature(*steps: RowStep) -> Signature:
    return Signature(inputs=INPUTS, output=OUTPUT, steps=steps)


def prepared(rows: list[list[float]], *steps: RowStep, then: list[list[float]] | None = None) -> Any:
    made = row_steps(signature(*steps)).fit(np.array(rows, dtype=float))
    return made.transform(np.array(rows if then is None else then, dtype=float)).tolist()


def test_fills_with_what_was_given_or_learned_from_the_rows_of_training() -> None:
    rows = [[1.0, 0, 5, 1], [3.0, 1, 5, 1], [8.0, 1, 5, 1]]
    empty = [[NAN, -1, NAN, 1]]
    assert prepared(rows, RowStep(fill=("age", "pay"), by="median"), then=empty) == [[3, -1, 5, 1]]
    assert prepared(rows, RowStep(fill=("age",), by="mean"), then=empty)[0][0] == 4
    assert prepared(rows, RowStep(fill=("age",), value=-5), then=empty)[0][0] == -5
    assert prepared(rows, RowStep(fill=("city", "age"), by="mode"), then=empty)[0][:2] == [1, 1]
    assert prepared(rows, RowStep(fill=("city",), value="Ankara"), then=empty)[0][1] == 0
    assert prepared(rows, RowStep(fill=("city",), value="İzmir"), then=[[1, 0, 1, 1]])[0][1] == 0


def test_clips_between_what_was_given_or_learned() -> None:
    rows = [[float(each), 0, each * 10, 1] for each in range(1, 101)]
    asked = [[-50.0, 0, 5000.0, 1], [NAN, 0, NAN, 1]]
    assert prepared(rows, RowStep(clip=("age",), least=0), then=asked)[0][0] == 0
    found = prepared(rows, RowStep(clip=("age", "pay"), quantiles=(0.05, 0.95)), then=asked)
    assert found[0] == [5, 0, 950, 1]
    assert np.isnan(found[1][0])


def test_a_step_works_on_what_the_one_before_it_made() -> None:
    rows = [[each, 0, 0, 0] for each in (0.0, 10.0, 1000.0)]
    steps = (RowStep(clip=("age",), most=20), RowStep(fill=("age",), by="mean"))
    assert prepared(rows, *steps, then=[[NAN, 0, 0, 0]])[0][0] == 10


@given(arrays(np.float64, (6, 4), elements=st.floats(-1e6, 1e6) | st.just(NAN)))
def test_columns_without_a_step_stay_as_they_are(matrix: Any) -> None:
    matrix[0] = 1.0
    found = np.array(prepared(matrix.tolist(), RowStep(fill=("age",), by="median")))
    np.testing.assert_array_equal(found[:, 1:], matrix[:, 1:])
    assert not np.isnan(found[:, 0]).any()
    known = ~np.isnan(matrix[:, 0])
    np.testing.assert_array_equal(found[known, 0], matrix[known, 0])


def test_a_column_without_any_value_has_nothing_to_fill_with() -> None:
    with pytest.raises(InvalidData, match="fill age"):
        prepared([[NAN, 0, 1, 1]], RowStep(fill=("age",), by="mean"))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (RowStep(fill=("agee",), value=0), "takes no column 'agee'"),
        (RowStep(fill=("city",), by="mean"), "categories, which have no mean"),
        (RowStep(fill=("city",), value="Ankar"), "no category 'Ankar'"),
        (RowStep(clip=("city",), least=0), "of the type category"),
        (RowStep(fill=("day",), by="mode"), "of the type date"),
        (RowStep(fill=("age",), value="none"), "numbers, not 'none'"),
    ],
)
def test_a_step_that_does_not_fit_the_inputs_is_refused(step: RowStep, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        check_row_steps([step], INPUTS)


@pytest.mark.sampled
@pytest.mark.parametrize("family", ["linear", "forest", "boosting"])
def test_files_of_a_model_fill_and_clip_as_it_does(family: str, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    matrix = np.column_stack(
        [
            random.normal(40, 12, 400),
            random.integers(-1, 2, 400),
            random.lognormal(3, 1, 400),
            random.integers(0, 999, 400),
        ]
    ).astype(float)
    matrix[random.random(400) < 0.2, 0] = NAN
    truth = (np.nan_to_num(matrix[:, 0], nan=40) + matrix[:, 2] > 60).astype(np.int64)
    asked = signature(
        RowStep(fill=("age",), by="median"),
        RowStep(fill=("city",), by="mode"),
        RowStep(clip=("pay",), quantiles=(0.02, 0.98)),
    )
    fitted = Fitted(fit(family, matrix, truth, asked, seed=0), asked)
    proofs = write_formats(
        fitted, tmp_path, ("native", "onnx", "python", "sqlite"), matrix[:100], tolerance=None, seed=0
    )
    assert {each.format.partition("/")[0] for each in proofs} == {"native", "onnx", "python", "sqlite"}
    known = matrix[:1].copy()
    known[0, 0], known[0, 1] = np.nanmedian(matrix[:, 0]), 1.0
    unknown = known.copy()
    unknown[0, 0] = NAN
    np.testing.assert_array_equal(fitted.predict(known), fitted.predict(unknown))
