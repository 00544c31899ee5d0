"""The rows of a delimited text, block by block: parsed at once where a block is regular, else one by one."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from typing import IO, TYPE_CHECKING, NamedTuple

from kervan.data.sources.structure import Ragged, find_header, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.sources.structure import Header
    from kervan.data.sources.text import Text

BLOCK_BYTES = 16 << 20
CAREFUL_BYTES = 1 << 20  # of records that are read one by one
_MARK = "\ufeff".encode()
_QUOTE, _LINE, _RETURN = b'"\n\r'


class Rows:
    """The rows of a text in frames of texts, the first without rows; blank lines are left out.

    It can be passed through more than once; which blocks are regular is found out the first time.
    """

    def __init__(self, text: Text, separator: str) -> None:
        self._text = text
        self._separator = separator
        self._header = find_header(text, separator)
        self._known: list[_Regular | None] = []

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the frames.

        Raises `InvalidData` that names the line for a quote that is not closed, and in the end for lines that
        have another number of fields than the header. No rows come any more behind one.
        """
        form = _Form(self._text.file, self._separator, self._header.names, self._known)
        yield form.frame(b"")
        with self._text.open() as stream:
            yield from _quoted(stream, form, self._header) if self._text.quoted else _plain(stream, form)
        form.ragged.check(self._text.file, form.columns)


class _Form:
    """What is the same for all blocks of a text, which blocks are known, and the wrong lines so far."""

    def __init__(self, file: str, separator: str, names: list[str], known: list[_Regular | None]) -> None:
        import polars as pl

        self.file = file
        self.separator = separator
        self.columns = len(names)
        self.schema = dict.fromkeys(names, pl.String())
        self.ragged = Ragged()
        self._known = known
        self._seen = 0

    def regular(self, block: bytes) -> _Regular | None:
        """Look how much of the next block is whole rows, None if any is unusual: then nothing is known."""
        if self._seen == len(self._known):
            self._known.append(_regular(block, ord(self.separator), self.columns))
        self._seen += 1
        return self._known[self._seen - 1]

    def frame(self, block: bytes, quote: str | None = None) -> pl.DataFrame:
        """Parse rows, all of which have as many fields as there are columns."""
        import polars as pl

        if not block:
            return pl.DataFrame(schema=self.schema)
        whole = _MARK + block if block.startswith(_MARK) else block  # a first one would be taken off
        return pl.read_csv(
            whole, has_header=False, schema=self.schema, separator=self.separator, quote_char=quote
        )


def _plain(stream: IO[bytes], form: _Form) -> Iterator[pl.DataFrame]:
    """Read a text without quotes, where a line is a row. Polars would fill short rows with nulls."""
    line, is_below = 1, False
    for block in _lines(stream):
        rows = block if form.regular(block) else _sifted(block, form, line)
        line += block.count(b"\n")
        if not is_below and rows:
            rows, is_below = rows.partition(b"\n")[2], True
        if not form.ragged.count:
            yield form.frame(rows)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    r"""Yield blocks of whole lines, all of which end in `\n`."""
    rest = b""
    while piece := stream.read(BLOCK_BYTES):
        rest += piece
        end = rest.rfind(b"\n") + 1 or rest.rfind(b"\r", 0, -1) + 1
        if end:
            yield _unified(rest[:end])
            rest = rest[end:]
    if rest:
        last = _unified(rest)
        yield last if last.endswith(b"\n") else last + b"\n"


def _unified(block: bytes) -> bytes:
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block


def _sifted(block: bytes, form: _Form, line: int) -> bytes:
    """Count the wrong lines of a block, and return it without the blank ones."""
    mark, expected = form.separator.encode(), form.columns - 1
    kept: list[bytes] = []
    for number, each in enumerate(io.BytesIO(block), line):
        if (found := each.count(mark)) == expected:
            kept.append(each)
        elif each.strip():
            form.ragged.add(number, found + 1)
    return b"".join(kept)


