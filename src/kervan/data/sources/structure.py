"""The form of a delimited text: its separator, its header, and whether every row has as many fields."""

from __future__ import annotations

import csv
import io
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, NamedTuple

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.reading import BLANKS, composed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from kervan.data.sources.text import Text

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_ROWS = 20


class Record(NamedTuple):
    """Fields between two line ends that stand in no quotes.

    `line` is the one on which it begins, from 1, and `after` that behind it; `end` counts the bytes of the
    stream up to there.
    """

    line: int
    fields: list[str]
    after: int
    end: int

    @property
    def is_blank(self) -> bool:
        """Whether it is a line without anything."""
        return len(self.fields) <= 1 and not any(field.strip() for field in self.fields)


def records(stream: IO[bytes], separator: str, file: str, line: int = 1) -> Generator[Record, None, None]:
    """Yield the records of a UTF-8 text, of which the first begins on `line`.

    A field in double quotes may hold separators, line ends and doubled quotes. Raises `InvalidData` that
    names file and line where a quote is not closed.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        for each in text:
            end += len(each.encode())
            yield each

    reader = csv.reader(lines(), delimiter=separator, skipinitialspace=True, strict=True)
    start = line
    try:
        for fields in reader:
            yield Record(line, fields, start + reader.line_num, end)
            line = start + reader.line_num
    except csv.Error as error:
        raise InvalidData(
            f"{file}: line {line} cannot be read: {error}",
            hint='a text in double quotes must end with one, and a quote inside it is written twice: ""',
        ) from error
    finally:
        text.detach()


def find_separator(text: Text, wanted: str = "") -> str:
    """Return the separator: the wanted one, or the one on which the header and the first rows agree.

    Raises `InvalidConfig` if the wanted one cannot separate, `InvalidData` if there is only one column,
    the rows disagree, or two separators fit equally well.
    """
    if wanted:
        return _check_wanted(text, wanted)
    fits = {each: _fit(text, each) for each in SEPARATORS}
    best = max(fits.values())
    agreeing = [separator for separator, fit in fits.items() if fit == best]
    share, columns = best
    if columns < 2:
        raise InvalidData(f"{text.file} has only one column, read with any of , ; tab |", hint=_HINT)
    candidates = [fit for fit in fits.values() if fit[1] >= 2]
    if share == 0 or (share < 0.5 and len(candidates) > 1):
        raise InvalidData(
            f"{text.file}: header and first rows agree on no separator of , ; tab |", hint=_HINT
        )
    if len(agreeing) > 1:
        names = " and ".join(map(repr, agreeing))
        raise InvalidData(f"{text.file}: {names} separate the columns equally well", hint=_HINT)
    return agreeing[0]


def find_header(text: Text, separator: str) -> Header:
    """Return the columns' names without surrounding blanks, and where the header ends.

    Raises `InvalidData` that names the positions of empty and doubled names.
    """
    with text.open() as stream, closing(records(stream, separator, text.file)) as found:
        first = next((each for each in found if not each.is_blank), None)
    if first is None:
        raise InvalidData(f"{text.file} is empty", hint="a table begins with a line of column names")
    names = [composed(name.strip(BLANKS)) for name in first.fields]
    check_names(names, text.file)
    return Header(names, first.after, first.end)


class Header(NamedTuple):
    """The columns' names; `line` is the one behind the header, and `end` the bytes before it."""

    names: list[str]
    line: int
    end: int


_TRAILING = "give every column a name; a separator at the end of the header makes an empty one"
_UNNAMED = (
    "give every column a name; pandas writes the rows' index like that, if it is not told not to: "
    "`to_csv(…, index=False)`"
)


def check_names(names: list[str], file: str) -> None:
    """Raise `InvalidData` if a column has no name or the name of another; positions count from 1."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names, 1):
        places.setdefault(name, []).append(place)
    if "" in places:
        where = _first(places[""])
        raise InvalidData(
            f"{file}: column {where} of the header has no name",
            hint=_UNNAMED if where == "1" else _TRAILING,
        )
    doubled = {name: found for name, found in places.items() if len(found) > 1}
    if doubled:
        shown = [f"{name!r} in columns {_first(at)}" for name, at in doubled.items()]
        raise InvalidData(
            f"{file}: the header names a column twice: {_first(shown, '; ')}",
            hint="rename one of them; if the file has no header, put a line with the columns' names first",
        )


@dataclass(slots=True)
class Ragged:
    """The lines with a wrong number of fields: how many there are, and the first."""

    count: int = 0
    line: int = 0
    fields: int = 0

    def add(self, line: int, fields: int) -> None:
        """Count a line; they come in order."""
        self.count += 1
        if self.count == 1:
            self.line, self.fields = line, fields

    def check(self, file: str, columns: int) -> None:
        """Raise `InvalidData` if there is one."""
        if not self.count:
            return
        more = f"; {self.count:,} lines in all have a wrong number" if self.count > 1 else ""
        raise InvalidData(
            f"{file}: line {self.line} has {self.fields} fields, the header has {columns}{more}",
            hint="mend the line; a text that holds the separator must stand in double quotes",
        )


_HINT = 'is it a wrong delimiter? say which one in `[data]`: separator = ";"'


def _first(items: list[int] | list[str], comma: str = ", ") -> str:
    shown = comma.join(map(str, items[:5]))
    return f"{shown}{comma}… ({len(items)})" if len(items) > 5 else shown


def _check_wanted(text: Text, wanted: str) -> str:
    if len(wanted) != 1 or not wanted.isascii() or wanted in '"\r\n':
        raise InvalidConfig(
            f"[data] separator: {wanted!r} cannot separate columns",
            hint='give one character, such as separator = ";" or separator = "\\t"',
        )
    if len(find_header(text, wanted).names) < 2:
        raise InvalidData(
            f"{text.file} has only one column when read with separator {wanted!r}",
            hint='change or remove separator = "…" in `[data]`',
        )
    return wanted


def _fit(text: Text, separator: str) -> tuple[float, int]:
    """Return the share of the first rows that have as many fields as the header, and how many that is."""
    sample: list[int] = []
    # An unclosed quote is reported when the whole file is read.
    with (
        text.open() as stream,
        closing(records(stream, separator, text.file)) as found,
        suppress(InvalidData),
    ):
        rows = (each for each in found if not each.is_blank)
        sample.extend(len(each.fields) for each in islice(rows, SAMPLE_ROWS + 1))
    if not sample or sample[0] < 2:
        return (0.0, 0)
    header, below = sample[0], sample[1:]
    return (sum(fields == header for fields in below) / len(below) if below else 1.0, header)
