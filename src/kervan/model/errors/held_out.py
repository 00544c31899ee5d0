"""Rows that a model did not learn from, with what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import absolute_error, surprise
from kervan.model.metric import Task
from kervan.model.metrics import Yardstick, metric, task_of
from kervan.package.answers import chosen
from kervan.package.encoding import encode_table, encode_truth

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.model.formulas import Floats

MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A table of held-out rows, encoded, with truth (rows,) and answers (rows, classes) or (rows, 1).

    `places` says for each row which one of the whole part it is, from 0.
    """

    table: pl.DataFrame
    signature: Signature
    matrix: Matrix
    truth: NDArray[Any]
    values: Floats
    places: NDArray[np.int64]

    @property
    def task(self) -> Task:
        """What the model was asked for."""
        return task_of(self.signature)

    @property
    def chosen(self) -> NDArray[np.int64]:
        """The class that each row is answered, by its code."""
        return chosen(self.values, self.signature.naming)

    def yardstick(self, name: str) -> Yardstick:
        """Return by what answers are measured: a metric, and from which chance on a class is named."""
        return Yardstick(metrics=(metric(name, self.task),), naming=self.signature.naming)

    @property
    def losses(self) -> Floats:
        """What each row loses: minus the logarithm of its true class's probability, or the absolute error."""
        loss = surprise if self.signature.is_classification else absolute_error
        return loss(self.truth, self.values)

    @property
    def answers(self) -> Floats:
        """What is explained and compared: the chance of the positive class of two, or the number.

        Of more classes it is the chance of the one that is answered.
        """
        return told_apart(self.values, self.signature)


def told_apart(values: Floats, signature: Signature) -> Floats:
    """Return one figure for each row of answers: that of `HeldOut.answers`."""
    if not signature.is_classification:
        return values[:, 0]
    found: Floats = values[:, 1] if values.shape[1] == 2 else values.max(axis=1)
    return found


def answer(predictor: Predictor, table: pl.DataFrame, signature: Signature, *, seed: int = 0) -> HeldOut:
    """Ask a model about a table, or about 20,000 of its rows that are drawn by lot where it has more."""
    places = np.arange(table.height)
    if table.height > MOST_ROWS:
        places = np.sort(np.random.default_rng(seed).choice(table.height, MOST_ROWS, replace=False))
        table = table[places]
    matrix = encode_table(table, signature)
    truth = encode_truth(table[signature.output.name], signature.output)
    return HeldOut(table, signature, matrix, truth, predictor.predict(matrix), places)
