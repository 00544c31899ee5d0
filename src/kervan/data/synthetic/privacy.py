"""How private a synthetic table is: whether its rows lie nearer to those that were learned than to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.data.synthetic.report import Privacy

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.synthetic.copula import Copula
    from kervan.data.synthetic.marginal import Marginal

    Floats = NDArray[np.float64]

_MOST = 2_000  # rows of each whose distances are measured
_LEAST = 30


def privacy(
    copula: Copula, train: pl.DataFrame, held_out: pl.DataFrame, synthetic: pl.DataFrame, seed: int
) -> Privacy:
    """Compare a synthetic table with the rows that it was fitted to, and with others of the same kind.

    Distances are of columns between 0 and 1: numbers by their rank, the rest by being equal. Platzer,
    Reutterer: Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data, 2021.
    """
    known = [each for each in copula.marginals if not each.is_label]
    names = [each.name for each in known]
    nearer, ratio = _nearness(known, train, held_out, synthetic, seed)
    return Privacy(
        equal=_equal(synthetic.select(names), train.select(names)),
        equal_held_out=_equal(held_out.select(names), train.select(names)),
        nearer=nearer,
        ratio=ratio,
    )


def _nearness(
    known: list[Marginal], train: pl.DataFrame, held_out: pl.DataFrame, synthetic: pl.DataFrame, seed: int
) -> tuple[float | None, float | None]:
    count = min(_MOST, train.height, held_out.height)
    if count < _LEAST or not known:
        return None, None
    rows = synthetic.sample(min(_MOST, synthetic.height), seed=seed)
    distances = [_nearest(known, rows, table.sample(count, seed=seed)) for table in (train, held_out)]
    learned, other = distances
    nearer = float(np.mean(learned < other) + np.mean(learned == other) / 2)
    return nearer, float(np.median(learned) / max(np.median(other), 1e-12)) if np.median(other) else 1.0


def _nearest(known: list[Marginal], rows: pl.DataFrame, others: pl.DataFrame) -> Floats:
    """Return how far each row is from the nearest of others."""
    total = np.zeros((rows.height, others.height))
    for each in known:
        ours, theirs = (_places(each, table) for table in (rows, others))
        if each.levels:
            total += ours[:, None] != theirs[None, :]
        else:
            total += np.abs(ours[:, None] - theirs[None, :])
    return np.asarray(total.min(axis=1), dtype=np.float64)


def _places(marginal: Marginal, table: pl.DataFrame) -> Floats:
    """Return the level of each value, or its rank between 0 and 1; missing values are -1."""
    from scipy.special import ndtr

    if marginal.levels:
        return marginal.codes(table[marginal.name]).astype(np.float64)
    ranks = ndtr(marginal.scores(table[marginal.name]))
    return np.asarray(np.nan_to_num(ranks, nan=-1.0), dtype=np.float64)


def _equal(rows: pl.DataFrame, others: pl.DataFrame) -> float:
    """Return the share of rows that equal one of others in all columns."""
    if not rows.height or not rows.width:
        return 0.0
    found = rows.join(others.unique(), on=rows.columns, how="semi", nulls_equal=True)
    return found.height / rows.height
