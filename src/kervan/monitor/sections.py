"""Which parts of the rows, by one of their inputs, something happens in more than in all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.data.html import number
from kervan.package.encoding import DAYS, SECONDS, TIMES, encoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Column, Signature

    Floats = NDArray[np.float64]

FEWEST = 20  # rows of a part that is told of
_MOST = 10
_BEYOND = 4.0  # standard errors: hundreds of parts are looked at, and chance should show none


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The rows whose `column` has a value or lies in a range: how many, and the mean of what was measured."""

    column: str
    values: str
    rows: int
    mean: float


class Sections:
    """Sums a measure of each row by the values of every input; numbers are binned by the first rows' deciles.

    Texts and the times of a day are left out.
    """

    def __init__(self, signature: Signature) -> None:
        self._columns = [
            (place, column)
            for place, column in enumerate(encoded(signature).inputs)
            if column.unit not in {SECONDS, TIMES}
        ]
        self._edges: dict[int, Floats] = {}
        self._sums: dict[int, Floats] = {}  # by column: rows and the sum of the measure, shape (2, parts)
        self._total = np.zeros(3)  # rows, the sum of the measure, and of its squares

    def add(self, matrix: Floats, measure: NDArray[np.float64] | NDArray[np.bool_]) -> None:
        """Count encoded rows, shape (rows, columns), and what was measured of each, shape (rows,)."""
        measured = measure.astype(np.float64)
        self._total += (len(measured), measured.sum(), np.square(measured).sum())
        for place, column in self._columns:
            codes, parts = self._codes(place, column, matrix[:, place])
            counts = [np.bincount(codes, minlength=parts), np.bincount(codes, measured, minlength=parts)]
            self._sums[place] = self._sums.get(place, np.zeros((2, parts))) + counts

    def found(self) -> tuple[Section, ...]:
        """Return the parts in which the measure is higher than in all rows by more than chance.

        The one with the highest mean, less two standard errors, comes first.
        """
        rows, total, squares = self._total
        if not rows:
            return ()
        mean = total / rows
        spread = float(np.sqrt(max(0.0, squares / rows - mean**2)))
        ranked: list[tuple[float, Section]] = []
        for place, column in self._columns:
            names = self._names(place, column)
            for name, many, summed in zip(names, *self._sums[place], strict=True):
                error = spread / np.sqrt(max(1.0, many))
                if many >= FEWEST and summed / many - mean > _BEYOND * error > 0:
                    section = Section(
                        column=column.name, values=name, rows=int(many), mean=float(summed / many)
                    )
                    ranked.append((section.mean - 2 * error, section))
        ranked.sort(key=lambda each: -each[0])
        return tuple(section for _, section in ranked[:_MOST])

    def _codes(self, place: int, column: Column, values: Floats) -> tuple[NDArray[np.int64], int]:
        """Return the part of each row, and how many parts there are; the first is of missing values."""
        if column.type in {Type.CATEGORY, Type.BOOLEAN}:
            parts = len(column.allowed) if column.type is Type.CATEGORY else 2
            return np.nan_to_num(values, nan=-1).astype(np.int64) + 1, parts + 1
        if place not in self._edges:
            there = values[~np.isnan(values)]
            deciles = np.quantile(there, np.linspace(0.1, 0.9, 9)) if there.size else np.zeros(1)
            self._edges[place] = np.unique(deciles)
        edges = self._edges[place]
        codes = np.searchsorted(edges, values, "right") + 1
        return np.where(np.isnan(values), 0, codes), len(edges) + 2

    def _names(self, place: int, column: Column) -> list[str]:
        if column.type is Type.CATEGORY:
            return ["missing or unseen", *column.allowed]
        if column.type is Type.BOOLEAN:
            return ["missing", "false", "true"]
        edges = [_day(edge) if column.unit == DAYS else number(edge) for edge in self._edges[place].tolist()]
        return ["missing", f"< {edges[0]}", *(f"{a} – {b}" for a, b in pairwise(edges)), f"≥ {edges[-1]}"]


def _day(days: float) -> str:
    return (date(1970, 1, 1) + timedelta(days=int(days))).isoformat()
