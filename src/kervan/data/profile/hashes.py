"""How many different values there are, counted in bounded memory by the values' hashes."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALL = np.uint64(2**64 - 1)


class HashSample:
    """The hashes below a threshold, which is halved whenever more than `limit` are kept (adaptive sampling).

    Until then all are kept, and the counts are exact. After Wegman; see P. Flajolet, "On adaptive
    sampling", Computing 34 (1990): the relative standard error is about 1.2 / √limit. `repeats` keeps equal
    hashes apart, so that those that repeat others can be counted.
    """

    def __init__(self, limit: int, *, repeats: bool = False) -> None:
        self._limit = limit
        self._repeats = repeats
        self._halvings = 0
        self._kept: list[NDArray[np.uint64]] = []
        self._size = 0

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take the hashes of one batch."""
        below = self._below(hashes)
        if len(below):
            self._kept.append(below if self._repeats else _unique(below))
            self._size += len(self._kept[-1])
        if self._size > 2 * self._limit:
            self._shrink()

    @property
    def is_exact(self) -> bool:
        """Whether nothing was left out."""
        self._shrink()
        return not self._halvings

    @property
    def distinct(self) -> int:
        """The number of different hashes, or an estimate of it."""
        self._shrink()
        return len(_unique(self._all())) << self._halvings

    @property
    def repeated(self) -> int:
        """The number of hashes that repeat an earlier one, or an estimate of it."""
        self._shrink()
        kept = self._all()
        return (len(kept) - len(_unique(kept))) << self._halvings

    @property
    def error(self) -> float:
        """The relative standard error of `distinct`; 0 if that is exact."""
        return 0.0 if self.is_exact else 1.2 / sqrt(self._limit)

    @property
    def repeated_error(self) -> float:
        """The standard error of `repeated`, as if each was kept by chance; 0 if that is exact."""
        if self.is_exact:
            return 0.0
        share = 0.5**self._halvings
        return sqrt(max(1, self.repeated * share) * (1 - share)) / share

    def _below(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return hashes if not self._halvings else hashes[hashes <= _ALL >> np.uint64(self._halvings)]

    def _all(self) -> NDArray[np.uint64]:
        return np.concatenate(self._kept) if self._kept else np.empty(0, np.uint64)

    def _shrink(self) -> None:
        kept = self._all() if self._repeats else _unique(self._all())
        while len(kept) > self._limit:
            self._halvings += 1
            kept = self._below(kept)
        self._kept, self._size = [kept], len(kept)


def _unique(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the different hashes; sorting is several times faster than what NumPy does for such numbers."""
    if len(hashes) < 2:
        return hashes
    ordered = np.sort(hashes)
    is_new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    return np.asarray(ordered[is_new])
