"""Columns that give the target away: they will not be there, or not yet so, when a prediction is made."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.nouns import Finding, Verdict
from kervan.data.ahead import ahead
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.config import DataSettings

RULE = "leak"
NAMED = "known_later"  # a suspicion by the name alone
SORTED = "sorted_by_target"
LEAK_SHARE = 0.1  # a column with more different values than this share of the rows may fit by chance
LEAK_CORRELATION = 0.99999
RARE_CLASS = 0.5  # a flag marks the rarer class
CHANCE = 1e-6  # so rarely would all the rows of a flag be of one class by chance
FEWEST_ROWS = 30
MOST_COLUMNS = 200  # of numbers, in which sums and products are looked for
# Words in names of what is written down once the target is known: an end, a result, what came of it.
_LATER = re.compile(
    r"(^|[_\W])(outcome|after|afterwards|result|cancel(led|lation)?_(date|day|at|reason)|closed_(at|on|date)"
    r"|(end|exit|churn|termination|discharge|resolution|default)_(date|reason)|sonuç|sonrası|iptal_tarihi)($|[_\W])"
)
_CAMEL = re.compile(r"(?<=[a-zçğıöşü])(?=[A-ZÇĞİÖŞÜ])")
_EXACT = 1e-9  # of the target's spread
_TRIED = 100  # rows, before all are asked


def leaks(table: pl.DataFrame, settings: DataSettings) -> Iterator[Finding]:
    """Yield a finding for every column, or some together, that tells the target.

    Columns that `[data] protect` drops or hashes are left aside. Those that `[data] accept` names have been
    answered for, and pass. Raises `InvalidConfig` if `accept` names none of the table's columns.
    """
    for name in settings.accept:
        if name not in table.columns:
            hint = did_you_mean(name, table.columns)
            raise InvalidConfig(f"[data] accept: the table has no column {name!r}", hint=hint)
    target = settings.target
    known = table.filter(table[target].is_not_null())
    if known[target].n_unique() < 2:
        return
    names = [name for name in table.columns if name != target and name not in settings.protect]
    alone = []
    for name in names:
        if reason := _tells(known[name], known[target]):
            alone.append(name)
            yield _finding([name], name, f"gives the target {target!r} away: {reason}", settings.accept)
    others = [known[name] for name in names if name not in alone]
    yield from _together(others, known[target], settings.accept)
    yield from _flags(others, known[target], settings.accept)
    yield from _future(known, settings, alone)
    yield from _named(names, settings)
    if not _is_sorted(known[target]):
        return
    if row_number := _row_number(others):
        told = f"numbers the rows of a table that is sorted by its target {target!r}"
        yield _finding([row_number], row_number, told, settings.accept)
    elif target not in settings.accept:
        yield _sorted(target)


def _future(table: pl.DataFrame, settings: DataSettings, alone: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each column that holds what the target will be in later rows."""
    target, time = settings.target, settings.split.column
    for name, told in ahead(table, settings):
        if name not in alone:
            what = f"holds the future of the target {target!r}: by {time!r} it is {told}"
            yield _finding([name], name, what, settings.accept)


def _named(names: Sequence[str], settings: DataSettings) -> Iterator[Finding]:
    """Yield a finding for each column whose name says that it is known only after the target."""
    for name in names:
        if name in settings.accept or not _LATER.search(_CAMEL.sub("_", name).casefold()):
            continue
        quoted = name.replace('"', '\\"')
        yield Finding(
            rule=NAMED,
            subject=name,
            verdict=Verdict.WARNED,
            message=f"column {name!r} sounds as if it were known only after the target {settings.target!r}",
            hint=f'if so, leave it out: `[data] ignore = ["{quoted}"]`; '
            f'if not, say so: `[data] accept = ["{quoted}"]`',
        )


def _sorted(target: str) -> Finding:
    return Finding(
        rule=SORTED,
        subject=target,
        verdict=Verdict.WARNED,
        message=f"the rows are sorted by the target {target!r}",
        hint="the place of a row would give it away: shuffle them, or say that they are meant to be so: "
        f'`[data] accept = ["{target}"]`',
    )


def _finding(names: Sequence[str], subject: str, what: str, accepted: Collection[str]) -> Finding:
    is_answered = set(names) <= set(accepted)
    shown = f"column {subject!r}" if len(names) == 1 else subject
    listed = ", ".join('"' + name.replace('"', '\\"') + '"' for name in names)
    hint = (
        f"if it is not known when a prediction is made, leave it out: `[data] ignore = [{listed}]`; "
        f"if it is, say so: `[data] accept = [{listed}]`"
    )
    return Finding(
        rule=RULE,
        subject=subject,
        verdict=Verdict.PASSED if is_answered else Verdict.WARNED,
        message=f"{shown} {what}" + (", which kervan.toml accepts" if is_answered else ""),
        hint="" if is_answered else hint,
    )


def _tells(column: pl.Series, target: pl.Series) -> str:
    if _correlates(column, target):
        return "one is a multiple of the other"
    return "each of its values has one target" if _determines(column, target) else ""


def _correlates(column: pl.Series, target: pl.Series) -> bool:
    """Say whether two numeric columns are linear functions of each other, over the rows that have both."""
    import polars as pl

    if not (column.dtype.is_numeric() and target.dtype.is_numeric()):
        return False
    both = pl.DataFrame({"column": column, "target": target}).drop_nulls()
    if both["column"].n_unique() < 3 or both["target"].n_unique() < 3:
        return False
    found = both.select(pl.corr("column", "target")).item()
    return found is not None and abs(found) > LEAK_CORRELATION


