"""Rows arrive as the file codes them, whatever the order of its categories, and nothing else may differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import Corrupted
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.writing.rows import decode_column
from kervan.package.writing.tensor.coding import (
    FILE,
    CodedPredictor,
    read_beside,
    read_signature,
    signature_text,
    write_beside,
)
from kervan.testing.sample import INPUTS, OUTPUTS, sample

REGRESSION = Signature(inputs=INPUTS, output=OUTPUTS["regression"])


def with_city(allowed: tuple[str, ...]) -> Signature:
    columns = [replace(each, allowed=allowed) if each.allowed else each for each in INPUTS]
    return replace(REGRESSION, inputs=Schema(tuple(columns)))


@given(st.permutations(["Ankara", "İstanbul", "Iğdır", "Van"]), st.integers(0, 4))
def test_a_category_keeps_its_name(cities: list[str], known: int) -> None:
    asked, own = with_city(("Van", "Ankara", "Iğdır", "İstanbul")), with_city(tuple(cities[:known]))
    matrix = np.array([[1, 2, code, 0] for code in (-1, 0, 1, 2, 3)], dtype=np.float32)
    came: list[Any] = []
    CodedPredictor(own, asked, lambda rows: came.append(rows) or rows[:, :1], where="it").predict(matrix)
    wanted = decode_column(matrix[:, 2], asked.inputs["şehir ı"])
    arrived = [None if code < 0 else cities[int(code)] for code in came[0][:, 2]]
    assert arrived == [name if name in cities[:known] else None for name in wanted]
    assert np.array_equal(came[0][:, [0, 1, 3]], matrix[:, [0, 1, 3]])


@pytest.mark.parametrize(
    "own",
    [
        replace(REGRESSION, output=OUTPUTS["binary"]),
        replace(REGRESSION, inputs=Schema(INPUTS.columns[::-1])),
        replace(REGRESSION, inputs=INPUTS.without("evli")),
        replace(REGRESSION, inputs=Schema((*INPUTS.columns[:3], Column(name="evli", type=Type.NUMBER)))),
    ],
    ids=["output", "order", "fewer", "type"],
)
def test_other_columns_or_answers_are_refused(own: Signature) -> None:
    with pytest.raises(Corrupted, match="something else than its signature says") as caught:
        CodedPredictor(own, REGRESSION, lambda rows: rows[:, :1], where="it")
    assert caught.value.hint


@pytest.mark.parametrize("shape", [(200,), (200, 2), (199, 1), ()])
def test_answers_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    predictor = CodedPredictor(REGRESSION, REGRESSION, lambda _: np.zeros(shape), where="it")
    with pytest.raises(Corrupted, match="answers of shape") as caught:
        predictor.predict(sample("regression")[0])
    assert caught.value.hint


def test_many_rows_come_in_parts_and_none_is_asked_for_none() -> None:
    sizes: list[int] = []
    predictor = CodedPredictor(
        REGRESSION, REGRESSION, lambda rows: sizes.append(len(rows)) or rows[:, :1], where="it"
    )
    matrix = np.arange(10_000, dtype=np.float32).reshape(-1, 4)
    assert np.array_equal(predictor.predict(matrix), matrix[:, :1])
    assert sizes == [1024, 1024, 452]
    assert predictor.predict(matrix[:0]).shape == (0, 1)
    assert len(sizes) == 3


def test_a_signature_is_read_as_it_was_written(tmp_path: Any) -> None:
    write_beside(REGRESSION, tmp_path)
    assert read_beside(tmp_path) == REGRESSION


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        b"\xff",
        "[" * 100_000,
        signature_text(REGRESSION).replace("evli", ""),
        signature_text(REGRESSION).replace("Iğdır", "Ankara"),
    ],
    ids=["empty", "list", "nothing", "bytes", "deep", "no name", "twice"],
)
def test_what_is_no_signature_is_named(text: Any) -> None:
    with pytest.raises(Corrupted, match="it has no signature") as caught:
        read_signature(text, "it")
    assert caught.value.hint


def test_an_absent_signature_is_named(tmp_path: Any) -> None:
    with pytest.raises(Corrupted, match=FILE):
        read_beside(tmp_path)