def _quoted(stream: IO[bytes], form: _Form, header: Header) -> Iterator[pl.DataFrame]:
    """Read a text with quotes: by Polars what all readers read alike, the rest record by record."""
    place, line, size = stream.tell() + header.end, header.line, BLOCK_BYTES
    while block := _read_at(stream, place, size):
        # Blanks in front of a field are left out: where they separate fields too, only `records` knows.
        regular = None if form.separator == " " else form.regular(block)
        frame = form.frame(block[: regular.end], '"') if regular else None
        if regular and frame is not None and frame.height == regular.rows:
            place, line, size = place + regular.end, line + regular.lines, min(2 * size, BLOCK_BYTES)
        else:
            frame, read, line = _one_by_one(stream, place, form, line)
            place, size = place + read, CAREFUL_BYTES
        if not form.ragged.count:
            yield frame


def _read_at(stream: IO[bytes], place: int, size: int) -> bytes:
    r"""Return so many bytes, or those up to the end, and a `\n` where the last line has none."""
    stream.seek(place)
    block = stream.read(size)
    return block + b"\n" if 0 < len(block) < size and not block.endswith(b"\n") else block


def _one_by_one(stream: IO[bytes], place: int, form: _Form, line: int) -> tuple[pl.DataFrame, int, int]:
    """Read some records, and return their rows, how many bytes they took, and the line behind them."""
    import polars as pl

    stream.seek(place)
    rows: list[list[str]] = []
    read = 0
    with closing(records(stream, form.separator, form.file, line)) as found:
        for each in found:
            read, line = each.end, each.after
            if len(each.fields) == form.columns:
                rows.append(each.fields)
            elif not each.is_blank:
                form.ragged.add(each.line, len(each.fields))
            if read >= CAREFUL_BYTES:
                break
    return pl.DataFrame(rows, schema=form.schema, orient="row"), read, line


class _Regular(NamedTuple):
    """The beginning of a block that is whole rows, which all readers of such texts read alike."""

    end: int
    rows: int
    lines: int


def _regular(block: bytes, separator: int, columns: int) -> _Regular | None:
    import numpy as np

    content = np.frombuffer(block, np.uint8)
    marks = np.flatnonzero((content == separator) | (content == _LINE))
    quotes = np.flatnonzero(content == _QUOTE) if b'"' in block else np.empty(0, np.int64)
    if len(quotes):
        marks = marks[~_within(quotes, marks)]
    is_end = content[marks] == _LINE
    ends = marks[is_end]
    if not len(ends):
        return None
    end = int(ends[-1]) + 1
    is_end = is_end[: np.searchsorted(marks, end)]
    has_columns = len(is_end) == len(ends) * columns and is_end[columns - 1 :: columns].all()
    is_short = np.diff(ends, prepend=-1).max() <= csv.field_size_limit()
    rows, quotes = content[:end], quotes[: np.searchsorted(quotes, end)]
    if not has_columns or not is_short or not _are_usual(rows, quotes, separator):
        return None
    returns = np.flatnonzero(rows == _RETURN) if b"\r" in block else np.empty(0, np.int64)
    alone = returns[rows[returns + 1] != _LINE]
    if not _within(quotes, alone).all():
        return None
    return _Regular(end, len(ends), int(np.count_nonzero(rows == _LINE)) + len(alone))


def _within(quotes: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which places have an odd number of quotes before them; both are in order."""
    import numpy as np

    passed = np.bincount(np.searchsorted(places, quotes), minlength=len(places) + 1)
    is_within: NDArray[np.bool_] = np.cumsum(passed[: len(places)]) % 2 == 1
    return is_within


def _are_usual(rows: NDArray[np.uint8], quotes: NDArray[np.int64], separator: int) -> bool:
    """Say whether all quotes stand around whole fields, or are doubled within such."""
    import numpy as np

    if not len(quotes):
        return True
    first, last = quotes[::2], quotes[1::2]
    before = np.where(first == 0, _LINE, rows[first - 1])
    behind = rows[last + 1]
    is_open = (before == separator) | (before == _LINE)
    is_closed = (behind == separator) | (behind == _LINE) | (behind == _RETURN)
    doubled = first[1:] == last[:-1] + 1
    is_open[1:] |= doubled
    is_closed[:-1] |= doubled
    return bool(is_open.all() and is_closed.all())
