"""Whether production's values differ from training's by more than chance: by order, or by shares of bins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.data.profile import NumberProfile
    from kervan.monitor.bins import Bin


EXPECTED = 5  # rows: chi-square is not to be believed where fewer are expected in a bin


def distance(reference: NumberProfile, ordered: NDArray[np.float64]) -> float:
    """Return the largest difference of the two distribution functions, 0 to 1, at the reference's quantiles.

    There the reference's function is known exactly on both sides of a tie, so that a column full of equal
    values shows no difference that is not there. Between them it is unknown by at most 1 %, and the true
    distance is greater by that at most.
    """
    below = np.searchsorted(ordered, reference.quantiles, "left") / len(ordered)
    upto = np.searchsorted(ordered, reference.quantiles, "right") / len(ordered)
    apart = [np.abs(below - reference.below).max(), np.abs(upto - reference.upto).max()]
    return float(max(apart))


def p_value(found: float, values: int, reference_values: int) -> float:
    """Return the chance of such a distance, or a larger one, between two samples without any drift.

    It is two-sided, with n·m/(n+m) as the size of the sample (as in `scipy.stats.ks_2samp`); where there
    are ties the true chance is smaller.
    """
    with extras_named():
        from scipy.stats import kstwo
    size = values * reference_values / (values + reference_values)
    return float(np.clip(kstwo.sf(found, max(1, round(size))), 0, 1))


def difference_chance(bins: Sequence[Bin], rows: int, reference_rows: int) -> float:
    """Return the chance that shares differ so much, or more, without any drift.

    Two things are asked of the samples of `rows` and `reference_rows`, and the chance is that of either.
    Do they differ on the whole: Pearson's chi-square (Biometrika 8, 1911), with neighbouring bins in one
    until five rows are expected of each (Cochran's rule). Does one bin differ alone: the binomial of its
    rows in both, exact for the rarest of bins too, times the number of bins.
    """
    with extras_named():
        from scipy.special import betainc, chdtrc
    counts = np.round([[each.now * rows, each.before * reference_rows] for each in bins])
    part = rows / (rows + reference_rows)
    now, total = counts[:, 0], counts.sum(axis=1)
    above = np.where(now > 0, betainc(np.maximum(now, 1), total - now + 1, part), 1.0)
    upto = np.where(now < total, betainc(np.maximum(total - now, 1), now + 1, 1 - part), 1.0)
    alone = 2 * len(counts) * float(np.minimum(above, upto).min())
    merged = _filled(counts, min(part, 1 - part))
    if len(merged) < 2:
        return min(1.0, alone)
    expected = merged.sum(axis=1, keepdims=True) * merged.sum(axis=0) / merged.sum()
    whole = float(chdtrc(len(merged) - 1, ((merged - expected) ** 2 / expected).sum()))
    return min(1.0, 2 * min(whole, alone))


def _filled(counts: NDArray[np.float64], part: float) -> NDArray[np.float64]:
    """Return the counts with neighbouring bins in one, until the smaller sample has `EXPECTED` in each."""
    found: list[NDArray[np.float64]] = []
    left = np.zeros(2)
    for each in counts:
        left = left + each
        if left.sum() * part >= EXPECTED:
            found.append(left)
            left = np.zeros(2)
    if found:
        found[-1] = found[-1] + left
    return np.array(found)
