"""Parquet files, with their types brought to the few that tables here have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData
from kervan.core.reading import composed
from kervan.data.cast import clean, without_missing
from kervan.data.seen import ignore_line
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.structure import check_names

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions


class ParquetSource:
    """Tables in `.parquet` files."""

    suffixes = (".parquet", ".pq")

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of a Parquet file."""
        return location.lower().endswith(self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row.

        Whole numbers become 64-bit integers, other numbers 64-bit floats, NaN null. Texts lose
        surrounding blanks, and those in `options.missing` become null.
        """
        import polars as pl

        try:
            table = pl.read_parquet(path, glob=False, hive_partitioning=False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            refuse_disguised(_beginning(path), path.name, "no Parquet file")
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InvalidData(
                f"{path.name} is no readable Parquet file: {reason}", hint="fetch or write it again"
            ) from error
        table.columns = [composed(name) for name in table.columns]
        check_names(table.columns, path.name)
        plain = table.with_columns(_plain(column, path.name, options) for column in table.get_columns())
        return without_missing(clean(plain, options.missing), options.missing)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return b"" if (start := file.read(4096)).startswith(b"PAR1") else start
    except OSError:
        return b""


def _plain(column: pl.Series, file: str, options: ReadOptions) -> pl.Series:
    """Bring a column to one of the types Int64, Float64, Boolean, String, Date and Datetime."""
    import polars as pl

    try:
        return _brought(column, file)
    except InvalidData:
        if column.name not in options.dropped:
            raise
        return pl.Series(column.name, [None] * len(column), dtype=pl.String)


def _brought(column: pl.Series, file: str) -> pl.Series:
    import polars as pl

    kind = column.dtype
    if kind.is_integer():
        return _integers(column, file)
    if kind.is_float() or kind.is_decimal():
        return _floats(column, file)
    if isinstance(kind, (pl.Categorical, pl.Enum, pl.Null)):
        return column.cast(pl.String)
    if isinstance(kind, pl.Datetime):
        return column.dt.cast_time_unit("us")
    if isinstance(kind, (pl.Boolean, pl.String, pl.Date)):
        return column
    raise InvalidData(
        f"{file}: column {column.name!r} holds {kind} values, which no table here can have",
        hint=f"leave it out: `[data] {ignore_line(column.name)}`; or turn it into plain columns first",
    )


def _integers(column: pl.Series, file: str) -> pl.Series:
    import polars as pl

    whole = column.cast(pl.Int64, strict=False)
    if whole.null_count() == column.null_count():
        return whole
    row = int((whole.is_null() & column.is_not_null()).arg_true()[0])
    raise InvalidData(
        f"{file}: column {column.name!r}, row {row + 1}: {column[row]} does not fit 64 bits",
        hint="write such keys as texts",
    )


def _floats(column: pl.Series, file: str) -> pl.Series:
    import polars as pl

    numbers = column.cast(pl.Float64).fill_nan(None)
    endless = numbers.is_infinite().fill_null(value=False).arg_true()
    if len(endless):
        row = int(endless[0])
        raise InvalidData(
            f"{file}: column {column.name!r}, row {row + 1}: {numbers[row]} is no number",
            hint="leave the value empty where it is not known",
        )
    return numbers
