"""Rows as lines: CSV, with or without names in front, and JSON lines.

CSV has no types, so the model's columns say what a text in it is: a numeral in a column of numbers is a
number, `true`, `false`, `1` and `0` are booleans, nothing is a missing value, and so is `nan` for a number.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.schema import Column, Signature, Type
from kervan.serve.body import read_json
from kervan.serve.protocols.rows import check_amount, in_order, named, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.written import Written

_WHOLE = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
_NUMERAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_csv(body: bytes, signature: Signature, header: str = "") -> list[dict[str, Any]]:
    """Read lines of values; the first has their names if `header` is "present", and not if it is "absent".

    Otherwise it is taken for names where it has those of all the model's columns. Where these are numerals
    such a line might be a row, and `InvalidInput` is raised.
    """
    lines = _lines(body, len(signature.inputs))
    if not lines:
        raise InvalidInput("the body is empty", hint="send a line of values for each row")
    names = signature.inputs.names
    if _has_names(lines[0], signature, header):
        names = named(lines.pop(0), signature)
    columns = {column.name: column for column in signature.inputs}
    written = signature.reading.written
    return [
        {
            name: _value(text, columns[name], place, written.get(name))
            for name, text in in_order(line, place, names).items()
            if name in columns
        }
        for place, line in enumerate(lines)
    ]


def write_csv(values: Iterable[Any]) -> bytes:
    """Write a line for each value.

    >>> write_csv(["a, b", "ç"]), write_csv([0.1, 1e300])
    (b'"a, b"\\n\\xc3\\xa7\\n', b'0.1\\n1e+300\\n')
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([value] for value in values)
    return text.getvalue().encode()


def read_json_lines(body: bytes, signature: Signature) -> list[dict[str, Any]]:
    """Read a row from each line; lines without anything are left out."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise InvalidInput("the body is empty", hint="send a row in JSON on each line")
    check_amount(len(lines))
    rows = []
    for place, line in enumerate(lines):
        try:
            rows.append(read_json(line, tokens=True))
        except InvalidInput as error:
            raise RefusedRow(f"row {place}: {error}", row=place, hint=error.hint) from error
    return rows_of(rows, signature)


def _lines(body: bytes, width: int) -> list[list[str]]:
    """Split the text into lines of values; an empty line counts where the model has one column."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("the body is not in UTF-8", hint="send CSV in UTF-8") from error
    found: list[list[str]] = []
    try:
        for line in csv.reader(io.StringIO(text, newline=""), strict=True):
            if line or width == 1:
                found.append(line or [""])
                check_amount(len(found) - 1)
    except csv.Error as error:
        raise RefusedRow(f"row {len(found)} is no CSV: {error}", row=len(found)) from error
    return found


def _has_names(first: Sequence[str], signature: Signature, header: str) -> bool:
    if header in {"present", "absent"}:
        return header == "present"
    if header:
        raise InvalidInput(f"'header' is {header[:40]!r}", hint="text/csv; header=present, or absent")
    names = signature.inputs.names
    if not names or not set(names) <= set(_known(first, signature)):
        return False
    if all(_NUMERAL.fullmatch(name) for name in names):
        raise InvalidInput(
            "the first line may be the names of the columns or a row",
            hint="say which: 'content-type: text/csv; header=present', or header=absent",
        )
    return True


def _known(cells: Sequence[str], signature: Signature) -> Sequence[str]:
    try:
        return named(cells, signature)
    except InvalidInput:  # a row may have one value twice, names may not
        return ()


def _value(text: str, column: Column, row: int, written: Written | None) -> Any:
    """Return what a text means in a column; one that means nothing there stays as it is, to be refused."""
    if not text:
        return None
    match column.type:
        case Type.INTEGER | Type.NUMBER:
            number = _number(text.strip())
            if written is not None and isinstance(number, float) and written.value(text.strip()) != number:
                raise RefusedRow(
                    f"row {row}, {column.name!r}: {text[:40]} is one number to programs, and another one or "
                    "none as the column was written",
                    row=row,
                    field=column.name,
                    hint=f'send JSON, in which numbers are plain, or write it like "{written.example}"',
                )
            return number
        case Type.BOOLEAN:
            return _BOOLEANS.get(text.strip().lower(), text)
        case _:
            return text


def _number(text: str) -> Any:
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMERAL.fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text)
    return None if text.lower() in {"", "nan"} else text
