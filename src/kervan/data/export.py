"""Tables as files for people and other programs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, StorageFailed, first_line
from kervan.data.room import is_of_disk
from kervan.data.spreadsheet import csv_text

if TYPE_CHECKING:
    import polars as pl

_ROW_GROUP = 1 << 17
ENDINGS = (".csv", ".parquet", ".ndjson")


def write(tables: Iterable[pl.DataFrame], to: Path, *, exact: bool = False) -> int:
    """Write the rows of some tables as CSV, Parquet or JSON lines, as the file's name says; all or nothing.

    There is one table at least, and all have the same columns. Returns the number of rows. In CSV, texts that
    a spreadsheet would run get a quote in front, unless they are to be `exact`.
    """
    check_ending(to)
    fresh = to.with_name(f".{to.name}.part")
    try:
        rows = _WRITERS[to.suffix](tables, fresh, exact)
        fresh.replace(to)
    except BaseException as error:
        fresh.unlink(missing_ok=True)
        if not is_of_disk(error):
            raise
        reason = (isinstance(error, OSError) and error.strerror) or first_line(error)
        raise StorageFailed(
            f"cannot write {to}: {reason}", hint="check the folder, its permissions and the free space"
        ) from error
    return rows


def check_ending(to: Path) -> None:
    """Raise `InvalidInput` for a file whose name says no kind that can be written, or whose folder is not."""
    if to.suffix not in ENDINGS:
        raise InvalidInput(
            f"{to} names no kind of file that can be written", hint=f"end the name in {', '.join(ENDINGS)}"
        )
    if not to.parent.is_dir():
        raise InvalidInput(f"there is no folder {to.parent}", hint="make it first, or choose another one")


def _write_parquet(tables: Iterable[pl.DataFrame], to: Path, _: bool) -> int:
    import polars as pl

    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}.") as folder:
        rows = 0
        for place, table in enumerate(tables):
            table.write_parquet(Path(folder) / f"{place:06}.parquet")
            rows += table.height
        pl.scan_parquet(sorted(Path(folder).iterdir()), glob=False).sink_parquet(
            to, row_group_size=_ROW_GROUP
        )
    return rows


def _write_csv(tables: Iterable[pl.DataFrame], to: Path, exact: bool) -> int:
    rows = 0
    with to.open("wb") as file:
        for place, table in enumerate(tables):
            file.write(csv_text(table, exact=exact, header=not place).encode())
            rows += table.height
    return rows


def _write_lines(tables: Iterable[pl.DataFrame], to: Path, _: bool) -> int:
    rows = 0
    with to.open("wb") as file:
        for table in tables:
            table.write_ndjson(file)
            rows += table.height
    return rows


_WRITERS: dict[str, Callable[[Iterable[pl.DataFrame], Path, bool], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".ndjson": _write_lines,
}
