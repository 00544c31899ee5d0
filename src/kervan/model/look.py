"""Looking at a candidate: where it fails, why it answers as it does, and whether more rows would help.

The written model is asked, not the one in memory, about rows that it did not learn from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.nouns import Role
from kervan.core.schema import Signature
from kervan.flow.step import pipeline, step
from kervan.model.answered import read_answered, read_rows
from kervan.model.errors.analysis import ErrorAnalysis, Looked, analyse_errors
from kervan.model.errors.held_out import answer
from kervan.model.errors.labels import Suspects, suspects
from kervan.model.errors.learning import LearningCurve, learning_curve
from kervan.model.explain.explanation import Explanation, explain
from kervan.model.metrics import scores, task_of
from kervan.model.steps import read_card
from kervan.model.train import fit
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.build import load_format, served_format
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.ports import Predictor

_MOST_ASKED = 5_000  # rows of the validation part, for each size of a learning curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of a candidate."""

    errors: ErrorAnalysis
    explanation: Explanation


@step
def look_at_best(
    candidate: Path, validation: pl.DataFrame, looked: Looked, rows: Path | None, answered: Path | None
) -> Look:
    """Analyse the written model's errors on the validation part, and explain it there.

    `rows` and `answered` are what was learned from, and what its recipe answered to each row while that was
    held out, if it is known: doubtful labels are sought there too.
    """
    predictor, signature = written_model(candidate)
    held_out = answer(predictor, validation, signature, seed=looked.seed)
    errors = analyse_errors(held_out, validation.height, looked)
    if rows is not None and answered is not None and signature.is_classification:
        doubtful = _doubtful(read_rows(rows).truth, read_answered(answered).answers, signature)
        errors = replace(errors, labels=(*errors.labels, doubtful))
    return Look(errors=errors, explanation=explain(predictor, held_out, looked.metric, seed=looked.seed))


def _doubtful(truth: NDArray[Any], answers: NDArray[np.float64], signature: Signature) -> Suspects:
    """Return the doubtful labels of the training part, among the rows that some fold asked about."""
    asked = np.flatnonzero(np.isfinite(answers).all(axis=1))
    return suspects(truth[asked], answers[asked], signature.output.allowed, asked, str(Role.TRAIN))


@step
def draw_learning_curve(
    candidate: Path, train: pl.DataFrame, validation: pl.DataFrame, looked: Looked
) -> LearningCurve:
    """Fit the chosen family on ever more rows of the training part, and score it on the validation part."""
    card = read_card(candidate)
    signature, asked = card.signature, validation.head(_MOST_ASKED)
    matrix, truth = (
        encode_table(train, signature),
        encode_truth(train[signature.output.name], signature.output),
    )
    held_out = encode_table(asked, signature)
    true = encode_truth(asked[signature.output.name], signature.output)

    def score(rows: NDArray[np.int64], seed: int) -> float | None:
        if signature.is_classification and not _has_every_class(truth[rows], signature):
            return None
        model = Fitted(fit(card.recipe, matrix[rows], truth[rows], signature, seed=seed), signature)
        return scores(task_of(signature), true, model.predict(held_out)).get(looked.metric)

    return learning_curve(train.height, looked.metric, score, seed=looked.seed)


def written_model(candidate: Path) -> tuple[Predictor, Signature]:
    """Load the format of a candidate that answers requests, with what it takes and gives."""
    card = read_card(candidate)
    name = served_format(card.formats)
    return load_format(name, candidate / name, card.signature), card.signature


def _has_every_class(truth: NDArray[Any], signature: Signature) -> bool:
    return len(set(truth.tolist())) == len(signature.output.allowed)


@pipeline
def looking(
    candidate: Path, validation: pl.DataFrame, looked: Looked, rows: Path | None, answered: Path | None
) -> Look:
    """From a written candidate to what is seen of it."""
    return look_at_best(candidate, validation, looked, rows, answered)


@pipeline
def learning(candidate: Path, train: pl.DataFrame, validation: pl.DataFrame, looked: Looked) -> LearningCurve:
    """From the chosen family to its learning curve."""
    return draw_learning_curve(candidate, train, validation, looked)
