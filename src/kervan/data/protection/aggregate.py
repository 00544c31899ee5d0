"""Aggregates with differential privacy: what they tell hardly depends on any single person."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.plugins import extras_named
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from kervan.core.checking import Check

_ASKED = re.compile(r"\s*(count|sum|mean|counts)\s*\(([^()]*)\)\s*")
_MOST = 2.0**53
_FIVE_PERCENT = 0.05
EXAMPLE = 'ask for "count()", "mean(age, 0, 120)", "sum(income, 0, 100000)" or "counts(city, Ankara, Van)"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question about a table: `what` of which column, and the bounds or categories that are public."""

    what: str
    column: str = ""
    bounds: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = [f"{each:g}" for each in self.bounds] if self.bounds else self.categories
        return f"{self.what}({', '.join([self.column, *more] if self.column else [])})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Noisy values by name; each is at most `within` off in 95 of 100 cases."""

    values: dict[str, float]
    within: dict[str, float]


def read_question(text: str, columns: Sequence[str], checks: Sequence[Check] = ()) -> Asked:
    """Read a question; bounds and categories that it does not give come from the checks of its column.

    They are never taken from the rows, which would tell of them.

    >>> str(read_question("mean(age, 0, 120)", ["age"]))
    'mean(age, 0, 120)'
    """
    match = _ASKED.fullmatch(text)
    if match is None:
        raise InvalidInput(f"{text!r} is no question that can be answered", hint=EXAMPLE)
    what = match[1]
    column, *more = (each.strip() for each in match[2].split(","))
    if what == "count":
        return Asked(what=what)
    if column not in columns:
        raise InvalidInput(f"{text}: there is no column {column!r}", hint=did_you_mean(column, columns))
    own = [check for check in checks if check.column == column]
    if what == "counts":
        known = tuple(more) or next((check.allowed for check in own if check.allowed), ())
        if not known:
            raise InvalidInput(
                f"{text}: the categories have to be named, they are not read from rows", hint=EXAMPLE
            )
        return Asked(what=what, column=column, categories=tuple(dict.fromkeys(known)))
    bounds = tuple(more) or next((check.between for check in own if check.between), ())
    return Asked(what=what, column=column, bounds=_bounds(text, bounds))


def answer(table: pl.DataFrame, asked: Asked, *, epsilon: float, rows: int = 1) -> Answer:
    """Answer a question with pure epsilon-differential privacy (Dwork et al. 2006), by OpenDP.

    Two tables that differ in `rows` rows are told apart hardly better than by e to the power of `epsilon`.
    Values are clamped to the bounds, and missing ones are left out; a mean is a sum over a count, which share
    the epsilon.
    """
    import polars as pl

    if asked.what == "count":
        column = pl.Series([0.0] * table.height, dtype=pl.Float64)
    else:
        column = table[asked.column].drop_nulls()
    if asked.what == "counts":
        return _counts(as_texts(column).to_list(), asked.categories, epsilon, rows)
    if asked.column and not column.dtype.is_numeric():
        raise InvalidInput(f"{asked}: column {asked.column!r} holds no numbers", hint=EXAMPLE)
    numbers = column.cast(pl.Float64).drop_nans().to_list()
    if asked.what == "count":
        value, scale = _count(numbers, epsilon, rows)
        return Answer(values={"count": value}, within={"count": _within(scale)})
    bounds = asked.bounds or (0.0, 0.0)
    if asked.what == "sum":
        value, scale = _sum(numbers, bounds, epsilon, rows)
        return Answer(values={str(asked): value}, within={str(asked): _within(scale)})
    return _mean(numbers, asked, epsilon, rows)


def _mean(numbers: list[float], asked: Asked, epsilon: float, rows: int) -> Answer:
    low, high = asked.bounds or (0.0, 0.0)
    middle = (low + high) / 2
    total, sum_scale = _sum(
        [number - middle for number in numbers], (low - middle, high - middle), epsilon / 2, rows
    )
    count, count_scale = _count(numbers, epsilon / 2, rows)
    usable = max(1.0, count)
    value = min(max(middle + total / usable, low), high)
    share = _FIVE_PERCENT / 2
    within = (_within(sum_scale, share) + abs(value - middle) * _within(count_scale, share)) / usable
    return Answer(values={str(asked): value}, within={str(asked): min(within, high - low)})


def _count(numbers: list[float], epsilon: float, rows: int) -> tuple[float, float]:
    dp = _library()
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()
    return _measured(space >> dp.t.then_count(), numbers, epsilon, rows)


def _sum(numbers: list[float], bounds: tuple[float, float], epsilon: float, rows: int) -> tuple[float, float]:
    dp = _library()
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()
    return _measured(space >> dp.t.then_clamp(bounds) >> dp.t.then_sum(), numbers, epsilon, rows)


def _counts(texts: list[str], categories: tuple[str, ...], epsilon: float, rows: int) -> Answer:
    dp = _library()
    space = dp.vector_domain(dp.atom_domain(T=str)), dp.symmetric_distance()
    counted = space >> dp.t.then_count_by_categories(list(categories), null_category=True)
    found, scale = _measured(counted, texts, epsilon, rows)
    named = dict(zip((*categories, "all others"), map(float, found), strict=True))
    return Answer(values=named, within=dict.fromkeys(named, _within(scale)))


def _measured(counted: Any, values: list[Any], epsilon: float, rows: int) -> tuple[Any, float]:
    """Return a noisy value, and the scale of its noise: the least that keeps to epsilon."""
    dp = _library()

    def noisy(scale: float) -> Any:
        return counted >> dp.m.then_laplace(scale)

    least: Callable[..., float] = dp.binary_search_param
    scale = least(noisy, d_in=rows, d_out=epsilon, T=float)
    return noisy(scale)(values), float(scale)


def _within(scale: float, share: float = _FIVE_PERCENT) -> float:
    """Return what Laplace's noise exceeds in a share of the cases only."""
    return scale * math.log(1 / share)


def _bounds(text: str, given: Sequence[object]) -> tuple[float, float]:
    try:
        low, high = (float(str(each)) for each in given)
    except ValueError as error:
        hint = "give both: mean(age, 0, 120), or set them in a check: between = [0, 120]"
        raise InvalidInput(f"{text}: bounds are needed, and are not read from rows", hint=hint) from error
    if not -_MOST < low < high < _MOST:
        raise InvalidInput(f"{text}: {low:g} to {high:g} are no bounds", hint="the lower one comes first")
    return low, high


def _library() -> Any:
    with extras_named():
        import opendp.prelude as dp

    dp.enable_features("contrib")  # transformations that are proved by tests, and not yet vetted on paper
    return dp