def _determines(column: pl.Series, target: pl.Series) -> bool:
    """Say whether every value of a column goes with one value of the target, more often than by chance."""
    import polars as pl

    distinct = column.n_unique()
    if distinct < 2 or distinct > LEAK_SHARE * len(column):
        return False
    both = pl.DataFrame({"column": column, "target": target})
    spread = both.group_by("column").agg(pl.col("target").n_unique().alias("targets"))
    return spread["targets"].max() == 1


def _together(
    columns: Sequence[pl.Series], target: pl.Series, accepted: Collection[str]
) -> Iterator[Finding]:
    """Yield a finding if the target is a sum, difference, product or ratio of columns."""
    numeric = [each for each in columns if each.dtype.is_numeric() and each.null_count() == 0]
    is_small = not 2 <= len(numeric) <= MOST_COLUMNS or len(target) < FEWEST_ROWS + 3 * len(numeric)
    if not target.dtype.is_numeric() or target.n_unique() < 3 or is_small:
        return
    matrix = np.column_stack([each.to_numpy().astype(np.float64) for each in numeric])
    values = target.to_numpy().astype(np.float64)
    if not (np.isfinite(matrix).all() and np.isfinite(values).all()):
        return
    names = [each.name for each in numeric]
    if signs := _sum(matrix, values):
        parts = [f"{'+' if sign > 0 else '-'} {names[place]!r}" for place, sign in signs.items()]
        subject = " ".join(parts).removeprefix("+ ")
        told = f"is the target {target.name!r} in every row"
        yield _finding([names[place] for place in signs], subject, told, accepted)
        return
    for first, second, sign in _products(matrix, values):
        subject = f"{names[first]!r} {sign} {names[second]!r}"
        told = f"is the target {target.name!r} in every row"
        yield _finding([names[first], names[second]], subject, told, accepted)


def _sum(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> dict[int, int]:
    """Return the places and signs of columns whose plain sum the values are; {} if there are none."""
    scale = np.maximum(np.abs(matrix).max(axis=0), np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        found, *_ = np.linalg.lstsq(matrix / scale, values, rcond=None)
        weights = np.round(found / scale, 6)
    if not np.isfinite(weights).all():
        return {}
    signs = {place: int(weight) for place, weight in enumerate(weights.tolist()) if abs(weight) > 1e-3}
    if len(signs) < 2 or not set(signs.values()) <= {-1, 1}:
        return {}
    told = matrix[:, list(signs)] @ np.array(list(signs.values()), dtype=np.float64)
    return signs if np.abs(told - values).max() <= _EXACT * np.ptp(values) else {}


def _products(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> Iterator[tuple[int, int, str]]:
    """Yield two columns whose product or ratio the values are, tried with some rows first."""
    some = slice(0, _TRIED)
    for first, second in combinations(range(matrix.shape[1]), 2):
        a, b = matrix[:, first], matrix[:, second]
        for left, right, sign in ((first, second, "×"), (first, second, "/"), (second, first, "/")):
            over, under = matrix[:, left], matrix[:, right]
            if sign == "/" and not under.all():
                continue
            tried = a[some] * b[some] if sign == "×" else over[some] / under[some]
            if not _same(tried, values[some]) or np.ptp(under) == 0 or np.ptp(over) == 0:
                continue
            if _same(a * b if sign == "×" else over / under, values):
                yield left, right, sign


def _same(told: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
    return bool(np.abs(told - values).max() <= _EXACT * max(np.ptp(values), np.finfo(float).tiny))


def _flags(columns: Sequence[pl.Series], target: pl.Series, accepted: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each column of two values, one of which marks rows of the rarer class alone."""
    labels = as_texts(target).alias("label")
    counts = labels.value_counts(name="rows", sort=True)
    if counts.height != 2:
        return
    rare, many = counts["label"][1], int(counts["rows"][1])
    share = many / len(labels)
    if share > RARE_CLASS:
        return
    is_rare = labels == rare
    for column in columns:
        if column.n_unique() != 2 or column.null_count():
            continue
        texts = as_texts(column)
        for value in texts.unique().sort().to_list():
            marked = texts == value
            rows = int(marked.sum())
            if share**rows < CHANCE and bool(is_rare.filter(marked).all()):
                told = (
                    f"is {value!r} only where the target {target.name!r} is {rare!r}: in {rows:,} of "
                    f"{many:,} such rows"
                )
                yield _finding([column.name], column.name, told, accepted)


def _is_sorted(target: pl.Series) -> bool:
    """Say whether equal targets stand together, or numbers rise or fall from row to row."""
    if len(target) < FEWEST_ROWS:
        return False
    if target.dtype.is_numeric() and target.n_unique() > LEAK_SHARE * len(target):
        return target.is_sorted() or target.is_sorted(descending=True)
    changes = int((target != target.shift()).fill_null(value=False).sum())
    return changes == target.n_unique() - 1


def _row_number(columns: Sequence[pl.Series]) -> str:
    """Return the column that numbers the rows, or ""."""
    numbering = (
        each.name
        for each in columns
        if each.dtype.is_integer() and not each.null_count() and bool((each.diff().drop_nulls() > 0).all())
    )
    return next(numbering, "")
