"""The formulas: numbers, names, functions and choices. A missing number is NaN, NULL or blank.

Arithmetic with a missing number is missing; a comparison with one does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Number:
    """A constant; NaN stands for a missing number."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """Something that was given a name before."""

    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """An input by its place: a number, or for a category its code (-1 where missing or unseen)."""

    place: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function: an operation or function of the neutral form, or `power`."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class If:
    """One of two formulas."""

    test: Test
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class Compare:
    """`left <= right` and the like: `operator` is one of <=, <, >=, >, =."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a formula gives no number."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a category, an input by its place, is one of some codes."""

    place: int
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Whether one of two tests holds."""

    left: Test
    right: Test


Expression = Number | Name | Input | Call | If
Test = Compare | Missing | Among | Either


def call(function: str, *arguments: Expression) -> Expression:
    """Apply a function."""
    return Call(function, arguments)


def rounded(value: Expression) -> Expression:
    """Round a short formula to the nearest float32 by arithmetic of float64, where there is no other way.

    Veltkamp's splitting leaves the first 24 bits (T. J. Dekker, A floating-point technique for extending the
    available precision, 1971). Only exact ties may fall to the other side.
    """
    grown = call("multiply", value, Number(2.0**29 + 1))
    return call("subtract", grown, call("subtract", grown, value))


def total(terms: Sequence[Expression]) -> Expression:
    """Add formulas up in pairs, so that even thousands nest only a few levels deep."""
    if not terms:
        return Number(0.0)
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return call("add", total(terms[:middle]), total(terms[middle:]))


def expected_costs(chances: Sequence[Expression], costs: Sequence[Sequence[float]]) -> tuple[Expression, ...]:
    """Return what naming each class costs on average; `costs` hold a row for each true class."""
    return tuple(
        total(
            [call("multiply", each, Number(cost)) for each, cost in zip(chances, named, strict=True) if cost]
        )
        for named in zip(*costs, strict=True)
    )


def fold_pairs(function: str, terms: Sequence[Expression]) -> Expression:
    """Apply a function of two arguments to many, in pairs."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return call(function, fold_pairs(function, terms[:middle]), fold_pairs(function, terms[middle:]))
