"""From texts to typed values, judged by the whole column, with warnings about nearly numeric ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.core.reading import BLANKS, COMPOSED, UNSETTLED, Reading
from kervan.data.allowed import ONLY_TIMES, Note, finite, noted, read_as
from kervan.data.looks import looks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import polars as pl

_ASCII_BLANKS = "".join(filter(str.isascii, BLANKS))


def clean(table: pl.DataFrame, missing: Collection[str]) -> pl.DataFrame:
    """Read all texts by the rules of tables: no blanks around them, NFC; those that mean missing are null."""
    import polars as pl

    texts = [column for column in table.get_columns() if column.dtype == pl.String]
    # Numbers instead of names, which could be patterns; all columns in one query, which runs in parallel.
    numbered = pl.DataFrame([column.alias(str(at)) for at, column in enumerate(texts)])
    names = numbered.columns
    is_wide = _which(numbered, names, lambda text: text.str.len_bytes() != text.str.len_chars())
    is_open = _which(numbered, is_wide, lambda text: text.str.contains(UNSETTLED))
    absent = pl.Series(Reading.of_table(missing).missing, dtype=pl.String).implode()
    stripped = numbered.select(
        _stripped(name, is_ascii=name not in is_wide, is_composed=name not in is_open) for name in names
    )
    found = stripped.select(pl.when(pl.all().is_in(absent).not_()).then(pl.all()))
    named = zip(texts, found.get_columns(), strict=True)
    return table.with_columns(values.alias(column.name) for column, values in named)


def _which(texts: pl.DataFrame, names: Collection[str], says: Callable[[pl.Expr], pl.Expr]) -> frozenset[str]:
    """Return those of the columns in which something is true of any text."""
    import polars as pl

    found = texts.select(says(pl.col(name)).any() for name in names)
    return frozenset(name for name in found.columns if found[name].any())


def _stripped(name: str, *, is_ascii: bool, is_composed: bool) -> pl.Expr:
    """Return texts without blanks around them, in NFC; ASCII has few blanks."""
    import polars as pl

    found = pl.col(name).str.strip_chars(_ASCII_BLANKS if is_ascii else BLANKS)
    return found if is_composed else found.str.normalize(COMPOSED)


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
    return _in_one(Typing(texts), table)


def timed(table: pl.DataFrame, texts: Collection[str] = ()) -> pl.DataFrame:
    """Type the text columns of which all values are ISO dates or ISO datetimes, but for those in `texts`."""
    return _in_one(Typing(texts, ONLY_TIMES), table)


class Typing:
    """Types the text columns of a table that comes twice in batches: first to be noted, then to be read.

    Those named in `texts` stay texts. `known` says what is not looked for: `ONLY_TIMES` finds no numbers.
    """

    def __init__(self, texts: Collection[str] = (), known: Note = Note.NOTHING) -> None:
        self._texts = frozenset(texts)
        self._known = known
        self._notes: dict[str, Note] = {}

    def note(self, batch: pl.DataFrame) -> None:
        """Look at what the texts of a batch are."""
        for column in self._untyped(batch):
            self._notes[column.name] = noted(column.alias(""), self._notes.get(column.name, self._known))

    def read(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Type a batch by what all batches that were noted allow."""
        # Series methods look their own name up as a pattern: one called "^a$" would not find itself.
        return batch.with_columns(
            read_as(column.alias(""), self._notes[column.name]).alias(column.name)
            for column in self._untyped(batch)
        )

    def _untyped(self, batch: pl.DataFrame) -> Iterator[pl.Series]:
        import polars as pl

        for column in batch.get_columns():
            if column.dtype == pl.String and column.name not in self._texts:
                yield column


def _in_one(typing: Typing, table: pl.DataFrame) -> pl.DataFrame:
    typing.note(table)
    return typing.read(table)


def suspicious_columns(
    table: pl.DataFrame, hidden: Collection[str] = (), places: Sequence[int] = ()
) -> tuple[Finding, ...]:
    """Warn about text columns that look like something else and names that look like values.

    The values of columns in `hidden` are not shown. Rows count from 1 without the header; where the table
    holds only some of the rows, `places` says which, from 0.
    """
    import polars as pl

    found: list[Finding] = []
    for column in table.get_columns():
        if column.dtype == pl.String:
            found += looks(column, finite(column), places, is_hidden=column.name in hidden)
    numeric = [name for name in table.columns if table[name].dtype.is_numeric() and _is_number(name)]
    if numeric:
        message = f"the column name {numeric[0]!r} looks like a value: the first line may not be a header"
        hint = "put a line with the columns' names first, if there is none"
        found.append(
            Finding(rule="header", subject=numeric[0], verdict=Verdict.WARNED, message=message, hint=hint)
        )
    return tuple(found)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
