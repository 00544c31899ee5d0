"""Whether bounded figures, as of one version's loss less the other's on the same rows, are above a bound."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Stakes, as parts of the largest that cannot ruin, and how much is put on each: where a difference of a few
# points lies among a few answers in a hundred that changed, the best stake is about 0.4.
_STAKES = np.array([0.1, 0.2, 0.4, 0.8])
_PRIOR = np.log(np.array([0.1, 0.15, 0.65, 0.1]))
_STEP = 1e-3  # figures are kept to this


class Differences:
    """Figures between -1 and 1, of which the mean is asked; they are kept as counts.

    Somebody who starts with 1 and stakes a part λ on each figure being above m has W = Π (1 + λ (d - m)). If
    the mean of each next figure is at most m, given all before, nobody can hope to win: W, and the mean over
    several λ, is an e-process. (I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by
    betting, Journal of the Royal Statistical Society B 86 (1), 2024; the mean over fixed stakes as in
    F. Orabona, K.-S. Jun, Tight concentrations and confidence sequences from the regret of universal
    portfolio, IEEE Transactions on Information Theory 70, 2024.)

    >>> seen = Differences()
    >>> seen.add([0.0] * 90 + [1.0] * 10)
    >>> seen.mean, seen.log_above(0.0) > math.log(10)
    (0.1, True)
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sum = 0.0
        self.count = 0

    def add(self, figures: Iterable[float]) -> None:
        """Take in more; what is beyond -1 or 1 counts as that."""
        for figure in figures:
            held = min(max(figure, -1.0), 1.0)
            self._counts[round(held / _STEP)] += 1
            self._sum += held
            self.count += 1

    @property
    def mean(self) -> float | None:
        """The mean of all figures, None without any."""
        return self._sum / self.count if self.count else None

    def log_above(self, bound: float) -> float:
        """Return the logarithm of the e-value against "the mean is at most `bound`"."""
        figures, counts = self._arrays()
        return float(log_wealth(figures, counts, bound))

    def log_below(self, bound: float) -> float:
        """Return the logarithm of the e-value against "the mean is at least `bound`"."""
        figures, counts = self._arrays()
        return float(log_wealth(-figures, counts, -bound))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return both ends of where the mean lies; the chance that they are ever wrong is at most `alpha`."""
        if self.mean is None:
            return -1.0, 1.0
        figures, counts = self._arrays()
        least = _last_refused(figures, counts, self.mean, alpha / 2)
        most = -_last_refused(-figures, counts, -self.mean, alpha / 2)
        return least, most

    def _arrays(self) -> tuple[Floats, Floats]:
        figures = np.fromiter(self._counts, np.float64, len(self._counts)) * _STEP
        return figures, np.fromiter(self._counts.values(), np.float64, len(self._counts))


def log_wealth(figures: Floats, counts: Floats, bound: float) -> Floats:
    """Return the logarithm of what betting brings that the mean of figures is above a bound.

    `counts` says how often each of `figures` came; a second dimension is for as many histories.
    """
    stakes = _STAKES[:, None] / (1 + bound)
    logs = np.log1p(stakes * (figures - bound)) @ counts
    won: Floats = np.logaddexp.reduce((logs.T + _PRIOR).T)
    return won


def _last_refused(figures: Floats, counts: Floats, mean: float, alpha: float) -> float:
    """Return the largest bound below the mean that is refused: evidence falls as the bound rises."""
    low, high = -1 + 1e-6, mean
    if high <= low or log_wealth(figures, counts, low) < -math.log(alpha):
        return -1.0
    while high - low > 1e-5:
        middle = (low + high) / 2
        is_refused = log_wealth(figures, counts, middle) >= -math.log(alpha)
        low, high = (middle, high) if is_refused else (low, middle)
    return low
