"""What a model's figures must be before they leave, and how they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import ServerFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature

_SLACK = 1e-3  # float32 sums over many classes drift by less


def check_values(values: NDArray[np.float64], rows: int, signature: Signature) -> None:
    """Raise `ServerFailed` unless there is a finite answer for every row.

    Probabilities lie in 0 to 1 and add up to 1, both within 0.001.
    """
    columns = len(signature.output.allowed) if signature.is_classification else 1
    if values.shape != (rows, columns):
        raise ServerFailed(
            f"the model gave an answer of shape {values.shape}, not {(rows, columns)}",
            hint="package the model again",
        )
    _refuse_where(~np.isfinite(values.sum(axis=1)), "is not finite")
    if signature.is_classification:
        _refuse_where(values.min(axis=1) < -_SLACK, "has a probability below 0")
        _refuse_where(np.abs(values.sum(axis=1) - 1) > _SLACK, "has probabilities that do not add up to 1")


def _refuse_where(broken: NDArray[np.bool_], what: str) -> None:
    if broken.any():
        raise ServerFailed(
            f"the model's answer for row {int(broken.argmax())} {what}",
            hint="roll back to the version before, and test this one with the row",
        )


def name_values(values: NDArray[np.float64], signature: Signature) -> tuple[dict[str, Any], ...]:
    """Name each row's figures: `label` and `probabilities` of a classification, else `value`.

    Of equally probable classes the first in the signature's order is the label.
    """
    if not signature.is_classification:
        return tuple({"value": value} for value in values[:, 0].tolist())
    classes = signature.output.allowed
    best = values.argmax(axis=1).tolist()
    return tuple(
        {"label": classes[place], "probabilities": dict(zip(classes, row, strict=True))}
        for place, row in zip(best, values.tolist(), strict=True)
    )
