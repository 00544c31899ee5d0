"""Answers as columns beside the caller's own, and as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, StorageFailed
from kervan.data.spreadsheet import csv_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

ENDINGS = (".csv", ".parquet", ".ndjson")


def beside(table: pl.DataFrame, answers: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return the table with a column for each part of an answer: value or label, probabilities, id, flags.

    A name that the table has already gets `_` in front.
    """
    import polars as pl

    first = answers[0]
    parts: dict[str, list[Any]] = {}
    if "value" in first:
        parts["prediction"] = [answer["value"] for answer in answers]
    else:
        parts["prediction"] = [answer["label"] for answer in answers]
        for label in first["probabilities"]:
            parts[f"probability of {label}"] = [answer["probabilities"][label] for answer in answers]
    parts["prediction id"] = [answer["id"] for answer in answers]
    if "flags" in first:
        parts["flags"] = ["; ".join(answer["flags"]) for answer in answers]
    taken = set(table.columns)
    columns = []
    for name, values in parts.items():
        free = name
        while free in taken:
            free = f"_{free}"
        taken.add(free)
        columns.append(pl.Series(free, values))
    return table.with_columns(columns)


def write(table: pl.DataFrame, to: Path, *, exact: bool = False) -> None:
    """Write a table as CSV, Parquet or JSON lines, as the file's name says; whole, or not at all.

    In CSV, texts that a spreadsheet would run get a quote in front, unless they are to be `exact`.
    """
    check_ending(to)
    fresh = to.with_name(f".{to.name}.part")
    try:
        if to.suffix == ".parquet":
            table.write_parquet(fresh)
        elif to.suffix == ".csv":
            fresh.write_bytes(csv_text(table, exact=exact).encode())
        else:
            table.write_ndjson(fresh)
        fresh.replace(to)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise StorageFailed(
            f"cannot write {to}: {reason}", hint="check the folder, its permissions and the free space"
        ) from error


def check_ending(to: Path) -> None:
    """Raise `InvalidInput` for a file whose name says no kind that can be written, or whose folder is not."""
    if to.suffix not in ENDINGS:
        raise InvalidInput(
            f"{to} names no kind of file that can be written", hint=f"end the name in {', '.join(ENDINGS)}"
        )
    if not to.parent.is_dir():
        raise InvalidInput(f"there is no folder {to.parent}", hint="make it first, or choose another one")
