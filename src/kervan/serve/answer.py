"""What a model's figures must be before they leave, and how they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import ServerFailed
from kervan.package.answers import chosen, flaw_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kervan.core.ports import Answer
    from kervan.core.schema import Signature

PREDICTION = "x-kervan-prediction"


def prediction_header(answer: Answer) -> dict[str, str]:
    """Name the recorded prediction where a protocol's body has no place for it."""
    return {PREDICTION: answer.id}


def check_values(values: NDArray[np.float64], rows: int, signature: Signature) -> None:
    """Raise `ServerFailed` unless there is an answer for every row, and each is one (see `flaw_of`)."""
    columns = len(signature.output.allowed) if signature.is_classification else 1
    if values.shape != (rows, columns):
        raise ServerFailed(
            f"the model gave an answer of shape {values.shape}, not {(rows, columns)}",
            hint="package the model again",
        )
    flaw = flaw_of(values, signature)
    if flaw is not None:
        row, what = flaw
        raise ServerFailed(
            f"the model's answer for row {row} {what}",
            hint="roll back to the version before, and test this one with the row",
        )


def name_values(values: NDArray[np.float64], signature: Signature) -> tuple[dict[str, Any], ...]:
    """Name each row's figures: `label` and `probabilities` of a classification, else `value`.

    The label is what `kervan.package.answers.chosen` says.
    """
    if not signature.is_classification:
        return tuple({"value": value} for value in values[:, 0].tolist())
    classes = signature.output.allowed
    best = chosen(values, signature.naming).tolist()
    return tuple(
        {"label": classes[place], "probabilities": dict(zip(classes, row, strict=True))}
        for place, row in zip(best, values.tolist(), strict=True)
    )
