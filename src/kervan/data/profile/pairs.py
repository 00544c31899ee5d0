"""How columns go together, each pair measured as the kinds of its columns ask for."""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.coded import Coded, table_of
from kervan.data.profile.nouns import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MOST_COLUMNS = 100  # that are paired: those that tell most of the target, or the first
MOST_PAIRS = 800  # that are kept: the strongest
MOST_CATEGORIES = 100
FEWEST_ROWS = 20
FEWEST_SHARE = 0.05  # of the sampled rows, in which both columns have a value


def paired(columns: Sequence[Coded], tells: dict[str, float | None], target: str) -> tuple[Coded, ...]:
    """Return the columns of which pairs are looked at, in the table's order."""
    usable = [
        each
        for each in columns
        if (each.is_numeric and each.distinct > 1)
        or (each.is_category and 1 < each.distinct <= MOST_CATEGORIES)
    ]
    ranked = sorted(usable, key=lambda each: (each.name != target, -(tells.get(each.name) or 0.0)))
    chosen = {each.name for each in ranked[:MOST_COLUMNS]}
    return tuple(each for each in usable if each.name in chosen)


def pairs(columns: Sequence[Coded]) -> tuple[Pair, ...]:
    """Return the strongest pairs, the strongest first."""
    numeric = [each for each in columns if each.is_numeric]
    categories = [each for each in columns if each.is_category]
    found = [*_numbers(numeric), *_categories(categories), *_mixed(categories, numeric)]
    return tuple(sorted(found, key=lambda pair: -pair.strength)[:MOST_PAIRS])


def information(column: Coded, target: Coded) -> float | None:
    """Return which share of the target's entropy a column tells, over the rows that have a target.

    Numbers are cut into bins. What tables of so many cells show by chance is taken off: (rows - 1)(columns
    - 1) / 2n (M. S. Roulston, Physica D 125, 1999). 0 to 1; None if the target has one value.
    """
    is_known = target.is_there
    size = int(is_known.sum())
    if size < FEWEST_ROWS:
        return None
    counts = table_of(column.binned[is_known], target.binned[is_known])
    joint = counts / size
    rows, marginal = joint.sum(axis=1), joint.sum(axis=0)
    entropy = -float((marginal[marginal > 0] * np.log(marginal[marginal > 0])).sum())
    if entropy <= 0:
        return None
    expected = np.outer(rows, marginal)
    there = joint > 0
    told = float((joint[there] * np.log(joint[there] / expected[there])).sum())
    chance = (int((rows > 0).sum()) - 1) * (int((marginal > 0).sum()) - 1) / (2 * size)
    return float(np.clip((told - chance) / entropy, 0.0, 1.0))


def _numbers(columns: Sequence[Coded]) -> Iterator[Pair]:
    """Yield Pearson's and Spearman's coefficients, over the rows in which both have a value.

    Ranks are those among all values of a column.
    """
    if len(columns) < 2:
        return
    there = np.stack([each.is_there for each in columns])
    straight = _correlations(np.stack([each.numbers for each in columns]), there)
    ranked = _correlations(np.stack([_ranks(each) for each in columns]), there)
    both = there.astype(np.float64) @ there.T
    enough = both >= max(FEWEST_ROWS, FEWEST_SHARE * there.shape[1])
    for i, j in combinations(range(len(columns)), 2):
        if enough[i, j]:
            yield Pair(
                first=columns[i].name,
                second=columns[j].name,
                pearson=_finite(straight[i, j]),
                spearman=_finite(ranked[i, j]),
            )


def _correlations(rows: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the coefficients of all pairs of rows, each over the places where both are there."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a row without any number
        apart = np.where(there, rows, np.nan)
        apart -= np.nanmean(apart, axis=1, keepdims=True)
        apart /= np.nanmax(np.abs(apart), axis=1, keepdims=True)
        apart = np.where(there, apart, 0.0)
        mask = there.astype(np.float64)
        size = mask @ mask.T
        sums, squares = apart @ mask.T, (apart * apart) @ mask.T
        shared = apart @ apart.T - sums * sums.T / size
        spread = squares - sums * sums / size
        return np.clip(shared / np.sqrt(spread * spread.T), -1.0, 1.0)


def _ranks(column: Coded) -> NDArray[np.float64]:
    """Return ranks, equal values having their mean rank; missing ones have none."""
    return column.values.rank("average").fill_null(0).to_numpy()


def _categories(columns: Sequence[Coded]) -> Iterator[Pair]:
    for first, second in combinations(columns, 2):
        both = first.is_there & second.is_there
        if not _are_few(both):
            counts = table_of(first.codes[both], second.codes[both])
            yield Pair(first=first.name, second=second.name, cramer=_cramer(counts))


def _cramer(counts: NDArray[np.float64]) -> float | None:
    """Return Cramér's V, corrected for chance (W. Bergsma, J. Korean Statistical Society 42, 2013)."""
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    size, (rows, columns) = counts.sum(), counts.shape
    if min(rows, columns) < 2:
        return None
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / size
    square = float(((counts - expected) ** 2 / expected).sum() / size)
    corrected = max(0.0, square - (rows - 1) * (columns - 1) / (size - 1))
    fewest = min(rows - (rows - 1) ** 2 / (size - 1), columns - (columns - 1) ** 2 / (size - 1))
    return float(min(1.0, (corrected / (fewest - 1)) ** 0.5)) if fewest > 1 else None


def _mixed(categories: Sequence[Coded], numeric: Sequence[Coded]) -> Iterator[Pair]:
    """Yield correlation ratios: the root of the share of variance that lies between categories."""
    for category in categories:
        for numbers in numeric:
            both = category.is_there & numbers.is_there
            if not _are_few(both):
                ratio = _ratio(category.codes[both], numbers.numbers[both])
                yield Pair(first=category.name, second=numbers.name, ratio=ratio)


def _ratio(codes: NDArray[np.int64], numbers: NDArray[np.float64]) -> float | None:
    """Return η, corrected for chance as ε² is (T. L. Kelley, PNAS 21, 1935)."""
    with np.errstate(all="ignore"):
        apart = numbers - numbers.mean()
        total = float((apart * apart).sum())
        counts = np.bincount(codes)
        sums = np.bincount(codes, apart)
        between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
        size, groups = len(codes), int((counts > 0).sum())
        if not total > 0 or size <= groups:
            return None
        chance = (1 - between / total) * (size - 1) / (size - groups)
        return _finite(min(1.0, max(0.0, 1 - chance)) ** 0.5)


def _are_few(both: NDArray[np.bool_]) -> bool:
    return bool(both.sum() < max(FEWEST_ROWS, FEWEST_SHARE * len(both)))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
