"""On which side of a split each row is: one rule for each way to split.

A side is the place of its `Role`: 0 to learn from, 1 to choose by, 2 to be judged by; -1 is none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.access import read_span
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, did_you_mean
from kervan.core.nouns import Role
from kervan.data.pieces import batches, column_of
from kervan.data.rows import row_hashes
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.config import SplitSettings
    from kervan.data.pieces import Table

    Sides = NDArray[np.int8]

NONE = -1
FEWEST_GROUPS = 3
_STRATA = 10  # so many equally large ones of a target of numbers
_SHOWN = 3


def sides(table: Table, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """Return the side of each row of a table.

    `telling` are the columns by which a model tells rows apart. Of a table in pieces no more is in memory
    than one of them and up to 32 bytes for each row, one of these where sides are random, by group or by
    column. Raises `InvalidConfig` for a rule that does not fit the table, and `InvalidData` where a row has
    no value to be split by.
    """
    if shares.by not in RULES:
        raise InvalidConfig(f"[data] split: by = {shares.by!r} is none", hint=did_you_mean(shares.by, RULES))
    _check_settings(shares, table)
    found: Sides = RULES[shares.by](table, shares, telling, target)
    return found


def embargo_of(shares: SplitSettings) -> float:
    """Return the seconds that are left out between the parts of a split by time."""
    if not shares.embargo:
        return 0.0
    try:
        return read_span(shares.embargo)
    except InvalidInput as error:
        raise InvalidConfig(f"[data] split: embargo: {error}", hint='write it like "7d" or "12h"') from error


def times_of(column: pl.Series) -> NDArray[np.float64]:
    """Return times as seconds, of numbers the numbers; NaN where there is none."""
    import polars as pl

    if column.dtype.is_temporal():
        micro = column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64)
        return np.asarray((micro / 1e6).to_numpy(), dtype=np.float64)
    return np.asarray(column.cast(pl.Float64).to_numpy(), dtype=np.float64)


def _at_random(table: Table, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    return np.concatenate([_by_place(each, shares) for each in _places(table, telling, shares.seed)])


def _stratified(table: Table, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """Cut each class, in the order of its rows' hashes, where the shares say; equal rows stay together.

    A row near a cut may change its side when the table grows; the others keep theirs.
    """
    places = np.concatenate(list(_places(table, telling, shares.seed)))
    _, first, row = np.unique(places, return_index=True, return_inverse=True)
    weight = np.bincount(row)
    strata = _strata(table, target)[first]
    found = np.zeros(len(first), dtype=np.int8)
    cuts = np.array([shares.train, shares.train + shares.validation])
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)  # in the order of their hashes already
        upto = np.cumsum(weight[members])
        middle = (upto - weight[members] / 2) / upto[-1]
        found[members] = np.digitize(middle, cuts)
    each: Sides = found[row]
    return each


def _by_group(table: Table, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """All rows of a group are on the side of the group's hash, however the table grows."""
    _require_all(table, shares.column, "belongs to no group")
    groups: set[object] = set()
    for column in column_of(table, shares.column):
        if len(groups) < FEWEST_GROUPS:
            groups |= set(column.unique().to_list())
    if len(groups) < FEWEST_GROUPS:
        raise InvalidData(
            f"[data] split: column {shares.column!r} has {len(groups)} groups, at least "
            f"{FEWEST_GROUPS} are needed",
            hint="choose a column with more values, such as a customer's number",
        )
    return _at_random(table, shares, [shares.column], target)


