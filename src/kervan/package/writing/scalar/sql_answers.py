"""What a query gave, as the numbers that its proof compares."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.answers import may_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature

_TIE = 1e-9


def width_of(signature: Signature) -> int:
    """Return how many numbers an answer has: one for each class, or the one that is predicted."""
    return len(signature.output.allowed) if signature.is_classification else 1


def answers_of(rows: Iterable[Sequence[Any]], signature: Signature) -> NDArray[np.float64]:
    """Return the numbers of a query's rows, shape (rows, numbers), in the order of their keys.

    A row is its key, what else was asked for, the label if there are classes, and the numbers. They are NaN
    where the label is not the one that they name.
    """
    found, width = sorted(rows, key=itemgetter(0)), width_of(signature)  # databases give rows in any order
    if not found:
        return np.empty((0, width))
    values = np.array([row[-width:] for row in found], dtype=np.float64)
    if signature.is_classification and values.shape[1] == width:
        known: dict[Any, int] = {label: place for place, label in enumerate(signature.output.allowed)}
        labels = (row[-width - 1] if len(row) > width else None for row in found)
        places = np.array([known.get(label, -1) for label in labels], dtype=np.int64)
        is_named = may_name(np.maximum(places, 0), values, signature.naming, _TIE) & (places >= 0)
        values[~is_named] = np.nan
    return values
