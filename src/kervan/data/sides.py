"""On which side of a split each row is: one rule for each way to split.

A side is the place of its `Role`: 0 to learn from, 1 to choose by, 2 to be judged by; -1 is none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.access import read_span
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, did_you_mean
from kervan.core.nouns import Role
from kervan.data.rows import row_hashes
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.config import SplitSettings

    Sides = NDArray[np.int64]

NONE = -1
FEWEST_GROUPS = 3
_STRATA = 10  # so many equally large ones of a target of numbers
_SHOWN = 3


def sides(table: pl.DataFrame, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """Return the side of each row of a table.

    `telling` are the columns by which a model tells rows apart. Raises `InvalidConfig` for a rule that does
    not fit the table, and `InvalidData` where a row has no value to be split by.
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


def _at_random(table: pl.DataFrame, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    return _by_place(_places(table, telling, shares.seed), shares)


def _stratified(table: pl.DataFrame, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """Cut each class, in the order of its rows' hashes, where the shares say; equal rows stay together.

    A row near a cut may change its side when the table grows; the others keep theirs.
    """
    places = _places(table, telling, shares.seed)
    _, first, row = np.unique(places, return_index=True, return_inverse=True)
    weight = np.bincount(row)
    strata = _strata(table[target], shares.seed)[first]
    found = np.zeros(len(first), dtype=np.int64)
    cuts = np.array([shares.train, shares.train + shares.validation])
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)  # in the order of their hashes already
        upto = np.cumsum(weight[members])
        middle = (upto - weight[members] / 2) / upto[-1]
        found[members] = np.digitize(middle, cuts)
    return found[row]


def _by_group(table: pl.DataFrame, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """All rows of a group are on the side of the group's hash, however the table grows."""
    groups = table[shares.column]
    _require_all(groups, "belongs to no group")
    if groups.n_unique() < FEWEST_GROUPS:
        raise InvalidData(
            f"[data] split: column {shares.column!r} has {groups.n_unique()} groups, at least "
            f"{FEWEST_GROUPS} are needed",
            hint="choose a column with more values, such as a customer's number",
        )
    return _by_place(_places(table, [shares.column], shares.seed), shares)


def _by_time(table: pl.DataFrame, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """The oldest rows are to learn from, the newest to be judged by; one time is on one side.

    Rows less than the embargo before a later part begins are on no side (M. López de Prado, Advances in
    Financial Machine Learning, 2018, chapter 7).
    """
    column = table[shares.column]
    if not (column.dtype.is_temporal() or column.dtype.is_numeric()):
        raise InvalidConfig(
            f"[data] split: column {shares.column!r} holds no times",
            hint='read them by a step: `[[data.steps]]` with parse and to = "datetime"',
        )
    _require_all(column, "has no time")
    times = times_of(column)
    ordered = np.sort(times)
    rows = len(ordered)
    cuts = [
        ordered[min(rows - 1, round(share * rows))]
        for share in (shares.train, shares.train + shares.validation)
    ]
    found = np.digitize(times, cuts).astype(np.int64)
    embargo = embargo_of(shares)
    for side, begins in enumerate(cuts):
        found[(found == side) & (times > begins - embargo)] = NONE
    return found


def _by_column(table: pl.DataFrame, shares: SplitSettings, telling: Sequence[str], target: str) -> Sides:
    """The side of each row is the one that a column names: train, validation or test."""
    texts = as_texts(table[shares.column])
    _require_all(texts, "names no part")
    names = texts.str.to_lowercase().str.strip_chars()
    known = {str(role): side for side, role in enumerate(Role)}
    wrong = (~names.is_in(list(known))).arg_true().to_list()
    if wrong:
        shown = ", ".join(f"row {row + 1}: {texts[row]!r}" for row in wrong[:_SHOWN])
        raise InvalidData(
            f"[data] split: column {shares.column!r} names parts that do not exist ({shown})",
            hint="write train, validation or test; `replace` in [[data.steps]] renames values",
        )
    return np.asarray(names.replace_strict(known).to_numpy(), dtype=np.int64)


def _places(table: pl.DataFrame, names: Sequence[str], seed: int) -> NDArray[np.float64]:
    """Return where each row is between 0 and 1, by the hash of some of its columns."""
    found: NDArray[np.float64] = row_hashes(table.select([table[name] for name in names]), seed) / 2.0**64
    return found


def _by_place(places: NDArray[np.float64], shares: SplitSettings) -> Sides:
    return np.digitize(places, [shares.train, shares.train + shares.validation])


def _strata(target: pl.Series, seed: int) -> NDArray[np.int64]:
    """Return the class of each row; of many numbers, in which tenth of them it is."""
    if target.dtype.is_numeric() and target.n_unique() > 2 * _STRATA:
        values = times_of(target)
        cuts = np.nanquantile(values, np.arange(1, _STRATA) / _STRATA)
        return np.digitize(np.nan_to_num(values, nan=np.inf), cuts)
    _, codes = np.unique(as_texts(target).fill_null("").to_numpy().astype(str), return_inverse=True)
    return np.asarray(codes, dtype=np.int64)


def _check_settings(shares: SplitSettings, table: pl.DataFrame) -> None:
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


def _require_all(column: pl.Series, what: str) -> None:
    missing = column.is_null().arg_true()
    if len(missing):
        rows = "1 row" if len(missing) == 1 else f"{len(missing):,} rows"
        raise InvalidData(
            f"[data] split: {rows} of column {column.name!r} are empty: row {int(missing[0]) + 1} {what}",
            hint="fill them in the source, or filter them by `[[data.steps]]`",
        )


RULES: dict[str, Callable[[Any, Any, Sequence[str], str], Any]] = {
    "random": _at_random,
    "stratified": _stratified,
    "group": _by_group,
    "time": _by_time,
    "column": _by_column,
}
