"""One column of a dataset as people look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from kervan.core.nouns import Dataset, Finding, Verdict
from kervan.core.schema import Column, Type
from kervan.data.profile import ColumnProfile, Family, Kind, Pair, Pattern, ValueCount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.data import Described
    from kervan.data.profile import NumberProfile, TextProfile

_QUARTILES = (25, 50, 75)
_STRONGEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFigures:
    """The distribution of numbers; `edges` has one entry more than `counts`, `outliers` is a share."""

    minimum: float
    maximum: float
    mean: float | None
    deviation: float | None
    skew: float | None
    median: float
    quartiles: tuple[float, ...]
    outliers: float
    zeros: float
    error: float
    family: Family | None
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFigures:
    """The most frequent values, and how many rows hold others."""

    top: tuple[ValueCount, ...]
    others: int
    shortest: int
    longest: int
    mean_length: float | None
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """One column: what it is, its figures, and what was found in it.

    `tells` is the share of the target's entropy that it tells, `related` are its strongest pairs, where one
    column is asked for.
    `protection` says how it was protected, `allowed` how many categories it may hold.
    """

    name: str
    position: int
    type: Type
    is_target: bool
    nullable: bool
    unit: str
    minimum: float | None
    maximum: float | None
    allowed: int
    protection: str
    count: int
    missing: int
    missing_share: float
    distinct: int
    distinct_error: float
    kind: Kind
    tells: float | None
    numbers: NumberFigures | None
    texts: TextFigures | None
    earliest: str
    latest: str
    findings: tuple[Finding, ...]
    related: tuple[Pair, ...] = ()


def columns_of(described: Described) -> Iterator[ColumnView]:
    """Yield all columns of a dataset."""
    schema = {column.name: column for column in described.dataset.schema}
    found: dict[str, list[Finding]] = {}
    for finding in described.findings:
        if finding.verdict is not Verdict.PASSED:
            found.setdefault(finding.subject, []).append(finding)
    for position, figures in enumerate(described.profile.columns):
        column = _Column(
            dataset=described.dataset,
            column=schema[figures.name],
            figures=figures,
            findings=tuple(found.get(figures.name, ())),
        )
        yield _view(column, position)


def column_of(described: Described, name: str) -> ColumnView | None:
    """Return one column with its strongest pairs, None if there is none of that name."""
    found = next((each for each in columns_of(described) if each.name == name), None)
    if found is None:
        return None
    pairs = (each for each in described.profile.pairs if name in {each.first, each.second})
    return replace(found, related=tuple(islice(pairs, _STRONGEST)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """What is known of a column, in several places."""

    dataset: Dataset
    column: Column
    figures: ColumnProfile
    findings: tuple[Finding, ...]


def _view(known: _Column, position: int) -> ColumnView:
    dataset, column, figures = known.dataset, known.column, known.figures
    return ColumnView(
        name=column.name,
        position=position,
        type=column.type,
        is_target=column.name == dataset.target,
        nullable=column.nullable,
        unit=column.unit,
        minimum=column.minimum,
        maximum=column.maximum,
        allowed=len(column.allowed),
        protection=dataset.protection.get(column.name, ""),
        count=figures.count,
        missing=figures.missing,
        missing_share=figures.missing_share,
        distinct=figures.distinct,
        distinct_error=figures.distinct_error,
        kind=figures.kind,
        tells=figures.tells,
        numbers=None if figures.numbers is None else _numbers(figures.numbers),
        texts=None if figures.texts is None else _texts(figures.texts),
        earliest=figures.earliest,
        latest=figures.latest,
        findings=known.findings,
    )


def _numbers(numbers: NumberProfile) -> NumberFigures:
    return NumberFigures(
        minimum=numbers.minimum,
        maximum=numbers.maximum,
        mean=numbers.mean,
        deviation=numbers.deviation,
        skew=numbers.skew,
        median=numbers.median,
        quartiles=tuple(numbers.quantiles[level] for level in _QUARTILES),
        outliers=numbers.outliers,
        zeros=numbers.zeros,
        error=numbers.error,
        family=numbers.family,
        edges=numbers.edges,
        counts=numbers.counts,
    )


def _texts(texts: TextProfile) -> TextFigures:
    return TextFigures(
        top=texts.top,
        others=texts.others,
        shortest=texts.shortest,
        longest=texts.longest,
        mean_length=texts.mean_length,
        patterns=texts.patterns,
    )
