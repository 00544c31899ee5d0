"""Answers before and after, counted piece by piece: the figures are those of all rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.monitor.changes import Changed, Changes

AGE = Column(name="yaş", type=Type.INTEGER, nullable=True)
CITY = Column(name="şehir", type=Type.CATEGORY, allowed=("Ankara", "İzmir"))
DAY = Column(name="gün", type=Type.DATE)
INPUTS = Schema((AGE, CITY, DAY))
PRICE = Signature(inputs=INPUTS, output=Column(name="fiyat", type=Type.NUMBER))
LEAVES = Signature(inputs=INPUTS, output=Column(name="ayrıldı", type=Type.CATEGORY, allowed=("yok", "var")))


def rows(count: int) -> Any:
    random = np.random.default_rng(0)
    ages = random.integers(18, 90, count).astype(np.float64)
    ages[random.random(count) < 0.1] = np.nan
    return np.column_stack([ages, random.integers(0, 2, count), random.integers(18_000, 20_000, count)])


def compared(signature: Signature, matrix: Any, before: list[Any], after: list[Any]) -> Changed:
    changes = Changes(signature)
    ids = [f"{place:05d}" for place in range(len(matrix))]
    for start in range(0, len(matrix), 700):
        part = slice(start, start + 700)
        changes.add(ids[part], matrix[part], before[part], after[part])
    return changes.found()


def test_numbers_are_told_by_quantiles_and_where_they_move_most() -> None:
    matrix = rows(5_000)
    was = np.random.default_rng(1).normal(100, 10, len(matrix))
    is_now = np.where(matrix[:, 1] == 1, was + 5, was)
    is_now[4321] = was[4321] + 500
    found = compared(PRICE, matrix, [{"value": each} for each in was], [{"value": each} for each in is_now])
    assert found.changed == int((matrix[:, 1] == 1).sum()) + (matrix[4321, 1] == 0)
    assert (found.sections[0].column, found.sections[0].values) == ("şehir", "İzmir")
    assert found.sections[0].rows == int((matrix[:, 1] == 1).sum())
    assert found.examples[0].id == "04321"
    assert found.examples[0].size == pytest.approx(500)
    middle = next(each for each in found.quantiles if each.level == 0.5)
    assert (middle.before, middle.after) == pytest.approx((np.median(was), np.median(is_now)))
    assert found.shifts[0].psi > 0


def test_classes_are_told_by_moves_shares_and_sections() -> None:
    matrix = rows(5_000)
    chance = np.random.default_rng(1).random(len(matrix))
    old = np.isnan(matrix[:, 0])

    def answer(positive: float) -> dict[str, Any]:
        probabilities = {"yok": 1 - positive, "var": positive}
        return {
            "label": max(probabilities, key=lambda name: probabilities[name]),
            "probabilities": probabilities,
        }

    before = [answer(each) for each in chance]
    after = [answer(1 - each if flips else each) for each, flips in zip(chance, old, strict=True)]
    found = compared(LEAVES, matrix, before, after)
    assert found.changed == int(old.sum())
    assert {(each.before, each.after) for each in found.moves} == {("yok", "var"), ("var", "yok")}
    assert [(each.column, each.values, each.mean) for each in found.sections] == [("yaş", "missing", 1.0)]
    labels = {each.label: each.before for each in found.shifts[0].bins}
    assert labels["var"] == pytest.approx((chance > 0.5).mean())
    assert found.size == pytest.approx(np.where(old, np.abs(1 - 2 * chance), 0).mean())


def test_what_is_kept_does_not_grow_with_the_rows() -> None:
    changes = Changes(PRICE)
    matrix = rows(1_000)
    answers = [{"value": float(each)} for each in range(1_000)]
    for piece in range(150):
        changes.add([f"{piece}.{place}" for place in range(1_000)], matrix, answers, answers)
    assert len(changes._sample) <= 100_000 + 1_000
    found = changes.found()
    assert (found.rows, found.changed, found.examples) == (150_000, 0, ())
