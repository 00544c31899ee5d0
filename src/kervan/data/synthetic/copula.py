"""How columns hang together: a Gaussian copula over their own distributions.

Rows are drawn from a normal distribution of many dimensions whose correlations are those of the columns'
normal scores, and each coordinate is taken back to values by its column's distribution (Nelsen: An
Introduction to Copulas, 2006, chapter 2; for tables Patki, Wedge, Veeramachaneni: The Synthetic Data Vault,
2016). Libraries for it are either under a licence that is not open, or heavy, or left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidInput
from kervan.data.synthetic.marginal import Marginal, marginal_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_ROWS = 10_000_000
_STRONGEST = 0.995
_SMALLEST = 1e-6  # eigenvalue
_PIECE = 100_000  # rows that are drawn at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Copula:
    """Fitted columns and the square root of their correlations.

    After the columns come, in their order, those of `gaps` as being missing or not.
    """

    marginals: tuple[Marginal, ...]
    gaps: tuple[int, ...]
    root: Floats

    def draw(self, rows: int, seed: int) -> pl.DataFrame:
        """Return rows that follow the fitted table: the same for the same seed."""
        import polars as pl

        if not 1 <= rows <= MOST_ROWS:
            raise InvalidInput(f"{rows:,} rows cannot be drawn", hint=f"ask for 1 to {MOST_ROWS:,}")
        random = np.random.default_rng(seed)
        pieces = [self._piece(min(_PIECE, rows - start), random) for start in range(0, rows, _PIECE)]
        whole = pl.concat(pieces)
        labels = [each.values(np.empty(rows)) for each in self.marginals if each.is_label]
        return whole.with_columns(
            pl.when(whole[each.name].is_not_null()).then(each).otherwise(None).alias(each.name)
            for each in labels
        )

    def _piece(self, rows: int, random: np.random.Generator) -> pl.DataFrame:
        import polars as pl
        from scipy.special import ndtr

        uniform = ndtr(random.standard_normal((rows, len(self.root))) @ self.root.T)
        columns = [each.values(uniform[:, at]) for at, each in enumerate(self.marginals)]
        for at, place in enumerate(self.gaps):
            missing = uniform[:, len(columns) + at] < self.marginals[place].missing
            columns[place] = columns[place].set(pl.Series(missing), None)
        return pl.DataFrame(columns)


def fit(table: pl.DataFrame, target: str = "") -> Copula:
    """Fit the columns of a table, and how they hang together; categories are ordered by the target."""
    marginals = [marginal_of(column) for column in table.get_columns()]
    marginals = _ordered(marginals, table, target)
    gaps = tuple(at for at, each in enumerate(marginals) if 0 < each.missing < 1)
    return Copula(marginals=tuple(marginals), gaps=gaps, root=_root(correlations(marginals, gaps, table)))


def scores_of(marginals: Sequence[Marginal], gaps: Sequence[int], table: pl.DataFrame) -> Floats:
    """Return normal scores of shape (rows, columns and gaps), NaN where a value has none."""
    columns = [each.scores(table[each.name]) for each in marginals]
    columns += [_gap_scores(table[marginals[place].name], marginals[place].missing) for place in gaps]
    return np.stack(columns, axis=1) if columns else np.empty((table.height, 0))


def correlations(marginals: Sequence[Marginal], gaps: Sequence[int], table: pl.DataFrame) -> Floats:
    """Return the correlations of the normals behind the columns, each over rows in which both have values.

    The scores of values that take up much room vary less than the normal behind them: their covariance is
    that of the normals, times both variances, in the first order of Mehler's expansion.
    """
    scores = scores_of(marginals, gaps, table)
    there = ~np.isnan(scores)
    filled = np.where(there, scores, 0.0)
    together = there.astype(np.float64)
    count = np.maximum(together.T @ together, 1.0)
    mean = filled.sum(axis=0) / np.maximum(together.sum(axis=0), 1.0)
    filled = np.where(there, scores - mean, 0.0)
    covariance = filled.T @ filled / count
    variance = np.diag(covariance).copy()
    shrunk = np.outer(variance, variance)
    found = np.divide(covariance, shrunk, out=np.zeros_like(covariance), where=shrunk > _SMALLEST**2)
    found = np.clip(found, -_STRONGEST, _STRONGEST)
    np.fill_diagonal(found, 1.0)
    return found


def _gap_scores(column: pl.Series, missing: float) -> Floats:
    """Return the scores of being missing: low ones, as a draw below its share makes a gap."""
    import polars as pl

    gap = Marginal(
        name=column.name, dtype=pl.Boolean(), levels=(True, False), shares=np.array([missing, 1 - missing])
    )
    return gap.scores(column.is_null())


def _ordered(marginals: list[Marginal], table: pl.DataFrame, target: str) -> list[Marginal]:
    """Order the levels of texts by the mean of the target's score; those of the target stay by how many."""
    goal = next((each for each in marginals if each.name == target), None)
    if goal is None or goal.is_label:
        return marginals
    scores = goal.scores(table[target])
    there = ~np.isnan(scores)

    def means(marginal: Marginal) -> Floats:
        codes = marginal.codes(table[marginal.name])
        used = there & (codes >= 0)
        count = np.bincount(codes[used], minlength=len(marginal.levels))
        total = np.bincount(codes[used], weights=scores[used], minlength=len(marginal.levels))
        return np.asarray(total / np.maximum(count, 1), dtype=np.float64)

    return [
        each.in_order(means(each)) if each.is_nominal and each.name != target else each for each in marginals
    ]


def _root(matrix: Floats) -> Floats:
    """Return the square root of the nearest matrix that correlations can have, by its eigenvalues."""
    if not len(matrix):
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.maximum(values, _SMALLEST))
    return np.asarray(root / np.linalg.norm(root, axis=1, keepdims=True), dtype=np.float64)
