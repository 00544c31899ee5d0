"""How one model's answers differ from those that were given to the same rows, counted as they come.

What is kept does not grow with the rows: counts by bins and segments, a sample, and the largest changes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.data.html import number
from kervan.monitor.bins import Bin, raw_index
from kervan.monitor.sections import Section, Sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature

    Floats = NDArray[np.float64]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_SAMPLE = 50_000  # rows of which quantiles are told
_EXAMPLES = 10
_BINS = 20
_ROUNDING = 1e-6  # numbers that are nearer to each other, in their own size, have not changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """So many rows whose answer was `before` and is `after`."""

    before: str
    after: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One of the rows whose answers are furthest apart, by its prediction's id; `size` says how far."""

    id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How a distribution moved: the population stability index over bins, which hold shares of the rows."""

    name: str
    psi: float
    bins: tuple[Bin, ...]

    @property
    def largest(self) -> Bin:
        """The bin whose share changed most."""
        return max(self.bins, key=lambda each: abs(each.now - each.before))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """A quantile of the answers before and after, and of how far each row's answer moved."""

    level: float
    before: float
    after: float
    change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What changed: `changed` of `rows` have another label, or a number that is another beyond rounding.

    `size` is how far answers moved on average: half the sum of the differences of all probabilities, or the
    difference of the numbers. `sections` are parts of the rows that change more than all do.
    """

    rows: int
    changed: int
    size: float
    moves: tuple[Move, ...]
    shifts: tuple[Shift, ...]
    quantiles: tuple[Quantile, ...]
    sections: tuple[Section, ...]
    examples: tuple[Example, ...]

    @property
    def share(self) -> float:
        """The share of rows whose answer is another."""
        return self.changed / self.rows if self.rows else 0.0


class Changes:
    """Counts how answers of a model with a signature differ from those before."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._classes = signature.output.allowed if signature.is_classification else ()
        self._sections = Sections(signature)
        self._moves: Counter[tuple[str, str]] = Counter()
        self._edges = np.linspace(0, 1, _BINS + 1)[1:-1] if self._classes else np.empty(0)
        self._counts = np.zeros((2, 0))
        self._examples: list[tuple[float, int, Example]] = []
        self._sample = np.empty((0, 3))  # a random place, the answer before, and after
        self._random = np.random.default_rng(0)
        self._rows = self._changed = 0
        self._size = 0.0

    def add(
        self,
        ids: Sequence[str],
        matrix: Floats,
        before: Sequence[Mapping[str, Any]],
        after: Sequence[Mapping[str, Any]],
    ) -> None:
        """Count some rows: their predictions' ids, encoded inputs (rows, columns), and answers as named."""
        is_other, size, figures = self._compare(before, after)
        self._rows += len(ids)
        self._changed += int(is_other.sum())
        self._size += float(size.sum())
        self._sections.add(matrix, is_other if self._classes else size)
        self._count(figures)
        self._keep_examples(ids, size, before, after)

    def found(self) -> Changed:
        """Return what was counted."""
        rows = max(1, self._rows)
        moves = [Move(before=old, after=new, rows=many) for (old, new), many in self._moves.most_common()]
        return Changed(
            rows=self._rows,
            changed=self._changed,
            size=self._size / rows,
            moves=tuple(each for each in moves if each.before != each.after),
            shifts=tuple(self._shifts()) if self._rows else (),
            quantiles=() if self._classes or not self._rows else tuple(self._quantiles()),
            sections=self._sections.found(),
            examples=tuple(each for _, _, each in sorted(self._examples, key=lambda kept: -kept[0])),
        )

    def _compare(
        self, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Return which rows changed, how far, and the figures before and after, shape (2, rows)."""
        if not self._classes:
            figures = np.array([[row["value"] for row in side] for side in (before, after)], dtype=np.float64)
            size = np.abs(figures[1] - figures[0])
            return size > _ROUNDING * np.abs(figures).max(axis=0), size, figures
        pairs = [(old["label"], new["label"]) for old, new in zip(before, after, strict=True)]
        self._moves.update(pairs)
        sides = np.array([[self._probabilities(row) for row in side] for side in (before, after)])
        size = np.abs(sides[1] - sides[0]).sum(axis=1) / 2
        figures = sides[:, :, 1] if len(self._classes) == 2 else sides.max(axis=2)
        return np.array([old != new for old, new in pairs]), size, figures

    def _probabilities(self, row: Mapping[str, Any]) -> list[float]:
        told = row["probabilities"]
        return [told.get(each, 0.0) for each in self._classes]

    def _count(self, figures: Floats) -> None:
        if not self._edges.size:
            self._edges = np.unique(np.quantile(figures[0], np.linspace(0.1, 0.9, 9)))
        places = np.searchsorted(self._edges, figures, "right")
        counts = np.array([np.bincount(each, minlength=len(self._edges) + 1) for each in places])
        self._counts = counts if not self._counts.size else self._counts + counts
        if not self._classes:
            fresh = np.vstack([self._random.random(figures.shape[1]), figures]).T
            self._sample = np.concatenate([self._sample, fresh])
            if len(self._sample) > 2 * _SAMPLE:
                self._sample = self._sample[np.argpartition(self._sample[:, 0], _SAMPLE)[:_SAMPLE]]

    def _keep_examples(
        self,
        ids: Sequence[str],
        size: Floats,
        before: Sequence[Mapping[str, Any]],
        after: Sequence[Mapping[str, Any]],
    ) -> None:
        for place in np.argsort(-size)[:_EXAMPLES].tolist():
            if not size[place]:
                return
            example = Example(
                id=ids[place], before=before[place], after=after[place], size=float(size[place])
            )
            number_ = self._rows - len(ids) + place
            kept = (example.size, -number_, example)  # of equal ones the first is kept
            if len(self._examples) < _EXAMPLES:
                heapq.heappush(self._examples, kept)
            else:
                heapq.heappushpop(self._examples, kept)

    def _shifts(self) -> list[Shift]:
        if not self._classes:
            return [self._shift("value", _ranges(self._edges), self._counts / self._rows)]
        labels = sorted({label for pair in self._moves for label in pair})
        shares = np.zeros((2, len(labels)))
        for pair, many in self._moves.items():
            for side, label in enumerate(pair):
                shares[side, labels.index(label)] += many / self._rows
        score = f"probability of {self._classes[1]}" if len(self._classes) == 2 else "highest probability"
        return [
            self._shift("label", labels, shares),
            self._shift(score, _ranges(self._edges), self._counts / self._rows),
        ]

    def _shift(self, name: str, labels: Sequence[str], shares: Floats) -> Shift:
        bins = tuple(
            Bin(label=label, before=float(old), now=float(new))
            for label, old, new in zip(labels, *shares, strict=True)
        )
        return Shift(name=name, psi=raw_index(bins, self._rows, self._rows), bins=bins)

    def _quantiles(self) -> list[Quantile]:
        before, after = self._sample[:, 1], self._sample[:, 2]
        told = [np.quantile(values, QUANTILES).tolist() for values in (before, after, after - before)]
        return [
            Quantile(level=level, before=old, after=new, change=change)
            for level, old, new, change in zip(QUANTILES, *told, strict=True)
        ]


def _ranges(edges: Floats) -> list[str]:
    """Name what lies between edges, each being part of the range that it begins."""
    inner = [f"{number(low)} – {number(high)}" for low, high in pairwise(edges.tolist())]
    return [f"< {number(float(edges[0]))}", *inner, f"≥ {number(float(edges[-1]))}"]
