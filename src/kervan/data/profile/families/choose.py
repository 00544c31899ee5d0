"""The family that fits values best: by its BIC, if its distribution is near enough to theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.families.continuous import continuous
from kervan.data.profile.families.discrete import discrete
from kervan.data.profile.families.modes import multimodal
from kervan.data.profile.nouns import Family

if TYPE_CHECKING:
    from kervan.data.profile.families.fit import Fit, Floats

FEWEST = 50  # values, before anything is said
FAR = 0.06  # from this distance of Kolmogorov and Smirnov on, no family fits
_FEW = 20  # different whole numbers, below which no continuous family is meant
_LARGEST_COUNT = 5000
_ATOM = 0.02  # zeros that are more than this share of numbers are a part of their own
_ALONE = 5  # times as many as of any other value
_GRID = 2001
_NEAREST, _FARTHEST = 1e-100, 1e100
_GRAIN = 1e-12  # of the largest value


def family_of(values: Floats, *, is_whole: bool, distinct: int) -> Family | None:
    """Return the family of values in rising order, None if they are too few to tell.

    A family named "other" fits best, and not well. Whole numbers are compared with families of whole
    numbers and with continuous ones; the values of which are then spread over the unit around them.
    """
    if distinct == 1:
        return Family(name="constant", values=len(values))
    with np.errstate(all="ignore"):
        if len(values) < FEWEST or distinct < 3 or not _can_be_told(values):
            return None
        inflated = _inflated(values)
        if inflated and not is_whole:
            return inflated
        best = _best(values, is_whole=is_whole)
    return inflated if inflated and (best is None or best.name == "other") else best


def _can_be_told(values: Floats) -> bool:
    """Say whether values lie as far apart as arithmetic needs.

    Squares of what is beyond are no numbers any more, and between neighbours among the numbers lies nothing.
    """
    low, high = float(values[0]), float(values[-1])
    if not _NEAREST < high - low < _FARTHEST or max(-low, high) > _FARTHEST:
        return False
    return high - low > _GRAIN * max(-low, high)


def _inflated(values: Floats) -> Family | None:
    """Return zeros that stand alone among other values, which are many different ones."""
    others = values[values != 0]
    zeros = 1 - len(others) / len(values)
    if zeros <= _ATOM or zeros <= _ALONE * _largest_atom(others) * len(others) / len(values):
        return None
    parameters = (("zeros", zeros), ("mean_of_others", float(others.mean())))
    return Family(name="zero-inflated", parameters=parameters, values=len(values))


def _best(values: Floats, *, is_whole: bool) -> Family | None:
    fits: list[tuple[Fit, Floats]] = []
    if is_whole and values[0] >= 0 and values[-1] - values[0] <= _LARGEST_COUNT:
        fits += [(fit, values) for fit in discrete(values)]
    if is_whole and np.count_nonzero(np.diff(values)) < _FEW:
        return _judged(fits, values)
    smooth = _spread_ties(values) if is_whole else values
    lone = [fit for fit in (multimodal(smooth),) if fit]
    fits += [(fit, smooth) for fit in [*continuous(smooth), *lone]]
    return _judged(fits, values)


def _judged(fits: list[tuple[Fit, Floats]], values: Floats) -> Family | None:
    """Return the fit of the least criterion, named "other" where it is far from the values."""
    if not fits:
        return None
    ranked = sorted(fits, key=lambda each: each[0].criterion(len(values)))
    best = ranked[0][0]
    others = [fit for fit, _ in ranked if fit.name != best.name]
    second = others[0] if others else best
    distance = _distance(best, ranked[0][1], values)
    ahead = (second.criterion(len(values)) - best.criterion(len(values))) / len(values)
    is_near = distance < FAR
    return Family(
        name=best.name if is_near else "other",
        parameters=tuple(best.parameters.items()) if is_near else (),
        distance=distance,
        second=second.name if is_near else best.name,
        ahead=float(ahead),
        values=len(values),
    )


def _largest_atom(values: Floats) -> float:
    """Return the share of the most frequent among values in rising order."""
    if not len(values):
        return 1.0
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values) != 0]))
    return float(np.diff([*starts.tolist(), len(values)]).max() / len(values))


def _spread_ties(values: Floats) -> Floats:
    """Spread equal whole numbers evenly over the unit around them."""
    _, starts, counts = np.unique(values, return_index=True, return_counts=True)
    inside = np.arange(len(values)) - np.repeat(starts, counts)
    return values + (inside + 0.5) / np.repeat(counts, counts) - 0.5


def _distance(fit: Fit, used: Floats, values: Floats) -> float:
    """Return the largest distance between the distribution functions of the values and of the fit."""
    if used is values and fit.free and _is_discrete(fit, values):
        steps = np.arange(values[0], values[-1] + 1)
        told = np.cumsum(np.exp(fit.log_density(steps)))
        there = np.searchsorted(values, steps, "right") / len(values)
        return float(np.abs(told - there).max())
    # Along the values themselves, so that the grid is fine where they are many; the tails are left out.
    levels = np.linspace(0, 1, _GRID)
    grid = np.interp(levels, (np.arange(len(used)) + 0.5) / len(used), used)
    density = np.exp(fit.log_density(grid))
    density = np.where(np.isfinite(density), density, 0.0)
    told = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    total = told[-1]
    return float(np.abs(told / total - levels).max()) if total > 0 else 1.0


def _is_discrete(fit: Fit, values: Floats) -> bool:
    return bool((values == np.rint(values)).all()) and fit.name in {
        "uniform",
        "Poisson",
        "zero-inflated",
        "geometric",
        "binomial",
        "negative binomial",
    }
