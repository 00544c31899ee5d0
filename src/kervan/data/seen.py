"""By which columns a model can tell rows apart, and which columns only name their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import polars as pl

FEWEST_ROWS = 20  # so many values may well rise, or differ, by chance
FEW_DIFFERENT = 50  # so few different rows would make parts of very unequal size

_HASH = r"^(?:0x)?[0-9a-fA-F]{16,128}$"
_UUID = r"^\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?$"
_CODE = r"^[^\s]*\d[^\s]*$"  # one word with a digit: an order's number, a licence plate


def seen(table: pl.DataFrame, target: str, unseen: Collection[str]) -> tuple[str, ...]:
    """Return the columns that decide on which side of a split a row falls, in the table's order.

    They are what a model sees of a row: neither the target nor the columns in `unseen`, nor what only
    numbers the rows, unless little else tells them apart. Where a model sees fewer than 50 different rows,
    the target counts too: parts of so few pieces would have no like sizes.
    """
    inputs = [name for name in table.columns if name != target and name not in unseen]
    telling = [name for name in inputs if not names_rows(table[name])]
    if different(table, telling) >= FEW_DIFFERENT:
        return tuple(telling)
    if different(table, inputs) >= FEW_DIFFERENT:
        return tuple(inputs)
    return tuple(name for name in table.columns if name in inputs or name == target)


def different(table: pl.DataFrame, names: Collection[str]) -> int:
    """Count the rows that differ in the named columns; without any column all are the same."""
    if not names or not table.height:
        return min(1, table.height)
    # Columns one by one: a list of names would be read as patterns.
    return table.select([table[name] for name in names]).n_unique()


def names_rows(column: pl.Series) -> str:
    """Say in words why a column only names its rows, or "" if it does not look like that.

    Judged by the values alone: whole numbers that are unique and rise from row to row, or that number the
    rows in any order; hashes; words with digits of which each is there once.
    """
    import polars as pl

    present = column.drop_nulls()
    if len(present) < FEWEST_ROWS:
        return ""
    if column.dtype == pl.String:
        return _text_names(present)
    if not column.dtype.is_integer() or len(present) < len(column) or present.n_unique() < len(present):
        return ""
    if bool((present.diff().drop_nulls() > 0).all()):
        return "its whole numbers are unique and rise from row to row"
    if int(present.max()) - int(present.min()) == len(present) - 1:  # type: ignore[arg-type]  # integers
        return "its whole numbers number the rows"
    return ""


def proposals(table: pl.DataFrame, target: str, known: Collection[str]) -> Iterator[Finding]:
    """Propose to ignore the columns that only name their rows; those in `known` are taken care of."""
    for column in table.get_columns():
        if column.name == target or column.name in known:
            continue
        if reason := names_rows(column):
            yield Finding(
                rule="identifier",
                subject=column.name,
                verdict=Verdict.WARNED,
                message=f"column {column.name!r} looks like an identifier: {reason}",
                hint=f"models learn nothing from it: `[data] {ignore_line(column.name)}` leaves it out",
            )


def ignore_line(name: str) -> str:
    """Return the line of `kervan.toml` that leaves a column out."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'ignore = ["{quoted}"]'


def _text_names(present: pl.Series) -> str:
    if present.str.contains(_HASH).all() or present.str.contains(_UUID).all():
        return "its texts are hashes" if present.n_unique() > 2 else ""
    if present.n_unique() == len(present) and present.str.contains(_CODE).all():
        return "its texts are words with digits, each there once"
    return ""
