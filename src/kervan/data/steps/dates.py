"""Dates and times as people write them. Whether the day comes first is proved by the column, or said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData, first_line
from kervan.core.written import EITHER, EPOCHS, NOTATIONS, PARTS, Written
from kervan.data.steps.remark import Remark
from kervan.data.steps.spot import Refusals
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from kervan.core.shaping import Parse
    from kervan.data.steps.spot import Spot

_MIDNIGHT = time()
_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A piece of a column; `parts` has a frame for each notation, `either` those that need a decision."""

    column: pl.Series
    texts: pl.Series
    parts: tuple[pl.DataFrame, ...] = ()
    either: pl.DataFrame | None = None


class Dates:
    """How a column writes its dates: decided by all of it, then read piece by piece.

    What comes out are dates, or times without a zone (in UTC where one is known).
    """

    def __init__(self, step: Parse, spot: Spot) -> None:
        self._step = step
        self._spot = spot
        self._is_day_first: bool | None = None
        self._refused = Refusals(spot)
        self.remarks: list[Remark] = []

    def taken_apart(self, column: pl.Series) -> _Parts:
        """Find the parts of each date, once for all that is done with a piece."""
        texts = as_texts(column).alias("")
        if not self._is_by_notation(column):
            return _Parts(column=column, texts=texts)
        parts = (texts.str.extract_groups(pattern).struct.unnest().select(PARTS) for pattern in NOTATIONS)
        either = texts.str.extract_groups(EITHER).struct.unnest()
        return _Parts(column=column, texts=texts, parts=tuple(parts), either=either)

    def decide(self, pieces: Iterable[_Parts]) -> None:
        """Find out in all pieces whether the day comes first, or raise `InvalidData`."""
        if self._step.format:
            return
        order, used = _Order(), set[int]()
        for piece in pieces:
            used |= {place for place, each in enumerate(piece.parts) if each["year"].count()}
            if piece.either is not None:
                order.add(piece.either, piece.texts)
        if order.first is not None:
            self._is_day_first = order.decided(self._step.day_first, self._spot)
            used.add(len(NOTATIONS))
        if len(used) > 1:
            self.remarks = [Remark(text=f"{self._spot.column!r} has dates in {len(used)} notations")]

    @property
    def written(self) -> Written | None:
        """How the column is written, once that is decided; None if it is hidden, or read by Polars alone."""
        step = self._step
        found = Written(to=step.to, format=step.format, is_day_first=self._is_day_first, zone=step.zone)
        return found if found.is_portable and not self._spot.is_hidden else None

    def read(self, piece: _Parts) -> pl.Series:
        """Return dates or times; what cannot be read is null, and kept in mind for `check`."""
        import polars as pl

        if self._step.format in EPOCHS:
            found = self._of_epoch(piece)
        elif piece.column.dtype.is_temporal():
            found = self._checked(piece.column.cast(pl.Datetime("us")), piece.texts)
        elif self._step.format:
            found = self._checked(self._by_format(piece.texts), piece.texts)
        else:
            merged = self._merged(piece)
            found = self._checked(_times(merged), piece.texts, merged["offset"])
        self._refused.passed(len(found))
        return found.dt.date() if self._step.to == "date" else found

    def check(self) -> None:
        """Raise `InvalidData` for rows that are no date, or whose time the zone skips or has twice."""
        self._refused.check()

    def _is_by_notation(self, column: pl.Series) -> bool:
        return not (self._step.format or column.dtype.is_temporal())

    def _checked(self, found: pl.Series, texts: pl.Series, offsets: pl.Series | None = None) -> pl.Series:
        """Keep in mind what is no date, and bring times of the zone to UTC: those that name no offset."""
        self._refused.add(texts, texts.is_not_null() & found.is_null(), "holds what is no date")
        if self._step.to != "date":
            return self._zoned(found, texts, offsets)
        has_time = found.dt.time() != _MIDNIGHT
        self._refused.add(texts, has_time, 'has times of the day (say to = "datetime")')
        return found

    def _of_epoch(self, piece: _Parts) -> pl.Series:
        import polars as pl

        values = piece.column.cast(pl.Float64, strict=False)
        is_none = piece.column.is_not_null() & values.is_null()
        self._refused.add(piece.texts, is_none, "holds what is no number")
        micro = (values * EPOCHS[self._step.format]).round().cast(pl.Int64, strict=False)
        return micro.cast(pl.Datetime("us"))

    def _by_format(self, texts: pl.Series) -> pl.Series:
        import polars as pl

        form = self._step.format
        try:
            if self._step.to == "date":
                return texts.str.to_date(form, strict=False).cast(pl.Datetime("us"))
            return texts.str.to_datetime(form, strict=False, time_unit="us").dt.replace_time_zone(None)
        except pl.exceptions.PolarsError as error:
            raise InvalidConfig(f"{self._spot.place}: format = {form!r}: {first_line(error)}") from error

    def _merged(self, piece: _Parts) -> pl.DataFrame:
        """Return the parts of every text by the notation that it is written in."""
        import polars as pl

        parts = [*piece.parts]
        if self._is_day_first is not None and piece.either is not None:
            day, month = ("first", "other") if self._is_day_first else ("other", "first")
            parts.append(piece.either.rename({day: "day", month: "month"}).select(PARTS))
        return pl.DataFrame(
            {
                field: pl.DataFrame({str(at): each[field] for at, each in enumerate(parts)})
                .select(pl.coalesce(pl.all()))
                .to_series()
                for field in PARTS
            }
        )

    def _zoned(self, found: pl.Series, texts: pl.Series, offsets: pl.Series | None) -> pl.Series:
        """Bring local times to UTC; those that a change of the clock skips or has twice are refused."""
        import polars as pl

        zone = self._step.zone
        if not zone or "z" in self._step.format:  # each time of such a format names its offset
            return found
        try:
            local = found.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
        except pl.exceptions.PolarsError as error:
            raise InvalidConfig(f"{self._spot.place}: zone = {zone!r}: {first_line(error)}") from error
        in_utc = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        if offsets is not None:
            in_utc = found.zip_with(offsets.is_not_null(), in_utc)
        wrong = in_utc.is_null() & found.is_not_null()
        self._refused.add(texts, wrong, f"has times that {zone} skips or has twice")
        return in_utc


