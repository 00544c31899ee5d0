"""Some rows of a table that passes, each as likely as every other, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.data.pieces import compact

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


class RowSample:
    """Gives each row a number by lot, and keeps the `size` rows of the lowest ones."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._dice = np.random.default_rng(0)
        self._bound = 1.0
        self._rows: list[pl.DataFrame] = []
        self._lots: list[NDArray[np.float64]] = []
        self._places: list[NDArray[np.int64]] = []
        self._passed = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Take the rows of one batch."""
        lots = self._dice.random(batch.height)
        bound = self._bound
        if batch.height > self._size:
            bound = min(bound, float(np.partition(lots, self._size)[self._size]))
        chosen = np.flatnonzero(lots < bound)
        self._places.append(self._passed + chosen)
        self._passed += batch.height
        self._rows.append(batch if len(chosen) == batch.height else compact(batch[chosen]))
        self._lots.append(lots[chosen])
        if sum(map(len, self._lots)) > 2 * self._size:
            self._shrink()

    def finish(self) -> tuple[pl.DataFrame, NDArray[np.int64]]:
        """Return the rows, and the place of each in the table, counted from 0."""
        self._shrink()
        return self._rows[0], self._places[0]

    def _shrink(self) -> None:
        import polars as pl

        rows = pl.concat(self._rows) if len(self._rows) > 1 else self._rows[0]
        lots, places = np.concatenate(self._lots), np.concatenate(self._places)
        if len(lots) > self._size:
            self._bound = float(np.partition(lots, self._size)[self._size])
            chosen = np.flatnonzero(lots < self._bound)
            rows, lots, places = compact(rows[chosen]), lots[chosen], places[chosen]
        self._rows, self._lots, self._places = [rows], [lots], [places]
