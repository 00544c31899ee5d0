"""Whether a model treats groups of people alike: the same rates for each group, and the widest gaps.

The rates are those of M. Hardt, E. Price and N. Srebro, Equality of opportunity in supervised learning,
NeurIPS 2016: the share that is answered positively (demographic parity), of the truly positive (equal
opportunity) and of the truly negative (with it: equalised odds). The interval of a gap is that of R. G.
Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine
17 (1998), method 10, widened by Bonferroni for the number of pairs, of which the widest is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.schema import Column, Type
from kervan.model.errors.conditions import conditions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.model.errors.held_out import HeldOut
    from kervan.model.formulas import Floats

FEWEST_ROWS = 30  # of a group, that a gap may be told by
POSITIVE, FOUND, FALSE_ALARM, RIGHT = "answered positive", "true positive", "false positive", "right"
MEAN_ERROR, MISSED = "mean error", "mean absolute error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share or mean over `rows` rows, with its 95 % interval."""

    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rows of a group, and its rates by name; a rate over no rows is left out."""

    name: str
    rows: int
    rates: Mapping[str, Rate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How far the `most` and the `least` of the large enough groups are apart in a rate."""

    rate: str
    most: str
    least: str
    value: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the gap is more than chance."""
        return self.low > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The groups of one column, and the widest gap in each rate."""

    column: str
    groups: tuple[Group, ...]
    gaps: tuple[Gap, ...]


def compare_groups(
    answered: HeldOut, columns: Sequence[str], types: Mapping[str, Type]
) -> tuple[Grouping, ...]:
    """Compare groups of rows by some columns of their table, whose `types` are known.

    Raises `InvalidConfig` for a column that the table has not.
    """
    return tuple(_grouping(answered, column_of(answered.table, name, types)) for name in columns)


def column_of(table: pl.DataFrame, name: str, types: Mapping[str, Type]) -> Column:
    """Return the column by which rows are grouped."""
    if name not in table.columns:
        raise InvalidConfig(
            f"[model] groups: there is no column {name!r}", hint=did_you_mean(name, table.columns)
        )
    return Column(name=name, type=types.get(name, Type.CATEGORY))


def _grouping(answered: HeldOut, column: Column) -> Grouping:
    samples = list(_samples(answered))
    groups = []
    told: dict[str, dict[str, Floats]] = {name: {} for name, *_ in samples}
    for condition, inside in conditions(answered.table, [column]):
        name = condition.said.removeprefix("= ")
        chosen = {rate: figures[inside & about] for rate, figures, about in samples}
        groups.append(
            Group(
                name=name,
                rows=int(inside.sum()),
                rates={rate: _rate(figures) for rate, figures in chosen.items() if len(figures)},
            )
        )
        for rate, figures in chosen.items():
            if len(figures) >= FEWEST_ROWS:
                told[rate][name] = figures
    gaps = (_widest(rate, figures) for rate, figures in told.items() if len(figures) > 1)
    return Grouping(column=column.name, groups=tuple(groups), gaps=tuple(gaps))


def _samples(answered: HeldOut) -> Iterator[tuple[str, Floats, NDArray[np.bool_]]]:
    """Yield each rate's name, the figure of every row whose mean it is, and which rows it is about."""
    truth, values = answered.truth, answered.values
    every = np.ones(len(truth), dtype=bool)
    if not answered.signature.is_classification:
        errors = values[:, 0] - truth
        yield MEAN_ERROR, errors, every
        yield MISSED, np.abs(errors), every
        return
    chosen = answered.chosen
    if values.shape[1] == 2:
        positive = (chosen == 1).astype(np.float64)
        yield POSITIVE, positive, every
        yield FOUND, positive, truth == 1
        yield FALSE_ALARM, positive, truth == 0
    yield RIGHT, (chosen == truth).astype(np.float64), every


def _rate(figures: Floats, confidence: float = 0.95) -> Rate:
    """Return a mean with its interval: Wilson's of a share, else by the normal distribution."""
    rows, mean = len(figures), float(figures.mean())
    reach = NormalDist().inv_cdf((1 + confidence) / 2)
    if np.isin(figures, (0.0, 1.0)).all():
        middle = (mean + reach**2 / (2 * rows)) / (1 + reach**2 / rows)
        wide = reach / (1 + reach**2 / rows) * (mean * (1 - mean) / rows + reach**2 / (4 * rows**2)) ** 0.5
        return Rate(value=mean, low=min(mean, middle - wide), high=max(mean, middle + wide), rows=rows)
    wide = reach * float(figures.std(ddof=1)) / rows**0.5 if rows > 1 else 0.0
    return Rate(value=mean, low=mean - wide, high=mean + wide, rows=rows)


def _widest(rate: str, figures: Mapping[str, Floats]) -> Gap:
    pairs = len(list(combinations(figures, 2)))
    rates = {name: _rate(each, 1 - 0.05 / pairs) for name, each in figures.items()}
    most = max(rates, key=lambda name: rates[name].value)
    least = min(rates, key=lambda name: rates[name].value)
    up, down = rates[most], rates[least]
    gap = up.value - down.value
    return Gap(
        rate=rate,
        most=most,
        least=least,
        value=gap,
        low=gap - ((up.value - up.low) ** 2 + (down.high - down.value) ** 2) ** 0.5,
        high=gap + ((up.high - up.value) ** 2 + (down.value - down.low) ** 2) ** 0.5,
    )
