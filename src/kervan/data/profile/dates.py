"""The figures of a column of dates or times, added up batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.data.profile.hashes import HashSample

if TYPE_CHECKING:
    import polars as pl

    from kervan.data.profile.bounds import Bounds


class DateTally:
    """Takes batches of a column of dates or times."""

    def __init__(self, bounds: Bounds) -> None:
        self.count = self.missing = 0
        self._hashes = HashSample(bounds.hashes)
        self._ends: list[Any] = []

    def add(self, values: pl.Series) -> None:
        """Take the values of one batch."""
        present = values.drop_nulls()
        self.missing += len(values) - len(present)
        self.count += len(present)
        if len(present):
            ends = [*self._ends, present.min(), present.max()]
            self._ends = [min(ends), max(ends)]
            self._hashes.add(present.hash(seed=1).to_numpy())

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last as ISO texts; "" without any."""
        return (str(self._ends[0]), str(self._ends[1])) if self._ends else ("", "")

    def distinct(self) -> tuple[int, float]:
        """Return the number of different values, and its relative error."""
        return min(self._hashes.distinct, self.count), self._hashes.error
