"""Inputs as people know them, and the columns of the matrix that each becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.encoding import encoded_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Column, Signature

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Input:
    """An input, and the places of its columns in the matrix: a time has two, a text one for each word.

    Behind its words a text has one for each function that reads it.
    """

    column: Column
    places: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Its name."""
        return self.column.name

    def said(self, row: NDArray[np.float64]) -> str:
        """Write the value of one encoded row for people."""
        value = float(row[self.places[0]]) if len(self.places) else np.nan
        column = self.column
        if column.type is Type.TEXT:
            counted = int(np.nansum(row[self.places[: len(column.words)]]))
            return f"{counted:,} known words"
        if column.type is Type.CATEGORY:
            return column.allowed[int(value)] if value >= 0 else "missing or unknown"
        if np.isnan(value):
            return "missing"
        if column.type is Type.BOOLEAN:
            return "true" if value else "false"
        if column.type in {Type.DATE, Type.DATETIME}:
            return (_EPOCH + timedelta(days=int(value))).isoformat()
        return f"{value:.6g}" if abs(value) < 1e6 or value != int(value) else f"{value:.0f}"


def inputs_of(signature: Signature) -> tuple[Input, ...]:
    """Return the inputs of a signature, in order."""
    found, start = [], 0
    for column, parts in encoded_parts(signature):
        found.append(Input(column, np.arange(start, start + len(parts))))
        start += len(parts)
    return tuple(found)


def drawn(matrix: Matrix, most: int, seed: int) -> Matrix:
    """Return at most so many rows of a matrix, drawn by lot without putting back."""
    if len(matrix) <= most:
        return matrix
    return matrix[np.sort(np.random.default_rng(seed).choice(len(matrix), most, replace=False))]
