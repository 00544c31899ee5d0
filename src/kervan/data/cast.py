"""From texts to typed values, judged by the whole column, with warnings about nearly numeric ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.core.reading import BLANKS, COMPOSED, Reading
from kervan.data.looks import looks

if TYPE_CHECKING:
    from collections.abc import Collection

    import polars as pl

_IDENTIFIER = r"^[+-]?(0\d|\d{19})"  # postal codes keep their zeros, long keys their digits
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_OFFSET = r"(?:(Z)|([+-])(\d{2}):?(\d{2})?)$"


def clean(table: pl.DataFrame, missing: Collection[str]) -> pl.DataFrame:
    """Read all texts by the rules of tables: no blanks around them, NFC; those that mean missing are null."""
    import polars as pl

    rules = Reading.of_table(missing)
    text = pl.col(pl.String).str.strip_chars(BLANKS).str.normalize(COMPOSED)
    return table.with_columns(pl.when(text.is_in(rules.missing).not_()).then(text))


def without_missing(table: pl.DataFrame, missing: Collection[str]) -> pl.DataFrame:
    """Make the numbers null that one of the texts in `missing` writes: `-999` stands for -999.0 too."""
    import polars as pl

    absent = sorted(Reading.of_table(missing).numbers)
    if not absent:
        return table
    whole = pl.Series(
        [int(each) for each in absent if each.is_integer() and abs(each) < 2**63], dtype=pl.Int64
    )
    kinds: dict[pl.DataType, pl.Series] = {
        pl.Int64(): whole,
        pl.Float64(): pl.Series(absent, dtype=pl.Float64),
    }
    return table.with_columns(
        _absent(column, kinds[column.dtype]) for column in table.get_columns() if column.dtype in kinds
    )


def _absent(column: pl.Series, numbers: pl.Series) -> pl.Series:
    import polars as pl

    kept = pl.when(pl.first().is_in(numbers.implode()).not_()).then(pl.first())
    return column.alias("").to_frame().select(kept).to_series().alias(column.name)


def typed(table: pl.DataFrame, texts: Collection[str] = ()) -> pl.DataFrame:
    """Type the text columns: integer, number, boolean, ISO date or ISO datetime where all values are such.

    Texts with leading zeros (`01234`) and whole numbers beyond 64 bits stay texts, as they are
    identifiers; so do columns with `inf` or one value that is not a number, and those named in `texts`.
    """
    import polars as pl

    untyped = (
        column
        for column in table.get_columns()
        if column.dtype == pl.String and column.null_count() < len(column) and column.name not in texts
    )
    # Series methods look their own name up as a pattern: one called "^a$" would not find itself.
    return table.with_columns(_typed(column.alias("")).alias(column.name) for column in untyped)


def timed(table: pl.DataFrame, texts: Collection[str] = ()) -> pl.DataFrame:
    """Type the text columns of which all values are ISO dates or ISO datetimes, but for those in `texts`."""
    import polars as pl

    untyped = (
        column
        for column in table.get_columns()
        if column.dtype == pl.String and column.null_count() < len(column) and column.name not in texts
    )
    return table.with_columns(_timed(column.alias("")).alias(column.name) for column in untyped)


def suspicious_columns(table: pl.DataFrame, hidden: Collection[str] = ()) -> tuple[Finding, ...]:
    """Warn about text columns that look like something else and names that look like values.

    The values of columns in `hidden` are not shown. Rows count from 1 without the header.
    """
    import polars as pl

    found: list[Finding] = []
    for column in table.get_columns():
        if column.dtype == pl.String:
            found += looks(column, _numbers(column), is_hidden=column.name in hidden)
    numeric = [name for name in table.columns if table[name].dtype.is_numeric() and _is_number(name)]
    if numeric:
        message = f"the column name {numeric[0]!r} looks like a value: the first line may not be a header"
        hint = "put a line with the columns' names first, if there is none"
        found.append(
            Finding(rule="header", subject=numeric[0], verdict=Verdict.WARNED, message=message, hint=hint)
        )
    return tuple(found)


def _typed(column: pl.Series) -> pl.Series:
    import polars as pl

    present = column.drop_nulls()
    whole = column.cast(pl.Int64, strict=False)
    numbers = _numbers(column)
    if numbers.null_count() == column.null_count():
        if whole.null_count() == column.null_count() and not present.str.contains(r"^[+-]?0\d").any():
            return whole
        return column if present.str.contains(_IDENTIFIER).any() else numbers
    if present.str.to_lowercase().is_in(["true", "false"]).all():
        return column.str.to_lowercase() == "true"
    return _times(column, present)


def _timed(column: pl.Series) -> pl.Series:
    return _times(column, column.drop_nulls())


def _times(column: pl.Series, present: pl.Series) -> pl.Series:
    """Read dates, times, or times that name their offset, where all texts are such."""
    if present.str.contains(_DATE).all():
        return _if_all(column, column.str.to_date("%Y-%m-%d", strict=False))
    if present.str.contains(_TIME + "$").all():
        return _if_all(column, _datetimes(column))
    if present.str.contains(_TIME + _OFFSET).all():
        return _if_all(column, _in_utc(column))
    return column


def _in_utc(column: pl.Series) -> pl.Series:
    """Read times that name their offset from UTC, as times in UTC without one."""
    import polars as pl

    texts = column.alias("text").to_frame()
    part = pl.col("text").str.extract
    ahead = part(_OFFSET, 3).cast(pl.Int64).fill_null(0) * 60 + part(_OFFSET, 4).cast(pl.Int64).fill_null(0)
    minutes = pl.when(part(_OFFSET, 2) == "-").then(-ahead).otherwise(ahead)
    local = _datetimes(column.str.replace(_OFFSET, ""))
    return local - texts.select(pl.duration(minutes=minutes)).to_series()


def _datetimes(column: pl.Series) -> pl.Series:
    padded = column.str.replace("T", " ", literal=True).str.replace(r"^(.{16})$", "${1}:00")
    return padded.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")


def _if_all(texts: pl.Series, values: pl.Series) -> pl.Series:
    return values if values.null_count() == texts.null_count() else texts


def _numbers(texts: pl.Series) -> pl.Series:
    """Read finite numbers; anything else is null."""
    import polars as pl

    numbers = texts.cast(pl.Float64, strict=False)
    return numbers.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
