from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kervan.core.goals import Goal
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.distinct import telling_rows
from kervan.model.evaluate import Evaluation, accept, evaluate

CLASSES = Signature(
    inputs=Schema((Column(name="x", type=Type.NUMBER),)),
    output=Column(name="y", type=Type.CATEGORY, allowed=("hayır", "evet")),
)


@dataclass(frozen=True)
class ByInput:
    """Gives each row a chance by its input alone, as every model does."""

    seed: int

    def predict(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        positive = np.random.default_rng(self.seed).random(1000)[matrix[:, 0].astype(int)]
        return np.column_stack([1 - positive, positive])


def repeated(seed: int, people: int, times: int) -> Evaluation:
    """People of whom nothing is known, each there several times, with labels by chance."""
    truth = np.repeat(np.random.default_rng(seed).integers(2, size=people), times)
    matrix = np.repeat(np.arange(float(people)), times).reshape(-1, 1)
    return evaluate(ByInput(seed + 1), matrix, truth, CLASSES)


def test_rows_that_repeat_others_whole_tell_once() -> None:
    found = repeated(0, 18, 4)
    assert (found.rows, found.telling) == (72, 18)
    messages = [each.message for each in accept(found, Goal()).findings]
    assert any("of the 72 rows 18 are different ones" in each for each in messages)
    assert "18 rows tell little" in messages


def test_the_interval_of_repeated_rows_holds_what_is_true_of_chance() -> None:
    inside = 0
    for seed in range(100):
        found = repeated(seed, 40, 4).intervals["roc_auc"]
        inside += found.low <= 0.5 <= found.high
    assert inside >= 90


@pytest.mark.parametrize("share", [0.5, 0.995])
def test_rows_of_few_values_are_rows_of_their_own(share: float) -> None:
    """Two flags are four different rows: but a thousand customers."""
    random = np.random.default_rng(0)
    matrix = random.integers(2, size=(1000, 2)).astype(float)
    assert len(telling_rows(matrix, (random.random(1000) < share).astype(int))) == 1000
    assert len(telling_rows(matrix, random.normal(size=1000))) == 1000


def test_few_repeats_hardly_matter() -> None:
    matrix = np.arange(100.0).reshape(-1, 1)
    matrix[-5:] = matrix[:5]
    assert len(telling_rows(matrix, np.zeros(100))) == 100
