"""What a profile is made of: frozen records, which are stored with a dataset and read again years later.

What older versions did not write has a default.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kervan.core.errors import NotFound
from kervan.core.nouns import Finding
from kervan.core.schema import Type

TOP_VALUES = 20
HISTOGRAM_BINS = 20
STEPS = 100  # quantiles are taken at 0 %, 1 %, …, 100 %


class Kind(StrEnum):
    """What a column is to somebody who learns from it, beyond its physical type; "" in old profiles."""

    UNKNOWN = ""
    IDENTIFIER = "identifier"
    CATEGORY = "category"
    NUMBER = "number"
    COUNT = "count"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCount:
    """How many rows hold a value."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The shape of texts: `A` is a capital letter, `a` a small one, `9` a digit; its share of the values."""

    shape: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The family of distributions that fits a column's values best, and the fit that decided.

    `distance` is that of Kolmogorov and Smirnov between the values and the fit, `ahead` the lead of its BIC
    over that of `second`, for each value; `values` of the column were looked at.
    """

    name: str
    parameters: tuple[tuple[str, float], ...] = ()
    distance: float = 0.0
    second: str = ""
    ahead: float = 0.0
    values: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberProfile:
    """The distribution of a numeric column's values; what overflows is missing.

    `quantiles` are 101 values of the column at the levels 0 %, 1 %, …, 100 % (inverse of the empirical
    distribution). For each of them `below` and `upto` are the shares of values under it, and not
    above it: with ties they differ. `edges` has one entry more than `counts`. `outliers` is a share.
    Where `error` is above 0, shares, quantiles and the histogram are estimates: ranks are off by that share
    of the values at most, in 99 of 100 cases. The extremes and moments are always exact.
    """

    minimum: float
    maximum: float
    mean: float | None
    median: float
    deviation: float | None
    skew: float | None
    quantiles: tuple[float, ...]
    below: tuple[float, ...]
    upto: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    outliers: float
    family: Family | None = None
    zeros: float = 0.0
    error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextProfile:
    """The most frequent values of a category, text or boolean column, and how many rows hold others.

    Of a category, `rest` lists the others too, the most frequent first: production is compared with them.
    Lengths are in letters; `mean_length` is that of a value. Counts in `top` may miss up to `uncounted` rows
    each where a text has more different values than are kept.
    """

    top: tuple[ValueCount, ...]
    others: int
    shortest: int
    longest: int
    rest: tuple[ValueCount, ...] = ()
    mean_length: float | None = None
    patterns: tuple[Pattern, ...] = ()
    uncounted: int = 0

    @property
    def known(self) -> tuple[ValueCount, ...]:
        """All values that are listed, the most frequent first."""
        return (*self.top, *self.rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column: `count` values are there, `missing` are not; dates have their extremes as ISO texts.

    `distinct` is exact where `distinct_error` is 0; else that is its relative standard error. `tells` is the
    share of the target's entropy that the column tells (mutual information over entropy), None if unknown.
    """

    name: str
    type: Type
    count: int
    missing: int
    distinct: int
    numbers: NumberProfile | None = None
    texts: TextProfile | None = None
    earliest: str = ""
    latest: str = ""
    kind: Kind = Kind.UNKNOWN
    distinct_error: float = 0.0
    tells: float | None = None

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return self.missing / max(1, self.count + self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How far two columns go together, each figure None where it is not for columns of such kinds.

    `pearson` and `spearman` are -1 to 1, between numbers. `cramer` (Cramér's V, corrected for chance) is
    between categories, `ratio` (the correlation ratio η) between a category and a number, both 0 to 1.
    """

    first: str
    second: str
    pearson: float | None = None
    spearman: float | None = None
    cramer: float | None = None
    ratio: float | None = None

    @property
    def strength(self) -> float:
        """The largest of the figures without its sign."""
        figures = (self.pearson, self.spearman, self.cramer, self.ratio)
        return max((abs(each) for each in figures if each is not None), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Each value of `determinant` goes with one value of `dependent`, in `share` of the sampled rows."""

    determinant: str
    dependent: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about some columns: in words, and as lines of a table of `kervan.toml` where they do it."""

    about: tuple[str, ...]
    what: str
    table: str = ""
    lines: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A table: `duplicates` rows repeat an earlier one in all that a model learns from.

    `memory` is in bytes, `classes` are the target's. Figures of pairs, keys, dependencies and findings were
    looked for in `sampled` rows and `paired` columns. `keys` name the columns whose values tell every row
    apart. `duplicates` is an estimate where `duplicates_error`, its standard error in rows, is above 0.
    """

    rows: int
    duplicates: int
    memory: int
    columns: tuple[ColumnProfile, ...]
    target: str = ""
    classes: tuple[ValueCount, ...] = ()
    duplicates_error: float = 0.0
    sampled: int = 0
    paired: int = 0
    pairs: tuple[Pair, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    findings: tuple[Finding, ...] = ()
    advice: tuple[Advice, ...] = ()

    def with_findings(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return some findings, and those of the profile that say something else."""
        known = tuple(found)
        told = {(each.rule, each.subject) for each in known}
        return (*known, *(each for each in self.findings if (each.rule, each.subject) not in told))

    def column(self, name: str) -> ColumnProfile:
        """Return the figures of one column."""
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound(f"the profile has no column {name!r}", hint="profile the table again")
