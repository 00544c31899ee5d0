"""Rows of the training part that lie far from the others: left out before a model learns from them.

The validation and the test part keep theirs, as production will send such rows too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.plugins import extras_named
from kervan.data.steps.columns import known

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.shaping import Outliers

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

_NORMAL = 1.4826  # the median absolute deviation of a normal distribution is its deviation divided by this


def within(table: pl.DataFrame, step: Outliers, seed: int) -> pl.DataFrame:
    """Return the rows in which no number that the step names is an outlier; missing values are none."""
    import polars as pl

    place = "[[data.steps]] outliers"
    known(step.outliers, table, place)
    if step.detector not in DETECTORS:
        hint = did_you_mean(step.detector, tuple(DETECTORS))
        raise InvalidConfig(f"{place}: there is no detector {step.detector!r}", hint=hint)
    for name in step.outliers:
        if not table[name].dtype.is_numeric():
            raise InvalidConfig(f"{place}: {name!r} holds no numbers", hint="parse it in a step before")
    detect, usual = DETECTORS[step.detector]
    limit = usual if step.limit is None else step.limit
    if limit <= 0:
        raise InvalidConfig(f"{place}: limit = {limit:g} is not above 0")
    values = np.column_stack([table[name].cast(pl.Float64).to_numpy() for name in step.outliers])
    return table.filter(pl.Series(~detect(values, limit, seed)))


def _by_quartiles(values: Floats, limit: float, seed: int) -> Mask:
    """Beyond `limit` interquartile ranges from the quartiles (Tukey, Exploratory Data Analysis, 1977)."""
    lower, upper = np.nanpercentile(values, [25, 75], axis=0)
    reach = limit * (upper - lower)
    return _some((values < lower - reach) | (values > upper + reach))


def _by_deviation(values: Floats, limit: float, seed: int) -> Mask:
    """More than `limit` standard deviations from the mean."""
    apart = np.abs(values - np.nanmean(values, axis=0))
    return _some(apart > limit * np.nanstd(values, axis=0, ddof=1))


def _by_median(values: Floats, limit: float, seed: int) -> Mask:
    """More than `limit` scaled median absolute deviations from the median (Iglewicz and Hoaglin, 1993)."""
    apart = np.abs(values - np.nanmedian(values, axis=0))
    scale = _NORMAL * np.nanmedian(apart, axis=0)
    return _some(apart > np.where(scale > 0, limit * scale, np.inf))


def _by_isolation(values: Floats, limit: float, seed: int) -> Mask:
    """The share `limit` of the rows that random trees part first (Liu, Ting and Zhou, 2008)."""
    with extras_named():
        from sklearn.ensemble import IsolationForest

    if limit > 0.5:
        raise InvalidConfig(
            f"[[data.steps]] outliers: limit = {limit:g} is no share of outliers", hint="give at most 0.5"
        )
    filled = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    found = IsolationForest(contamination=limit, random_state=seed).fit_predict(filled)
    return np.asarray(found == -1)


def _some(far: Mask) -> Mask:
    return np.asarray(far.any(axis=1))


# How outliers are found, and from where on by default.
DETECTORS: dict[str, tuple[Callable[[Floats, float, int], Mask], float]] = {
    "iqr": (_by_quartiles, 1.5),
    "zscore": (_by_deviation, 3.0),
    "mad": (_by_median, 3.5),
    "isolation": (_by_isolation, 0.01),
}
