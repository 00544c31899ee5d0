"""How close a synthetic table is to the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.data.synthetic.copula import scores_of
from kervan.data.synthetic.report import Closeness, ColumnDistance

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.synthetic.copula import Copula
    from kervan.data.synthetic.marginal import Marginal

    Floats = NDArray[np.float64]

_MOST = 3_000  # rows of each that a classifier learns to tell apart
_LEAST = 30
_FOLDS = 3


def closeness(copula: Copula, real: pl.DataFrame, synthetic: pl.DataFrame, seed: int) -> Closeness:
    """Compare a synthetic table with the real rows that it was fitted to."""
    columns = [_distance(each, real[each.name], synthetic[each.name]) for each in copula.marginals]
    there, here = (_correlations(copula, table) for table in (real, synthetic))
    difference = np.triu(np.abs(there - here), 1)
    pairs = len(difference) * (len(difference) - 1) / 2
    farthest = np.unravel_index(int(difference.argmax()), difference.shape) if pairs else ()
    return Closeness(
        columns=tuple(sorted(columns, key=lambda each: -(each.distance or 0))),
        pairs=float(difference.sum() / pairs) if pairs else 0.0,
        farthest=tuple(copula.marginals[int(at)].name for at in farthest),
        farthest_pair=float(difference.max()) if pairs else 0.0,
        auc=told_apart(copula, real, synthetic, seed),
    )


def told_apart(copula: Copula, real: pl.DataFrame, synthetic: pl.DataFrame, seed: int) -> float | None:
    """Return how well boosted trees tell the two apart, by cross-validation: the classifier two-sample test.

    Lopez-Paz, Oquab: Revisiting Classifier Two-Sample Tests, 2017. None with too few rows.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    count = min(_MOST, real.height, synthetic.height)
    if count < _LEAST:
        return None
    known = [each for each in copula.marginals if not each.is_label]
    if not known:
        return None
    sampled = [table.sample(count, seed=seed) for table in (real, synthetic)]
    matrix = np.concatenate([np.stack([_codes(each, table) for each in known], axis=1) for table in sampled])
    side = np.repeat([0, 1], count)
    trees = HistGradientBoostingClassifier(max_iter=50, early_stopping=False, random_state=seed)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    score = cross_val_predict(trees, matrix, side, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(side, score))


def _codes(marginal: Marginal, table: pl.DataFrame) -> Floats:
    """Return a column as numbers: those of its order, and NaN for missing values, which trees can take."""
    import polars as pl

    column = table[marginal.name]
    if marginal.levels:
        codes = marginal.codes(column).astype(np.float64)
        return np.where(column.is_null().to_numpy(), np.nan, codes)
    physical = column.to_physical() if column.dtype.is_temporal() else column
    return physical.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _distance(marginal: Marginal, real: pl.Series, synthetic: pl.Series) -> ColumnDistance:
    from scipy.stats import ks_2samp

    distance: float | None = None
    there, here = real.drop_nulls(), synthetic.drop_nulls()
    if len(there) and len(here) and not marginal.is_label:
        if marginal.levels:
            distance = _total_variation(there, here)
        else:
            pair = [
                (each.to_physical() if each.dtype.is_temporal() else each).to_numpy()
                for each in (there, here)
            ]
            distance = float(ks_2samp(*pair).statistic)
    return ColumnDistance(
        name=marginal.name,
        distance=distance,
        missing=synthetic.null_count() / len(synthetic),
        missing_real=real.null_count() / len(real),
    )


def _total_variation(real: pl.Series, synthetic: pl.Series) -> float:
    import polars as pl

    shares = [each.alias("v").value_counts(normalize=True, name="share") for each in (real, synthetic)]
    both = shares[0].join(shares[1], on="v", how="full", coalesce=True).fill_null(0.0)
    return float(both.select((pl.col("share") - pl.col("share_right")).abs().sum() / 2).item())


def _correlations(copula: Copula, table: pl.DataFrame) -> Floats:
    """Return the correlations of a table's normal scores; values without a score are in the middle."""
    scores = scores_of(copula.marginals, (), table)
    filled = np.where(np.isnan(scores), 0.0, scores)
    filled = filled - filled.mean(axis=0)
    deviation = np.sqrt(np.square(filled).mean(axis=0))
    scale = np.outer(deviation, deviation)
    product = filled.T @ filled / len(filled)
    found = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return np.asarray(found, dtype=np.float64)