def _by_time(table: Table, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """The oldest rows are to learn from, the newest to be judged by; one time is on one side.

    Rows less than the embargo before a later part begins are on no side (M. López de Prado, Advances in
    Financial Machine Learning, 2018, chapter 7).
    """
    kind = table.schema[shares.column]
    if not (kind.is_temporal() or kind.is_numeric()):
        raise InvalidConfig(
            f"[data] split: column {shares.column!r} holds no times",
            hint='read them by a step: `[[data.steps]]` with parse and to = "datetime"',
        )
    _require_all(table, shares.column, "has no time")
    times = np.concatenate([times_of(column) for column in column_of(table, shares.column)])
    ordered = np.sort(times)
    rows = len(ordered)
    cuts = [
        ordered[min(rows - 1, round(share * rows))]
        for share in (shares.train, shares.train + shares.validation)
    ]
    found: Sides = np.digitize(times, cuts).astype(np.int8)
    embargo = embargo_of(shares)
    for side, begins in enumerate(cuts):
        found[(found == side) & (times > begins - embargo)] = NONE
    return found


def _by_column(table: Table, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """The side of each row is the one that a column names: train, validation or test."""
    _require_all(table, shares.column, "names no part")
    found: list[Sides] = []
    before = 0
    for column in column_of(table, shares.column):
        found.append(_named(as_texts(column), before))
        before += len(column)
    return np.concatenate(found)


def _named(texts: pl.Series, before: int) -> Sides:
    """Return the sides that texts name, or raise `InvalidData`; so many rows come `before` them."""
    names = texts.str.to_lowercase().str.strip_chars()
    known = {str(role): side for side, role in enumerate(Role)}
    wrong = (~names.is_in(list(known))).arg_true().to_list()
    if wrong:
        shown = ", ".join(f"row {before + row + 1}: {texts[row]!r}" for row in wrong[:_SHOWN])
        raise InvalidData(
            f"[data] split: column {texts.name!r} names parts that do not exist ({shown})",
            hint="write train, validation or test; `replace` in [[data.steps]] renames values",
        )
    return np.asarray(names.replace_strict(known).to_numpy(), dtype=np.int8)


def _places(table: Table, names: Sequence[str], seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield where each row is between 0 and 1, by the hash of some of its columns."""
    for batch in batches(table, names):
        yield row_hashes(batch, seed) / 2.0**64


def _by_place(places: NDArray[np.float64], shares: SplitSettings) -> Sides:
    return np.digitize(places, [shares.train, shares.train + shares.validation]).astype(np.int8)


def _strata(table: Table, target: str) -> NDArray[np.int64]:
    """Return the class of each row; of many numbers, in which tenth of them it is."""
    if table.schema[target].is_numeric():
        values = np.concatenate([times_of(column) for column in column_of(table, target)])
        if len(np.unique(values)) > 2 * _STRATA:
            cuts = np.nanquantile(values, np.arange(1, _STRATA) / _STRATA)
            tenths: NDArray[np.int64] = np.digitize(np.nan_to_num(values, nan=np.inf), cuts)
            return tenths
    import polars as pl

    labels: set[str] = set()
    for column in column_of(table, target):
        labels |= set(as_texts(column).fill_null("").unique().to_list())
    codes = {label: code for code, label in enumerate(sorted(labels))}
    texts = (as_texts(column).fill_null("") for column in column_of(table, target))
    found = [each.replace_strict(codes, return_dtype=pl.Int64).to_numpy() for each in texts]
    return np.concatenate(found)


def _check_settings(shares: SplitSettings, table: Table) -> None:
    needs = shares.by in {"group", "time", "column"}
    if needs and not shares.column:
        raise InvalidConfig(
            f"[data] split: by = {shares.by!r} needs a column",
            hint=f'for example split = {{ by = "{shares.by}", column = "{table.columns[0]}" }}',
        )
    if shares.column and not needs:
        raise InvalidConfig(
            f"[data] split: column is not for by = {shares.by!r}", hint='say by = "group", "time" or "column"'
        )
    if shares.column and shares.column not in table.columns:
        hint = did_you_mean(shares.column, table.columns)
        raise InvalidConfig(f"[data] split: the table has no column {shares.column!r}", hint=hint)
    if shares.embargo and shares.by != "time":
        raise InvalidConfig("[data] split: embargo is for a split by time", hint='say by = "time"')


def _require_all(table: Table, name: str, what: str) -> None:
    missing, first, before = 0, 0, 0
    for column in column_of(table, name):
        rows = column.is_null().arg_true()
        first = first or (before + int(rows[0]) + 1 if len(rows) else 0)
        missing += len(rows)
        before += len(column)
    if missing:
        rows_of = "1 row" if missing == 1 else f"{missing:,} rows"
        raise InvalidData(
            f"[data] split: {rows_of} of column {name!r} are empty: row {first} {what}",
            hint="fill them in the source, or filter them by `[[data.steps]]`",
        )


RULES: dict[str, Callable[[Any, Any, Sequence[str], str], Any]] = {
    "random": _at_random,
    "stratified": _stratified,
    "group": _by_group,
    "time": _by_time,
    "column": _by_column,
}
