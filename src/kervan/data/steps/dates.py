"""Dates and times as people write them. Whether the day comes first is proved by the column, or said."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData, first_line
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.shaping import Parse
    from kervan.data.steps.spot import Spot

_EPOCHS = {"epoch": 1_000_000, "epoch ms": 1_000, "epoch us": 1}
_CLOCK = (
    r"(?:[T ](?<hour>\d{1,2}):?(?<minute>\d{2})(?::?(?<second>\d{2})(?:[.,](?<part>\d{1,6})\d*)?)?)?"
    r"(?<offset>Z|[+-]\d{2}:?\d{2})?$"
)
_NOTATIONS = (
    r"^(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})" + _CLOCK,
    r"^(?<year>\d{4})[./](?<month>\d{1,2})[./](?<day>\d{1,2})" + _CLOCK,
    r"^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})" + _CLOCK,
)
# Here nobody can tell by one text whether the day or the month comes first.
_EITHER = r"^(?<first>\d{1,2})[-./](?<other>\d{1,2})[-./](?<year>\d{4})" + _CLOCK
_FIELDS = ("year", "month", "day", "hour", "minute", "second", "part", "offset")
_MIDNIGHT = time()
_MONTHS = 12


def dates(column: pl.Series, step: Parse, spot: Spot) -> tuple[pl.Series, list[str]]:
    """Return a column of dates, or of times without a zone (in UTC where one is known), and remarks.

    Raises `InvalidData` that names a row which is no date, or which the time zone skips or has twice.
    """
    import polars as pl

    if step.format in _EPOCHS:
        return _of_epoch(column, step, spot), []
    texts = as_texts(column).alias("")
    noticed: list[str] = []
    if column.dtype.is_temporal():
        found = column.cast(pl.Datetime("us"))
    elif step.format:
        found = _by_format(texts, step, spot)
    else:
        found, noticed = _by_notation(texts, step, spot)
    spot.refuse(texts, texts.is_not_null() & found.is_null(), "holds what is no date")
    if step.to == "date":
        spot.refuse(texts, found.dt.time() != _MIDNIGHT, 'has times of the day (say to = "datetime")')
        return found.dt.date(), noticed
    return _zoned(found, texts, step, spot), noticed


def _by_format(texts: pl.Series, step: Parse, spot: Spot) -> pl.Series:
    import polars as pl

    try:
        if step.to == "date":
            return texts.str.to_date(step.format, strict=False).cast(pl.Datetime("us"))
        return texts.str.to_datetime(step.format, strict=False, time_unit="us").dt.replace_time_zone(None)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{spot.place}: format = {step.format!r}: {first_line(error)}") from error


def _by_notation(texts: pl.Series, step: Parse, spot: Spot) -> tuple[pl.Series, list[str]]:
    """Read every text by the notation that it is written in."""
    import polars as pl

    parts = [texts.str.extract_groups(pattern).struct.unnest().select(_FIELDS) for pattern in _NOTATIONS]
    either = texts.str.extract_groups(_EITHER).struct.unnest()
    told = either["year"].is_not_null()
    if told.any():
        is_day_first = _day_first(either.filter(told), texts.filter(told), step, spot)
        day, month = ("first", "other") if is_day_first else ("other", "first")
        parts.append(either.rename({day: "day", month: "month"}).select(_FIELDS))
    merged = pl.DataFrame(
        {
            field: pl.DataFrame({str(at): each[field] for at, each in enumerate(parts)})
            .select(pl.coalesce(pl.all()))
            .to_series()
            for field in _FIELDS
        }
    )
    used = sum(1 for each in parts if each["year"].count())
    return _times(merged), [f"{spot.column!r} has dates in {used} notations"] if used > 1 else []


def _times(parts: pl.DataFrame) -> pl.Series:
    """Put times together; those that name their offset are in UTC. What is no date is null."""
    import polars as pl

    day = pl.concat_str(
        pl.col("year"), pl.lit("-"), pl.col("month").str.zfill(2), pl.lit("-"), pl.col("day").str.zfill(2)
    )
    clock = [pl.col(field).fill_null("00").str.zfill(2) for field in ("hour", "minute", "second")]
    local = pl.concat_str(day, *clock, separator=":").str.to_datetime(
        "%Y-%m-%d:%H:%M:%S", strict=False, time_unit="us"
    )
    offset = pl.col("offset").str.replace("Z", "+0000").str.replace(":", "")
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    minutes = sign * (offset.str.slice(1, 2).cast(pl.Int64) * 60 + offset.str.slice(3, 2).cast(pl.Int64))
    micro = pl.col("part").fill_null("0").str.pad_end(6, "0").cast(pl.Int64)
    found = local + pl.duration(microseconds=micro) - pl.duration(minutes=minutes.fill_null(0))
    return parts.select(found.alias("")).to_series()


def _day_first(either: pl.DataFrame, texts: pl.Series, step: Parse, spot: Spot) -> bool:
    """Say whether 01.02.2024 is the first of February: as the step says, or as the column proves."""
    import polars as pl

    if step.day_first is not None:
        return step.day_first
    first, other = (either[field].cast(pl.Int32) for field in ("first", "other"))
    days, months = (first > _MONTHS), (other > _MONTHS)
    if days.any() and months.any():
        shown = " and".join(spot.shown(texts[int(found.arg_true()[0])]) for found in (days, months))
        raise InvalidData(
            f"{spot} has dates whose day comes first, and others whose month does:{shown}",
            hint="part them by another column, or mend them in the source",
        )
    if days.any() or months.any() or (first == other).all():
        return bool(days.any())
    raise InvalidData(
        f"{spot}: nobody can tell whether the day or the month comes first in{spot.shown(texts[0])}",
        hint="say it: day_first = true",
    )


def _of_epoch(column: pl.Series, step: Parse, spot: Spot) -> pl.Series:
    import polars as pl

    values = column.cast(pl.Float64, strict=False)
    spot.refuse(
        as_texts(column).alias(""), column.is_not_null() & values.is_null(), "holds what is no number"
    )
    micro = (values * _EPOCHS[step.format]).round().cast(pl.Int64, strict=False)
    found = micro.cast(pl.Datetime("us"))
    return found.dt.date() if step.to == "date" else found


def _zoned(found: pl.Series, texts: pl.Series, step: Parse, spot: Spot) -> pl.Series:
    """Bring local times to UTC; those that a change of the clock skips or has twice are refused."""
    import polars as pl

    if not step.zone:
        return found
    try:
        local = found.dt.replace_time_zone(step.zone, ambiguous="null", non_existent="null")
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{spot.place}: zone = {step.zone!r}: {first_line(error)}") from error
    wrong = local.is_null() & found.is_not_null()
    spot.refuse(texts, wrong, f"has times that {step.zone} skips or has twice")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
