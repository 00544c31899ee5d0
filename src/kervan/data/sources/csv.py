"""Delimited text files: checked line by line, typed by the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.cast import Typing, clean, typed, without_missing
from kervan.data.sources.delimited import Rows
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.structure import find_separator
from kervan.data.sources.text import text_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions
    from kervan.data.sources.text import Text


class CsvSource:
    """Tables in `.csv`, `.tsv`, `.tab`, `.data` or `.txt` files, also compressed (`.csv.gz`)."""

    suffixes = (".csv", ".tsv", ".tab", ".data", ".txt")

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of a delimited text."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names the file and the line.

        The text is in `options.encoding`, by default UTF-8, or has the mark of UTF-16. Values lose
        surrounding blanks, the texts in `options.missing` become null, and a column is numeric, boolean,
        date or datetime only if all of its values are.
        """
        import polars as pl

        rows = _rows(text_of(unpacked(path), options.encoding, path.name), options)
        texts = pl.concat(clean(frame, options.missing) for frame in rows)
        return without_missing(typed(texts, options.texts), options.missing)

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows in batches. The text passes twice, as types are those of the whole file."""
        typing = Typing(options.texts)
        with text_in(path, options.encoding) as text:
            rows = _rows(text, options)
            for frame in rows:
                typing.note(clean(frame, options.missing))
            for frame in rows:
                yield without_missing(typing.read(clean(frame, options.missing)), options.missing)


def _rows(text: Text, options: ReadOptions) -> Rows:
    return Rows(text, find_separator(text, options.separator))
