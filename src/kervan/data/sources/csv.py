"""Delimited text files: checked line by line, typed by the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.cast import Typing, clean, typed, without_missing
from kervan.data.sources.delimited import row_frames
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.structure import find_header, find_separator
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

        texts = pl.concat(_frames(text_of(unpacked(path), options.encoding, path.name), options))
        return without_missing(typed(texts, options.texts), options.missing)

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows in batches. The text passes twice, as types are those of the whole file."""
        typing = Typing(options.texts)
        with text_in(path, options.encoding) as text:
            for frame in _frames(text, options):
                typing.note(frame)
            for frame in _frames(text, options):
                yield without_missing(typing.read(frame), options.missing)


def _frames(text: Text, options: ReadOptions) -> Iterator[pl.DataFrame]:
    separator = find_separator(text, options.separator)
    header = find_header(text, separator)
    for frame in row_frames(text, separator, header):
        yield clean(frame, options.missing)
