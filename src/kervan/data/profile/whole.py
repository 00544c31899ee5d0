"""What the columns of a table say together: looked for in sampled rows, and added to their figures."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.advice import advise, imbalance
from kervan.data.profile.coded import Coded
from kervan.data.profile.nouns import Kind, Profile
from kervan.data.profile.oddities import sentinel, sentinel_finding, shift
from kervan.data.profile.pairs import information, paired, pairs
from kervan.data.profile.relations import dependencies, equals, keys, near_rows
from kervan.data.profile.twins import twins

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.nouns import Finding
    from kervan.data.profile.nouns import ColumnProfile, Pair

_TELL_NOTHING = {Kind.IDENTIFIER, Kind.TEXT}


def with_relations(
    profile: Profile, rows: pl.DataFrame, places: NDArray[np.int64], private: Collection[str] = ()
) -> Profile:
    """Return the profile with pairs, keys, dependencies, findings and advice, from rows at these places.

    No advice is given about columns that are `private`.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # sums of what is there may overflow
        return _related(profile, rows, places, private)


def _related(
    profile: Profile, rows: pl.DataFrame, places: NDArray[np.int64], private: Collection[str]
) -> Profile:
    coded = [Coded(name=each.name, kind=each.kind, values=rows[each.name]) for each in profile.columns]
    tells = _tells(coded, profile.target)
    chosen = paired(coded, tells, profile.target)
    related = pairs(chosen)
    columns = tuple(replace(each, tells=tells.get(each.name)) for each in profile.columns)
    findings = tuple(_findings(profile, coded, related, places))
    advised = tuple(each for each in columns if each.name not in private)
    signs = [
        value
        for each, figures in zip(coded, columns, strict=True)
        if each.is_numeric and figures.numbers
        for value, count in [sentinel(each, figures.numbers)]
        if count
    ]
    return replace(
        profile,
        columns=columns,
        sampled=rows.height,
        paired=len(chosen),
        pairs=related,
        keys=keys(coded, [each.name for each in columns if _is_key(each)]),
        dependencies=dependencies(coded, profile.target),
        findings=findings,
        advice=tuple(advise(advised, findings, signs, profile.target, profile.classes)),
    )


def _tells(coded: Sequence[Coded], target: str) -> dict[str, float | None]:
    answer = next((each for each in coded if each.name == target), None)
    if answer is None or answer.kind in _TELL_NOTHING:
        return {}
    return {
        each.name: information(each, answer)
        for each in coded
        if each is not answer and each.kind not in _TELL_NOTHING
    }


def _is_key(column: ColumnProfile) -> bool:
    is_unique = not column.distinct_error and column.distinct == column.count > 1
    return not column.missing and is_unique


def _findings(
    profile: Profile, coded: Sequence[Coded], related: Sequence[Pair], places: NDArray[np.int64]
) -> Iterator[Finding]:
    yield from imbalance(profile.target, profile.classes)
    yield from near_rows(coded, profile.target)
    for each, figures in zip(coded, profile.columns, strict=True):
        if each.is_numeric and figures.numbers:
            yield from chain(sentinel_finding(each, figures.numbers), shift(each, places))
        if figures.texts and each.kind is not Kind.IDENTIFIER:
            yield from twins(each.name, figures.texts.known)
    yield from equals(coded, related)
