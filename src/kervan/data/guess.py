"""Which column of a table is probably the one to predict: a guess, with its reason, for people to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import KervanError
from kervan.data.seen import names_rows
from kervan.data.target import check_target, task_of, values_of

if TYPE_CHECKING:
    import polars as pl

_NAMES = {
    *("target", "label", "class", "y", "outcome", "response"),
    *("hedef", "etiket", "sınıf", "sinif", "sonuç", "sonuc"),
}


def no_target(table: pl.DataFrame, name: str) -> str:
    """Say why a column cannot be predicted, or "" if it can."""
    if reason := names_rows(table[name]):
        return f"it only names its rows: {reason}"
    if not table[name].count():
        return "all values are missing"
    try:
        values = values_of(table, name)
        check_target(values, task_of(values))
    except KervanError as error:
        return str(error)
    return ""


def guess_target(table: pl.DataFrame, usable: list[str]) -> tuple[str, str]:
    """Return the column of those that can be predicted which is probably meant, and why; "" if there is none.

    A name that says it comes first, then two different values in the last column or in one column alone.
    """
    if not usable:
        return "", ""
    for name in usable:
        if name.casefold() in _NAMES:
            return name, f"it is called {name!r}"
    last = table.columns[-1]
    pairs = [name for name in usable if table[name].drop_nulls().n_unique() == 2]
    if last in pairs:
        return last, "it is the last column and has two different values"
    if len(pairs) == 1:
        return pairs[0], "no other column has just two different values"
    if usable[-1] == last:
        return last, "it is the last column"
    return usable[-1], "it is the last column that can be predicted"
