"""The form of a delimited text: its separator, its header, and whether every row has as many fields."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.reading import BLANKS, composed

if TYPE_CHECKING:
    from collections.abc import Iterator

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_ROWS = 20


def records(content: bytes, separator: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each record begins, from 1, and its fields; blank lines are left out.

    A field in double quotes may hold separators, line ends and doubled quotes. Raises `InvalidData` that
    names file and line where a quote is not closed.
    """
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for fields in reader:
            if len(fields) > 1 or any(field.strip() for field in fields):
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidData(
            f"{file}: line {line} cannot be read: {error}",
            hint='a text in double quotes must end with one, and a quote inside it is written twice: ""',
        ) from error


def find_separator(content: bytes, file: str, wanted: str = "") -> str:
    """Return the separator: the wanted one, or the one on which the header and the first rows agree.

    Raises `InvalidConfig` if the wanted one cannot separate, `InvalidData` if there is only one column,
    the rows disagree, or two separators fit equally well.
    """
    if wanted:
        return _check_wanted(content, file, wanted)
    fits = {each: _fit(content, each, file) for each in SEPARATORS}
    best = max(fits.values())
    agreeing = [separator for separator, fit in fits.items() if fit == best]
    share, columns = best
    if columns < 2:
        raise InvalidData(f"{file} has only one column, read with any of , ; tab |", hint=_HINT)
    candidates = [fit for fit in fits.values() if fit[1] >= 2]
    if share == 0 or (share < 0.5 and len(candidates) > 1):
        raise InvalidData(f"{file}: header and first rows agree on no separator of , ; tab |", hint=_HINT)
    if len(agreeing) > 1:
        names = " and ".join(map(repr, agreeing))
        raise InvalidData(f"{file}: {names} separate the columns equally well", hint=_HINT)
    return agreeing[0]


def find_header(content: bytes, separator: str, file: str) -> list[str]:
    """Return the columns' names without surrounding blanks.

    Raises `InvalidData` that names the positions of empty and doubled names.
    """
    first = next(records(content, separator, file), None)
    if first is None:
        raise InvalidData(f"{file} is empty", hint="a table begins with a line of column names")
    names = [composed(name.strip(BLANKS)) for name in first[1]]
    check_names(names, file)
    return names


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


def ragged(file: str, lines: list[tuple[int, int]], columns: int) -> InvalidData:
    """Make the error for rows with a wrong number of fields; `lines` holds (line, fields) in order."""
    line, fields = lines[0]
    more = f"; {len(lines):,} lines in all have a wrong number" if len(lines) > 1 else ""
    return InvalidData(
        f"{file}: line {line} has {fields} fields, the header has {columns}{more}",
        hint="mend the line; a text that holds the separator must stand in double quotes",
    )


_HINT = 'is it a wrong delimiter? say which one in `[data]`: separator = ";"'


def _first(items: list[int] | list[str], comma: str = ", ") -> str:
    shown = comma.join(map(str, items[:5]))
    return f"{shown}{comma}… ({len(items)})" if len(items) > 5 else shown


def _check_wanted(content: bytes, file: str, wanted: str) -> str:
    if len(wanted) != 1 or not wanted.isascii() or wanted in '"\r\n':
        raise InvalidConfig(
            f"[data] separator: {wanted!r} cannot separate columns",
            hint='give one character, such as separator = ";" or separator = "\\t"',
        )
    if len(find_header(content, wanted, file)) < 2:
        raise InvalidData(
            f"{file} has only one column when read with separator {wanted!r}",
            hint='change or remove separator = "…" in `[data]`',
        )
    return wanted


def _fit(content: bytes, separator: str, file: str) -> tuple[float, int]:
    """Return the share of the first rows that have as many fields as the header, and how many that is."""
    sample: list[int] = []
    with suppress(InvalidData):  # an unclosed quote is reported when the whole file is read
        for _, fields in islice(records(content, separator, file), SAMPLE_ROWS + 1):
            sample.append(len(fields))
    if not sample or sample[0] < 2:
        return (0.0, 0)
    header, rows = sample[0], sample[1:]
    return (sum(fields == header for fields in rows) / len(rows) if rows else 1.0, header)
