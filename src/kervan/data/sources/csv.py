"""Delimited text files: checked line by line, typed by the whole file."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData
from kervan.data.cast import clean, typed, without_missing
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.structure import find_header, find_separator, ragged, records
from kervan.data.sources.text import check_utf8, recoded, unmarked

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions

_BATCH = 50_000


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
        content = _text(path, options.encoding)
        if not content.strip():
            raise InvalidData(f"{path.name} is empty", hint="a table begins with a line of column names")
        separator = find_separator(content, path.name, options.separator)
        names = find_header(content, separator, path.name)
        read = _read_quoted if b'"' in content else _read_plain
        texts = clean(read(content, separator, names, path.name), options.missing)
        return without_missing(typed(texts, options.texts), options.missing)


def _text(path: Path, encoding: str) -> bytes:
    """Return the file's UTF-8 text without a byte-order mark, with `\\n` at the end of its lines.

    A text with quotes keeps its line ends: one within a quoted value belongs to it.
    """
    raw = unpacked(path)
    content = recoded(raw, encoding, path.name) if encoding else unmarked(raw, path.name)
    refuse_disguised(content, path.name)
    check_utf8(content, path.name)
    if b"\r" in content and b'"' not in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def _read_plain(content: bytes, separator: str, names: list[str], file: str) -> pl.DataFrame:
    """Read a text without quotes, where a line is a row. Polars would fill short rows with nulls."""
    import polars as pl

    mark, expected = separator.encode(), len(names) - 1
    wrong: list[tuple[int, int]] = []
    blank = False
    for number, line in enumerate(io.BytesIO(content), 1):
        if (found := line.count(mark)) != expected:
            if line.strip():
                wrong.append((number, found + 1))
            else:
                blank = True
    if wrong:
        raise ragged(file, wrong, len(names))
    if blank:
        content = b"".join(line for line in io.BytesIO(content) if line.count(mark) == expected)
    rows = content.partition(b"\n")[2]
    schema = dict.fromkeys(names, pl.String())
    if not rows:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(rows, has_header=False, schema=schema, separator=separator, quote_char=None)


def _read_quoted(content: bytes, separator: str, names: list[str], file: str) -> pl.DataFrame:
    import polars as pl

    schema = dict.fromkeys(names, pl.String())
    found = records(content, separator, file)
    next(found)
    batches = [pl.DataFrame(schema=schema)]
    wrong: list[tuple[int, int]] = []
    while batch := list(islice(found, _BATCH)):
        wrong += [(line, len(fields)) for line, fields in batch if len(fields) != len(names)]
        if not wrong:
            columns = zip(*(fields for _, fields in batch), strict=True)
            batches.append(pl.DataFrame(dict(zip(names, columns, strict=True)), schema=schema))
    if wrong:
        raise ragged(file, wrong, len(names))
    return pl.concat(batches)
