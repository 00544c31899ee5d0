"""From the encoded matrix back to a table of texts and numbers: for the proofs of formats that take names."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.schema import Type

if TYPE_CHECKING:
    from kervan.core.ports import Matrix
    from kervan.core.schema import Column, Signature

# What no category of training is, or hardly ever: nothing, an empty text, letters and signs that tools lose.
UNSEEN = (None, "", "ıİğŞçÖü", "👩\u200d🚀 🎉", "'; -- \\\"", "NULL")


def decode_column(values: Matrix, column: Column) -> list[Any]:
    """Return texts, booleans or floats, and None for what is missing.

    A category's -1 stands for a missing and for an unseen one: it becomes each of `UNSEEN` in turns.
    """
    if column.type is Type.CATEGORY:
        unseen = cycle([text for text in UNSEEN if text not in column.allowed])
        return [next(unseen) if code < 0 else column.allowed[int(code)] for code in values]
    exact = values.tolist()
    if column.type is Type.BOOLEAN:
        return [None if np.isnan(value) else bool(value) for value in exact]
    return [None if np.isnan(value) else value for value in exact]


def decode_rows(matrix: Matrix, signature: Signature) -> list[tuple[Any, ...]]:
    """Return the rows of a matrix of shape (rows, inputs), each in the order of the signature."""
    columns = [decode_column(matrix[:, place], column) for place, column in enumerate(signature.inputs)]
    return list(zip(*columns, strict=True))
