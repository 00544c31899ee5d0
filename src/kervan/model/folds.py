"""Which rows are learned from and asked about in each fold: by the rule that split the dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidData
from kervan.core.nouns import SplitRule
from kervan.core.plugins import extras_named
from kervan.data.sides import times_of
from kervan.flow.table import as_texts
from kervan.model.distinct import distinct_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

    Places = NDArray[np.int64]
    Fold = tuple[Places, Places]  # of rows that are learned from, and that are asked about


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """What folds go by besides the rows themselves: for each row its group or its time."""

    rule: SplitRule
    values: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Folding:
    """How many folds, shuffled by which seed, and what they go by besides the rows.

    `found` are the folds of the rows at hand where they were found, and checked, before.
    """

    folds: int
    seed: int
    order: Order | None = None
    found: tuple[Fold, ...] = ()


def order_of(table: pl.DataFrame, rule: SplitRule) -> Order | None:
    """Return what the folds of a table go by, None where it is nothing but its rows."""
    if rule.by == "group":
        return Order(rule=rule, values=as_texts(table[rule.column]).fill_null("").to_numpy().astype(str))
    if rule.by == "time":
        return Order(rule=rule, values=times_of(table[rule.column]))
    return None


def folds_of(matrix: Matrix, truth: NDArray[Any], folding: Folding) -> Iterator[Fold]:
    """Yield for each fold the places of the rows that are learned from, and of those that are asked about.

    Folds are shuffled and keep the shares of classes, which `truth` holds as integers; equal rows are in one
    fold, and so are those of one group. By time, each fold asks about rows after all that it learns from, at
    least the embargo later. Raises `InvalidData` if there are fewer groups, or times, than folds.
    """
    folds, order = folding.folds, folding.order
    if folding.found:
        yield from folding.found
        return
    if order is not None and order.rule.by == "time":
        yield from _by_time(order, folds)
        return
    if order is not None:
        _, place = np.unique(order.values, return_inverse=True)
        first = np.unique(place, return_index=True)[1]
        if len(first) < folds:
            raise InvalidData(
                f"the train part has {len(first)} groups of {order.rule.column!r} for {folds} folds",
                hint="collect more groups, or lower `[model] folds`",
            )
    else:
        first, place = distinct_rows(matrix)
    for fold in _shuffled(truth[first], folds, folding.seed):
        is_asked = np.isin(place, fold)
        yield np.flatnonzero(~is_asked), np.flatnonzero(is_asked)


def _shuffled(truth: NDArray[Any], folds: int, seed: int) -> Iterator[Places]:
    """Yield the places of each fold; classes are spread over the folds where each has enough of them."""
    with extras_named():
        from sklearn.model_selection import KFold, StratifiedKFold

    is_spread = truth.dtype.kind in "iu" and np.unique(truth, return_counts=True)[1].min() >= folds
    kind = StratifiedKFold if is_spread else KFold
    for _, asked in kind(folds, shuffle=True, random_state=seed).split(truth, truth):
        yield asked


def _by_time(order: Order, folds: int) -> Iterator[tuple[Places, Places]]:
    """Cut the rows into one part more than folds, by time; each but the first is asked about once."""
    times = np.sort(order.values)
    starts = np.unique(times[[len(times) * fold // (folds + 1) for fold in range(1, folds + 1)]])
    if len(starts) < folds or starts[0] == times[0]:
        raise InvalidData(
            f"the train part has too few different times in {order.rule.column!r} for {folds} folds",
            hint="lower `[model] folds`",
        )
    ends = np.append(starts[1:], np.inf)
    for start, end in zip(starts, ends, strict=True):
        learned = (
            np.flatnonzero(order.values <= start - order.rule.embargo)
            if order.rule.embargo
            else (np.flatnonzero(order.values < start))
        )
        yield learned, np.flatnonzero((order.values >= start) & (order.values < end))
