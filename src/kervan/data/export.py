"""Tables as files for people and other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, StorageFailed
from kervan.data.spreadsheet import csv_text

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

ENDINGS = (".csv", ".parquet", ".ndjson")


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