class _Order:
    """What proves whether 01.02.2024 is the first of February: texts with a number above 12."""

    def __init__(self) -> None:
        self.first: str | None = None
        self._days: str | None = None
        self._months: str | None = None
        self._all_equal = True

    def add(self, either: pl.DataFrame, texts: pl.Series) -> None:
        """Look at the dates of a piece that can be read in two ways."""
        import polars as pl

        told = either["year"].is_not_null()
        first, other = (either[field].cast(pl.Int32) for field in ("first", "other"))
        self.first = _either(self.first, texts, told)
        self._days = _either(self._days, texts, first > _MONTHS)
        self._months = _either(self._months, texts, other > _MONTHS)
        self._all_equal = self._all_equal and bool((first == other).all())

    def decided(self, said: bool | None, spot: Spot) -> bool:
        """Say whether the day comes first: as the step says, or as the column proves."""
        if said is not None:
            return said
        if self._days is not None and self._months is not None:
            raise InvalidData(
                f"{spot} has dates whose day comes first, and others whose month does:"
                f"{spot.shown(self._days)} and{spot.shown(self._months)}",
                hint="part them by another column, or mend them in the source",
            )
        if self._days is not None or self._months is not None or self._all_equal:
            return self._days is not None
        shown = spot.shown(self.first or "")
        raise InvalidData(
            f"{spot}: nobody can tell whether the day or the month comes first in{shown}",
            hint="say it: day_first = true",
        )


def _either(known: str | None, texts: pl.Series, wanted: pl.Series) -> str | None:
    """Return what is known, or the first text where `wanted` is true."""
    rows = wanted.fill_null(value=False)
    return known if known is not None or not rows.any() else str(texts[int(rows.arg_true()[0])])


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
