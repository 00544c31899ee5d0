"""The figures of a column of texts, categories or booleans, added up batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.schema import Type
from kervan.data.pieces import compact
from kervan.data.profile.hashes import HashSample
from kervan.data.profile.nouns import TOP_VALUES, Pattern, TextProfile, ValueCount
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    import polars as pl

    from kervan.data.profile.bounds import Bounds

SHAPED = 5000  # values of which the shapes are taken, the most frequent
SHAPES = 5
LONGEST_SHAPE = 40  # longer texts have no shape worth to tell
TEXT_BYTES = 8 << 20  # that counted texts of one column may take, so that long ones are fewer
FEWEST_TEXTS = 2000
_SMALLEST_SHARE = 0.01


class TextTally:
    """Takes batches of a column, and counts its values as texts."""

    def __init__(self, bounds: Bounds) -> None:
        self.count = self.missing = 0
        self._bounds = bounds
        self._most = bounds.texts
        self._hashes = HashSample(bounds.hashes)
        self._parts: list[pl.DataFrame] = []
        self._height = 0
        self._uncounted = 0
        self._letters = 0
        self._lengths: list[int] = []

    def add(self, values: pl.Series) -> None:
        """Take the values of one batch."""
        import polars as pl

        present = as_texts(values.drop_nulls()).drop_nulls().alias("value")
        self.missing += len(values) - len(present)
        self.count += len(present)
        if not len(present):
            return
        counted = present.value_counts(name="count").cast({"count": pl.Int64})
        if not self._bounds.is_exact:
            self._hashes.add(counted["value"].hash(seed=1).to_numpy())
        lengths = counted["value"].str.len_chars().cast(pl.Int64)
        self._letters += int((lengths * counted["count"]).sum())
        ends = [*self._lengths, int(lengths.min()), int(lengths.max())]  # type: ignore[arg-type]  # integers
        self._lengths = [min(ends), max(ends)]
        self._parts.append(counted)
        self._height += counted.height
        if not self._bounds.is_exact:
            each = max(1, int(counted.estimated_size()) // counted.height)
            self._most = min(self._most, max(FEWEST_TEXTS, TEXT_BYTES // each))
        if self._height > 2 * self._most:
            self._shrink()

    def counts(self) -> pl.DataFrame:
        """Return values and counts: the most frequent first, equally frequent ones by code point."""
        import polars as pl

        if not self._parts:
            return pl.DataFrame(schema={"value": pl.String, "count": pl.Int64})
        return self._merged().sort(["count", "value"], descending=[True, False])

    def distinct(self, counts: pl.DataFrame) -> tuple[int, float]:
        """Return the number of different values, and its relative error."""
        if not self._uncounted:
            return counts.height, 0.0
        return min(self.count, max(counts.height, self._hashes.distinct)), self._hashes.error

    def finish(self, counts: pl.DataFrame, kind: Type) -> TextProfile:
        """Return the figures of a column of this type."""
        top = counts.head(TOP_VALUES)
        if kind is Type.TEXT:  # a free text that is there once says nothing of the table, but much of its row
            top = top.filter(top["count"] > 1)
        rest = counts.slice(top.height)
        lengths = self._lengths or [0, 0]
        return TextProfile(
            top=value_counts(top),
            others=self.count - int(top["count"].sum()),
            shortest=lengths[0],
            longest=lengths[1],
            rest=() if kind is Type.TEXT else value_counts(rest),
            mean_length=self._letters / self.count if self.count else None,
            patterns=() if kind is Type.BOOLEAN else shapes(counts.head(SHAPED)),
            uncounted=self._uncounted,
        )

    def _merged(self) -> pl.DataFrame:
        import polars as pl

        if len(self._parts) > 1:
            self._parts = [pl.concat(self._parts).group_by("value").agg(pl.col("count").sum())]
        return self._parts[0]

    def _shrink(self) -> None:
        """Keep the most frequent values; what is left out was there so often at most (lossy counting)."""
        merged = self._merged()
        if merged.height > self._most:
            ordered = merged.sort("count", descending=True)
            self._uncounted += int(ordered["count"][int(self._most)])
            merged = ordered.head(int(self._most))
        self._parts, self._height = [compact(merged)], merged.height


def value_counts(counts: pl.DataFrame) -> tuple[ValueCount, ...]:
    """Return the rows of a table of values and counts."""
    return tuple(ValueCount(value=value, count=count) for value, count in counts.iter_rows())


def shapes(counts: pl.DataFrame) -> tuple[Pattern, ...]:
    """Return the most frequent shapes of texts, runs of three small letters or more as `a+`."""
    import polars as pl

    short = counts.filter(counts["value"].str.len_chars() <= LONGEST_SHAPE)
    total = int(counts["count"].sum() or 0)
    if not short.height or 2 * short.height < counts.height:
        return ()
    shape = (
        short["value"]
        .str.replace_all(r"\p{Nd}", "9")
        .str.replace_all(r"\p{Lu}", "A")
        .str.replace_all(r"[\p{L}--\p{Lu}]", "a")
        .str.replace_all(r"a{3,}", "a+")
    )
    found = (
        pl.DataFrame({"shape": shape, "count": short["count"]})
        .group_by("shape")
        .agg(pl.col("count").sum())
        .sort(["count", "shape"], descending=[True, False])
        .head(SHAPES)
    )
    return tuple(
        Pattern(shape=name, share=count / total)
        for name, count in found.iter_rows()
        if count >= _SMALLEST_SHARE * total
    )
