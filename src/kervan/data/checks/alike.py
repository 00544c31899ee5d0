"""A rule about a distribution: a column has to be distributed as it is in another table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.plugins import extras_named
from kervan.data.checks.rule import TableRule
from kervan.data.checks.usable import in_words
from kervan.data.fits import check_fits
from kervan.data.pieces import Pieces, column_of
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked

PSI = 0.2  # by default: from here on a shift is taken for one that matters
_BINS = 10
_FLOOR = 1e-4  # an empty bin counts as this share


def alike(check: Check, asked: Asked) -> TableRule:
    """Compare a column with the same one of a file or dataset: by PSI, or by a Kolmogorov-Smirnov test."""
    reference = asked.lookup(check.like, whole=False)
    if check.column not in reference.columns:
        hint = did_you_mean(check.column, reference.columns)
        raise InvalidConfig(f"{check.place}: {check.like} has no column {check.column!r}", hint=hint)
    before, kind = reference[check.column], asked.table.schema[check.column]
    if in_words(before.dtype) != in_words(kind):
        raise InvalidConfig(
            f"{check.place}: it holds {in_words(kind)}, and {in_words(before.dtype)} in {check.like}",
            hint="compare columns of the same kind",
        )
    if check.p_at_least is not None:
        return _tested(check, check.p_at_least, before, asked)
    limit = PSI if check.psi_at_most is None else check.psi_at_most
    index = stability_index(before, column_of(asked.table, check.column))
    told = f"column {check.column!r} is {index:.3f} (PSI) from {check.like}, at most {limit:g} may be"
    return _judged(check, told, holds=index <= limit)


def stability_index(before: pl.Series, now: Iterable[pl.Series]) -> float:
    """Return the population stability index of two samples: Σ (now - before) · ln(now / before) over bins.

    Numbers and dates are binned by the deciles of `before`, what else there is by value; what is missing has
    a bin of its own, and so have values that `before` lacks. An empty bin counts as 0.0001. `now` may come in
    pieces.
    """
    was, is_now = (
        _shares(before, now) if in_words(before.dtype) in {"numbers", "dates"} else _counted(before, now)
    )
    was, is_now = np.maximum(was, _FLOOR), np.maximum(is_now, _FLOOR)
    return float(((is_now - was) * np.log(is_now / was)).sum())


def _shares(before: pl.Series, now: Iterable[pl.Series]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = _numbers(before)
    edges = np.unique(np.quantile(values, np.arange(1, _BINS) / _BINS)) if len(values) else np.zeros(1)
    return _binned([before], edges), _binned(now, edges)


def _binned(column: Iterable[pl.Series], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.zeros(len(edges) + 2)
    for piece in column:
        values = _numbers(piece)
        counts[:-1] += np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1)
        counts[-1] += len(piece) - len(values)
    return np.asarray(counts / max(1.0, counts.sum()))


def _numbers(column: pl.Series) -> NDArray[np.float64]:
    import polars as pl

    values = column.drop_nulls()
    whole = values.cast(pl.Datetime("us")).cast(pl.Int64) if values.dtype.is_temporal() else values
    numbers = whole.cast(pl.Float64).to_numpy()
    return np.sort(numbers[np.isfinite(numbers)])


def _counted(before: pl.Series, now: Iterable[pl.Series]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    then = _counts(before)
    present, rows = Counter[str | None](), 0
    for piece in now:
        rows += len(piece)
        present.update({value: count for value, count in _counts(piece).items() if value in then})
    was = [count / max(1, len(before)) for count in then.values()]
    is_now = [present[value] / max(1, rows) for value in then]
    return np.array([*was, 0.0]), np.array([*is_now, max(0.0, 1 - sum(is_now))])


def _counts(column: pl.Series) -> dict[str | None, int]:
    return dict(as_texts(column).alias("value").value_counts(name="count").iter_rows())


def _tested(check: Check, at_least: float, before: pl.Series, asked: Asked) -> TableRule:
    with extras_named():
        from scipy.stats import ks_2samp
    if in_words(before.dtype) == "texts":
        raise InvalidConfig(
            f"{check.place}: p_at_least is for numbers, the column holds texts", hint="give psi_at_most"
        )
    if isinstance(asked.table, Pieces):
        check_fits(asked.table, [check.column], check.place, hint="give psi_at_most, which counts")
    first = _numbers(before)
    second = np.concatenate([_numbers(piece) for piece in column_of(asked.table, check.column)])
    chance = float(ks_2samp(first, second, method="asymp").pvalue) if len(first) and len(second) else 0.0
    told = (
        f"column {check.column!r} is distributed as in {check.like} with p = {chance:.3g} "
        f"(Kolmogorov-Smirnov), at least {at_least:g} is wanted"
    )
    return _judged(check, told, holds=chance >= at_least)


def _judged(check: Check, told: str, *, holds: bool) -> TableRule:
    return TableRule(
        rule="like",
        subject=check.column,
        check=check,
        judge=lambda *_: (holds, told),
        hint="look what changed at the source, or compare with newer rows",
    )
