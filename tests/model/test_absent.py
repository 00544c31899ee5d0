"""Rows that lack a value which no row of training lacks: filled as in training, and alike in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.shaping import RowStep
from kervan.model.absent import completed
from kervan.model.train import fit
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.build import load_format, write_formats
from kervan.package.writing.fitted import Fitted
from kervan.serve.decode import RowDecoder

ROWS = 240
CITIES = ("Ankara", "İzmir", "Van")


def table() -> pl.DataFrame:
    random = np.random.default_rng(5)
    age = random.normal(40, 9, ROWS)
    columns = {
        "age": age,
        "rooms": random.integers(1, 8, ROWS),
        "owned": random.random(ROWS) < 0.7,
        "pay": [None if place % 5 == 0 else float(place) for place in range(ROWS)],
        "city": [CITIES[place % 3] for place in range(ROWS)],
        "day": pl.Series([f"2024-01-{1 + place % 28:02d}" for place in range(ROWS)]).str.to_date(),
    }
    return pl.DataFrame(columns | {"y": np.where(age > 40, "yes", "no")})


def signature(*steps: RowStep) -> Signature:
    columns = (
        Column(name="age", type=Type.NUMBER),
        Column(name="rooms", type=Type.INTEGER),
        Column(name="owned", type=Type.BOOLEAN),
        Column(name="pay", type=Type.NUMBER, nullable=True),
        Column(name="city", type=Type.CATEGORY, allowed=CITIES),
        Column(name="day", type=Type.DATE),
    )
    output = Column(name="y", type=Type.CATEGORY, allowed=("no", "yes"))
    return Signature(inputs=Schema(columns), output=output, steps=steps)


def test_what_no_row_lacks_is_filled_and_all_but_dates_may_be_missing() -> None:
    found = completed(signature(), table())
    assert [each.name for each in found.inputs if not each.nullable] == ["day"]
    assert found.steps == (RowStep(fill=("age", "rooms"), by="median"), RowStep(fill=("owned",), by="mode"))


def test_what_a_step_fills_is_left_to_it() -> None:
    own = RowStep(fill=("age", "owned"), by="mode")
    assert completed(signature(own), table()).steps == (own, RowStep(fill=("rooms",), by="median"))


@pytest.mark.parametrize("family", ["linear", "boosting", "lightgbm"])
def test_every_format_answers_as_if_the_median_were_there(family: str, tmp_path: Path) -> None:
    rows = table()
    taken = completed(signature(), rows)
    matrix = encode_table(rows, taken)
    fitted = Fitted(fit(family, matrix, encode_truth(rows["y"], taken.output), taken, seed=0), taken)
    formats = ["onnx"] if family == "lightgbm" else ["onnx", "native", "c"]
    proofs = write_formats(fitted, tmp_path / "written", formats, matrix[:50])
    assert sum(proof.over for proof in proofs) == 0
    whole = {"age": 31.5, "rooms": 3, "owned": True, "pay": 1.0, "city": "Van", "day": "2024-01-02"}
    medians = {name: float(np.median(rows[name].to_numpy())) for name in ("age", "rooms")}
    decode = RowDecoder(taken).decode
    predict = load_format("onnx", tmp_path / "written" / "onnx", taken).predict
    lacking = decode([{**whole, "age": None}, {**whole, "rooms": None}, {**whole, "owned": None}])
    given = np.array([matrix[0]] * 3)
    given[:] = decode([whole])
    given[0, 0], given[1, 1] = medians["age"], medians["rooms"]
    np.testing.assert_allclose(predict(lacking), predict(given), rtol=0, atol=1e-6)
    assert np.isfinite(predict(decode([{**whole, "city": None}]))).all()


@given(st.data())
def test_a_row_without_anything_but_dates_is_taken(data: st.DataObject) -> None:
    names = [name for name in signature().inputs.names if name != "day"]
    gone = data.draw(st.sets(st.sampled_from(names)))
    whole = {"age": 31.5, "rooms": 3, "owned": True, "pay": 1.0, "city": "Van", "day": "2024-01-02"}
    row = {name: None if name in gone else value for name, value in whole.items()}
    assert RowDecoder(completed(signature(), table())).decode([row]).shape == (1, 6)
