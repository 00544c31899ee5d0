"""The types of other programs' tables, brought to the few that tables here have, without a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData
from kervan.core.reading import composed
from kervan.data.cast import clean, without_missing
from kervan.data.seen import ignore_line
from kervan.data.sources.structure import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl

    from kervan.core.ports import ReadOptions

_VALUE_BYTES, _TEXT_BYTES = 8, 32


def plain_table(table: pl.DataFrame, file: str, options: ReadOptions) -> pl.DataFrame:
    """Return a table of plain types, or raise `InvalidData` that names file, column and row.

    Whole numbers become 64-bit integers, other numbers 64-bit floats, NaN null. Texts lose
    surrounding blanks, and those in `options.missing` become null.
    """
    plain = plain_types(table, file, options)
    return without_missing(clean(plain, options.missing), options.missing)


def plain_batches(
    frames: Callable[[], Iterable[pl.DataFrame]], file: str, options: ReadOptions
) -> Iterator[pl.DataFrame]:
    """Yield the rows of frames as `plain_table` would return them; `frames` gives them from the start.

    As in one table, the first column with a value that none here can have is named, by its first such row:
    what comes behind it is not given any more, but looked at.
    """
    import polars as pl

    lost = _lost(frames(), file, options) if options.dropped else frozenset()
    wrong: InvalidData | None = None
    most, start = None, 0
    for frame in frames():
        columns: list[pl.Series] = []
        for column in _named(frame, file)[:most]:
            try:
                columns.append(_absent(column) if column.name in lost else _typed(column, file, "", start))
            except InvalidData as error:
                wrong, most = error, len(columns)
                break
        start += frame.height
        if wrong is None:
            yield without_missing(clean(pl.DataFrame(columns), options.missing), options.missing)
    if wrong is not None:
        raise wrong


def weight_of(lazy: pl.LazyFrame) -> int:
    """Return about how many bytes a table takes in memory, judged by its rows and types."""
    import polars as pl

    rows = int(lazy.select(pl.len()).collect().item())
    kinds = lazy.collect_schema().dtypes()
    return rows * sum(_TEXT_BYTES if kind == pl.String else _VALUE_BYTES for kind in kinds)


def _lost(frames: Iterable[pl.DataFrame], file: str, options: ReadOptions) -> frozenset[str]:
    """Return the columns that are thrown away later and hold what no table here can have."""
    found: set[str] = set()
    for frame in frames:
        for column in _named(frame, file):
            if column.name in options.dropped and column.name not in found:
                try:
                    _typed(column, file, "")
                except InvalidData:
                    found.add(column.name)
    return frozenset(found)


def plain_types(
    table: pl.DataFrame, file: str, options: ReadOptions, *, hint: str = "", start: int = 0
) -> pl.DataFrame:
    """Return a table of plain types whose texts are as they were written; raises as `plain_table` does.

    `hint` says what to do about a column of another type; by default, to leave it out. So many rows as
    `start` says come before these.
    """
    import polars as pl

    columns = (_plain(column, file, options, hint, start) for column in _named(table, file))
    return pl.DataFrame(list(columns))


def _named(table: pl.DataFrame, file: str) -> list[pl.Series]:
    names = [composed(name) for name in table.columns]
    check_names(names, file)
    return [column.alias(name) for name, column in zip(names, table.get_columns(), strict=True)]


def _plain(column: pl.Series, file: str, options: ReadOptions, hint: str, start: int) -> pl.Series:
    try:
        return _typed(column, file, hint, start)
    except InvalidData:
        if column.name not in options.dropped:
            raise
        return _absent(column)


def _absent(column: pl.Series) -> pl.Series:
    import polars as pl

    return pl.Series(column.name, [None] * len(column), dtype=pl.String)


def _typed(column: pl.Series, file: str, hint: str, start: int = 0) -> pl.Series:
    """Bring a column to one of the types Int64, Float64, Boolean, String, Date and Datetime.

    `start` is the number of rows before it.
    """
    where = f"{file}: column {column.name!r}"
    # Series methods look their own name up as a pattern: one called "^a$" would not find itself.
    brought = _brought(column.alias(""), where, start)
    if brought is None:
        raise InvalidData(
            f"{where} holds {column.dtype} values, which no table here can have",
            hint=hint or f"leave it out: `[data] {ignore_line(column.name)}`; or turn it into plain columns",
        )
    return brought.alias(column.name)


def _brought(column: pl.Series, where: str, start: int) -> pl.Series | None:
    import polars as pl

    kind = column.dtype
    if kind.is_integer() or (isinstance(kind, pl.Decimal) and kind.scale == 0):
        return _integers(column, where, start)
    if kind.is_numeric():
        return _decimals(column, where, start) if kind.is_decimal() else _floats(column, where, start)
    if isinstance(kind, (pl.Categorical, pl.Enum, pl.Null)):
        return column.cast(pl.String)
    if isinstance(kind, pl.Datetime):
        return _times(column, where, start)
    return column if isinstance(kind, (pl.Boolean, pl.String, pl.Date)) else None


def _integers(column: pl.Series, where: str, start: int) -> pl.Series:
    import polars as pl

    whole = column.cast(pl.Int64, strict=False)
    if whole.null_count() == column.null_count():
        return whole
    row = int((whole.is_null() & column.is_not_null()).arg_true()[0])
    raise InvalidData(
        f"{where}, row {start + row + 1}: {column[row]} does not fit 64 bits",
        hint="write such keys as texts",
    )


def _floats(column: pl.Series, where: str, start: int) -> pl.Series:
    import polars as pl

    numbers = column.cast(pl.Float64).fill_nan(None)
    endless = numbers.is_infinite().fill_null(value=False).arg_true()
    if len(endless):
        row = int(endless[0])
        raise InvalidData(
            f"{where}, row {start + row + 1}: {numbers[row]} is no number",
            hint="leave the value empty where it is not known",
        )
    return numbers


def _decimals(column: pl.Series, where: str, start: int) -> pl.Series:
    """Read decimals as floats, which tell 15 digits apart."""
    import polars as pl

    numbers = column.cast(pl.Float64)
    back = numbers.cast(column.dtype, strict=False)
    changed = (back.is_null() & column.is_not_null()) | (back != column).fill_null(value=False)
    for row in changed.arg_true().head(1):
        raise InvalidData(
            f"{where}, row {start + row + 1}: {column[row]} has more digits than a number here",
            hint="round it to 15 digits, or write it as text",
        )
    return numbers


def _times(column: pl.Series, where: str, start: int) -> pl.Series:
    """Read times in microseconds, in their zone."""
    import polars as pl

    kept = column.dt.cast_time_unit("us")
    if column.dtype == pl.Datetime("ns", column.dtype.time_zone):  # type: ignore[attr-defined]  # a Datetime
        finer = (column.to_physical() % 1000 != 0).fill_null(value=False)
        for row in finer.arg_true().head(1):
            raise InvalidData(
                f"{where}, row {start + row + 1}: a time here has microseconds, "
                f"{column.to_physical()[row] % 1000} nanoseconds would be lost",
                hint="round the column to microseconds",
            )
    return kept
