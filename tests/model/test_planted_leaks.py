"""Leaks that were planted tell the folds nothing: they learn without the rows that they are asked about."""

from __future__ import annotations

import numpy as np
import pytest

from kervan.core.features import Feature
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.folds import Folding
from kervan.model.train import cross_validate

ROWS, VALUES = 400, 120
SPREAD = np.sqrt(1 / (3 * ROWS))  # of the area under the curve of so many rows of chance
Y = Column(name="y", type=Type.CATEGORY, allowed=("hayır", "evet"))
CITY = Column(name="şehir", type=Type.CATEGORY, allowed=tuple(f"ş{place}" for place in range(VALUES)))


@pytest.mark.parametrize("family", ["tree", "naive_bayes"])
def test_a_target_encoding_of_noise_stays_at_chance(family: str) -> None:
    encoded = (Feature(encode={"şehir": "target"}),)
    inputs = Schema((CITY, Column(name="gürültü", type=Type.NUMBER)))
    shown = Signature(inputs=inputs, output=Y, features=encoded)
    values = []
    for seed in range(4):
        dice = np.random.default_rng(seed)
        codes = dice.integers(0, VALUES, ROWS).astype(float)
        # A number beside it makes rows different, so that they are not kept together as equal ones.
        wide = np.column_stack([codes, dice.normal(size=ROWS)])
        truth = dice.integers(0, 2, ROWS)
        values.append(
            cross_validate(family, wide, truth, shown, Folding(folds=4, seed=seed)).means["roc_auc"]
        )
    assert abs(np.mean(values) - 0.5) < 3 * SPREAD / 2, values


def test_copies_of_a_row_are_not_on_both_sides() -> None:
    signature = Signature(
        inputs=Schema(tuple(Column(name=f"n{place}", type=Type.NUMBER) for place in range(3))), output=Y
    )
    values = []
    for seed in range(4):
        dice = np.random.default_rng(seed)
        once, truth = dice.normal(size=(ROWS, 3)), dice.integers(0, 2, ROWS)
        copied = dice.integers(0, ROWS, 2 * ROWS)
        folding = Folding(folds=4, seed=seed)
        values.append(
            cross_validate("tree", once[copied], truth[copied], signature, folding).means["roc_auc"]
        )
    assert abs(np.mean(values) - 0.5) < 3 * SPREAD / 2, values
