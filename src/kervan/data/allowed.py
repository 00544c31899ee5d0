"""What the texts of a column are, noted batch by batch: the type is one that all of them allow."""

from __future__ import annotations

from enum import IntFlag, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_ZERO = r"^[+-]?0\d"  # postal codes keep their zeros
_LONG = r"^[+-]?\d{19}"  # long keys keep their digits
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_OFFSET = r"(?:(Z)|([+-])(\d{2}):?(\d{2})?)$"


class Note(IntFlag):
    """What was seen among texts. Those of two batches together are `|` of both: nothing is unseen again.

    `ZERO` and `LONG` are only looked for while all texts are numbers.
    """

    NOTHING = 0
    VALUE = auto()
    NO_NUMBER = auto()
    NO_WHOLE = auto()
    ZERO = auto()
    LONG = auto()
    NO_BOOLEAN = auto()
    NO_DATE = auto()
    NO_TIME = auto()
    NO_OFFSET = auto()


NO_TIMES = Note.NO_DATE | Note.NO_TIME | Note.NO_OFFSET
ONLY_TIMES = Note.NO_NUMBER | Note.NO_BOOLEAN
ONLY_TEXTS = ONLY_TIMES | NO_TIMES


def noted(texts: pl.Series, before: Note = Note.NOTHING) -> Note:
    """Return what is known of a column with these texts too; its name must be ""."""
    present = texts.drop_nulls()
    if not len(present):
        return before
    note = before | Note.VALUE
    if not note & Note.NO_NUMBER:
        note |= _of_numbers(present)
    if not note & Note.NO_BOOLEAN and not present.str.to_lowercase().is_in(["true", "false"]).all():
        note |= Note.NO_BOOLEAN
    for flag, read in ((Note.NO_DATE, _dates), (Note.NO_TIME, _times), (Note.NO_OFFSET, _in_utc)):
        if not note & flag and read(present) is None:
            note |= flag
    return note


def read_as(texts: pl.Series, note: Note) -> pl.Series:
    """Return the texts of a column, of which this is known, as values of the type that all of them allow.

    Whole numbers beyond 64 bits and texts with leading zeros (`01234`) stay texts, as they are identifiers.
    """
    import polars as pl

    if not note & Note.VALUE or note & ONLY_TEXTS == ONLY_TEXTS:
        return texts
    if not note & Note.NO_NUMBER:
        if not note & (Note.NO_WHOLE | Note.ZERO):
            return texts.cast(pl.Int64)
        return texts if note & (Note.ZERO | Note.LONG) else finite(texts)
    if not note & Note.NO_BOOLEAN:
        return texts.str.to_lowercase() == "true"
    read = _as_date if not note & Note.NO_DATE else _as_time if not note & Note.NO_TIME else _as_utc
    return read(texts)


def finite(texts: pl.Series) -> pl.Series:
    """Read finite numbers; anything else is null."""
    import polars as pl

    numbers = texts.cast(pl.Float64, strict=False)
    return numbers.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()


def _of_numbers(present: pl.Series) -> Note:
    import polars as pl

    if finite(present).null_count():
        return Note.NO_NUMBER
    note = Note.NO_BOOLEAN | NO_TIMES
    if present.cast(pl.Int64, strict=False).null_count():
        note |= Note.NO_WHOLE
    if present.str.contains(_ZERO).any():
        note |= Note.ZERO
    if present.str.contains(_LONG).any():
        note |= Note.LONG
    return note


def _dates(present: pl.Series) -> pl.Series | None:
    return _all(_as_date(present)) if present.str.contains(_DATE).all() else None


def _times(present: pl.Series) -> pl.Series | None:
    return _all(_as_time(present)) if present.str.contains(_TIME + "$").all() else None


def _in_utc(present: pl.Series) -> pl.Series | None:
    return _all(_as_utc(present)) if present.str.contains(_TIME + _OFFSET).all() else None


def _all(values: pl.Series) -> pl.Series | None:
    return None if values.null_count() else values


def _as_date(texts: pl.Series) -> pl.Series:
    return texts.str.to_date("%Y-%m-%d", strict=False)


def _as_time(texts: pl.Series) -> pl.Series:
    import polars as pl

    spaced = texts.str.replace("T", " ", literal=True).to_frame()
    first = pl.first()
    is_short = first.str.len_bytes() == len("2024-02-29 10:00")
    padded = spaced.select(pl.when(is_short).then(first + ":00").otherwise(first)).to_series()
    return padded.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")


def _as_utc(texts: pl.Series) -> pl.Series:
    """Read times that name their offset from UTC, as times in UTC without one."""
    import polars as pl

    part = pl.col("text").str.extract
    ahead = part(_OFFSET, 3).cast(pl.Int64).fill_null(0) * 60 + part(_OFFSET, 4).cast(pl.Int64).fill_null(0)
    minutes = pl.when(part(_OFFSET, 2) == "-").then(-ahead).otherwise(ahead)
    local = _as_time(texts.str.replace(_OFFSET, ""))
    return local - texts.alias("text").to_frame().select(pl.duration(minutes=minutes)).to_series()
