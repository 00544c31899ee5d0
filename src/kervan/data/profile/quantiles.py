"""The distribution of numbers of which there are too many to keep: summaries of equal weight, merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ordered:
    """Values in rising order, of which each stands for so many; `error` is of ranks, as a share of all.

    `upto` are the weights of all values not above each, added up; None where each stands for itself.
    """

    values: NDArray[np.float64]
    size: int
    upto: NDArray[np.float64] | None = None
    error: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Ordered:
        """Sort values of which each stands for itself."""
        return cls(np.sort(values), len(values))

    def at(self, ranks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of these ranks, counted from 1."""
        if self.upto is None:
            return self.values[ranks - 1]
        places = np.searchsorted(self.upto, ranks - 0.5)
        return self.values[np.minimum(places, len(self.values) - 1)]

    def not_above(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many values are not above each point."""
        return self._counted(np.searchsorted(self.values, points, "right"))

    def under(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many values are under each point."""
        return self._counted(np.searchsorted(self.values, points, "left"))

    def levels(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at levels from 0 to 1: the inverse of the empirical distribution."""
        return self.at(np.clip(np.ceil(levels * self.size - 1e-6), 1, self.size).astype(np.int64))

    def _counted(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        if self.upto is None:
            return places.astype(np.float64)
        return np.concatenate([[0.0], self.upto])[places]


class Quantiles:
    """Keeps all values up to `limit`, beyond it summaries of `width` values, merged two by two.

    A summary takes every so many-th value in order, from a place drawn by lot, so that its errors cancel
    out: after G. S. Manku, S. Rajagopalan, B. Lindsay, SIGMOD 1999, and P. Agarwal et al., "Mergeable
    summaries", PODS 2012. Measured, ranks are off by less than 2 / width of all values.
    """

    def __init__(self, limit: float, width: int) -> None:
        self._limit = limit
        self._width = width
        self._raw: list[NDArray[np.float64]] = []
        self._pending = 0
        self._levels: dict[int, NDArray[np.float64]] = {}
        self._dice = np.random.default_rng(0)

    def add(self, values: NDArray[np.float64]) -> None:
        """Take the values of one batch."""
        self._raw.append(values)
        self._pending += len(values)
        block = 32 * self._width
        while self._pending > max(self._limit, block):
            self._limit = 0  # from now on all goes into summaries
            whole = np.concatenate(self._raw)
            for start in range(0, len(whole) - block + 1, block):
                self._summarise(whole[start : start + block])
            rest = whole[len(whole) - len(whole) % block :].copy()
            self._raw, self._pending = [rest], len(rest)

    def ordered(self) -> Ordered:
        """Return all that was added; nothing may be added afterwards."""
        rest = np.concatenate(self._raw) if self._raw else np.empty(0)
        self._raw = []
        if not self._levels:
            return Ordered.of(rest)
        parts = [rest, *self._levels.values()]
        weights = [1.0, *(32.0 * 2**level for level in self._levels)]
        values = np.concatenate(parts)
        each = np.repeat(weights, [len(part) for part in parts])
        order = np.argsort(values, kind="stable")
        upto = np.cumsum(each[order])
        return Ordered(values[order], int(upto[-1]), upto, error=2 / self._width)

    def _summarise(self, block: NDArray[np.float64]) -> None:
        self._carry(0, self._every(np.sort(block), 32))

    def _carry(self, level: int, summary: NDArray[np.float64]) -> None:
        while level in self._levels:
            both = np.sort(np.concatenate([self._levels.pop(level), summary]))
            summary, level = self._every(both, 2), level + 1
        self._levels[level] = summary

    def _every(self, ordered: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        return ordered[int(self._dice.integers(step)) :: step].copy()
