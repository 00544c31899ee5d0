"""Intervals of errors: means of what each row loses, by a studentised bootstrap.

Each resample's mean is measured in its own standard errors, and so many of those are laid off from the
mean of the rows (B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12). Errors
have long tails, though, and rows that were not drawn cannot be resampled: the largest errors of all are
missing, and with them most of the doubt. So a second population is drawn from as well, in which the upper
losses follow the log-normal distribution that fits them; the interval takes in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import absolute_error, squared_error, surprise
from kervan.model.interval import LEVEL, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from kervan.model.formulas import Floats

_RESAMPLES = 1000
_FEWEST = 200
_DRAWS = 20_000_000  # rows drawn in all: many rows need fewer resamples for the same seconds
_AT_ONCE = 2_000_000
_BODIES = (0.5, 0.75)  # shares of the rows whose losses are taken as they are, below a fitted tail
_FEWEST_IN_TAIL = 5
_STEEPEST = 20.0  # a fitted tail beyond it overflows, and says nothing
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def of_rmse(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the square root of the mean squared error."""
    found = mean_interval(squared_error(truth, values), random)
    if found is None:
        return None
    return Interval(low=found.low**0.5, high=found.high**0.5, heaviest=found.heaviest)


def of_mae(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the mean absolute error."""
    return mean_interval(absolute_error(truth, values), random)


def of_log_loss(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the mean negative log-likelihood.

    Where all rows lose the same, another row may still lose all that can be lost: as many as can stay
    unseen with a chance of 2.5 %.
    """
    losses = surprise(truth, values)
    found = mean_interval(losses, random)
    if found is not None:
        return found
    unseen = 1 - _TAILS[0] ** (1 / len(losses))
    most = -np.log(np.finfo(np.float32).eps)
    return Interval(low=0.0, high=float(losses[0] + unseen * (most - losses[0])))


def of_r2(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the explained share of variance."""
    if not np.ptp(truth):
        return None
    return spared_interval(squared_error(truth, values), np.square(truth - truth.mean()), random)


def of_median(truth: NDArray[Any], values: Floats) -> Interval | None:
    """Return the interval of the median absolute error: two of the errors themselves, by the binomial.

    H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1. It is exact, whatever the tails,
    and there is none for fewer than six rows.
    """
    from scipy.stats import binom

    errors = np.sort(absolute_error(truth, values))
    rows = len(errors)
    place = int(binom.ppf(_TAILS[0], rows, 0.5))
    if place < 1 or errors[0] == errors[-1]:
        return None
    return Interval(low=float(errors[place - 1]), high=float(errors[rows - place]))


def mean_interval(losses: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the mean of losses, none of them negative; None if all are the same."""
    rows = len(losses)
    if rows < 2 or not np.isfinite(losses.sum()) or not np.ptp(losses):
        return None
    mean, error = float(losses.mean()), float(losses.std() / np.sqrt(rows))
    tails = (_with_tail(np.sort(losses), body, random) for body in _BODIES)
    told = [_studentised(lambda places: losses[places], mean, rows, random), *filter(None, tails)]
    low = min(mean - high * error for _, high in told)
    high = max(mean - low * error for low, _ in told)
    return Interval(low=max(low, float(losses.min())), high=high, heaviest=float(losses.max() / losses.sum()))


def signed_interval(values: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the mean of values that may be below 0, with long tails on both sides."""
    above, below = mean_interval(values, random), mean_interval(-values, random)
    if above is None or below is None:
        return None
    return Interval(low=min(above.low, -below.high), high=max(above.high, -below.low))


def spared_interval(lost: Floats, whole: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of the share of a loss that answers spare, of what is lost without them."""
    found = share_interval(lost, whole, random)
    return found and Interval(low=1 - found.high, high=1 - found.low, heaviest=found.heaviest)


def share_interval(lost: Floats, whole: Floats, random: np.random.Generator) -> Interval | None:
    """Return the interval of what is lost as a share of the whole, by the logarithm of it.

    Neither is negative in any row. None if all rows lose the same, or if there is nothing to lose.
    """
    rows = len(lost)
    tails = mean_interval(lost, random)
    if rows < 3 or tails is None or not np.isfinite(whole.sum()) or not whole.any():
        return None
    known = _share(lost[None], whole[None])
    drawn: list[Floats] = []
    for places in _draws(rows, random):
        level, error = _share(lost[places], whole[places])
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn.append((level - known[0]) / error)
    ends = np.exp(known[0] - np.flip(_ends(np.concatenate(drawn))) * known[1])
    mean = float(whole.mean())
    return Interval(
        low=float(min(ends[0], tails.low / mean)),
        high=float(max(ends[1], tails.high / mean)),  # with longer tails than the rows show
        heaviest=tails.heaviest,
    )


def _with_tail(ordered: Floats, body: float, random: np.random.Generator) -> tuple[float, float] | None:
    """Return the ends of studentised means where the losses above the body are log-normal."""
    from scipy.special import ndtr, ndtri

    rows = len(ordered)
    start = int(rows * body)
    if rows - start < _FEWEST_IN_TAIL or ordered[start] <= 0 or ordered[start] == ordered[-1]:
        return None
    normal = ndtri((np.arange(start, rows) + 0.5) / rows)
    logs = np.log(ordered[start:])
    apart = normal - normal.mean()
    slope = apart @ logs / (apart @ apart) * (1 + 1 / np.sqrt(rows - start))  # one error more than it seems
    level = logs.mean() - slope * normal.mean()
    if slope > _STEEPEST:
        return None
    share = start / rows
    mean = ordered[:start].sum() / rows + np.exp(level + slope**2 / 2) * ndtr(slope - ndtri(share))

    def population(places: NDArray[np.int64]) -> Floats:
        drawn: Floats = ordered[places]
        above = places >= start
        levels = (places[above] + random.random(int(above.sum()))) / rows
        drawn[above] = np.exp(level + slope * ndtri(levels))
        return drawn

    return _studentised(population, float(mean), rows, random)


def _studentised(
    draw: Callable[[NDArray[np.int64]], Floats], mean: float, rows: int, random: np.random.Generator
) -> tuple[float, float]:
    """Return where 95 % of the means of drawn rows lie, in their own standard errors from `mean`."""
    found: list[Floats] = []
    for places in _draws(rows, random):
        drawn = draw(places)
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append((drawn.mean(axis=1) - mean) / (drawn.std(axis=1) / np.sqrt(rows)))
    return _ends(np.concatenate(found))


def _draws(rows: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield places of drawn rows, shape (resamples, rows), a few resamples at a time."""
    left = min(_RESAMPLES, max(_FEWEST, _DRAWS // rows))
    while left > 0:
        some = min(left, max(1, _AT_ONCE // rows))
        yield random.integers(rows, size=(some, rows))
        left -= some


def _ends(drawn: Floats) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not known.size:  # errors so small that none of their spreads is a number
        return np.nan, np.nan
    low, high = np.quantile(known, _TAILS)
    return float(low), float(high)


def _share(lost: Floats, whole: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of the share that is lost and its standard error, by resample."""
    of_lost, of_whole = lost.mean(axis=1, keepdims=True), whole.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = lost / of_lost - whole / of_whole
        level = np.log(of_lost / of_whole)[:, 0]
    return level, pull.std(axis=1) / np.sqrt(lost.shape[1])
