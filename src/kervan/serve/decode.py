"""Rows of JSON values become the matrix that models take, by the rules of their signature."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from kervan.core.errors import RefusedRow, TooManyRows, did_you_mean
from kervan.core.reading import Reading, composed
from kervan.core.schema import Column, Signature, Type, Unseen
from kervan.package.encoding import LARGEST, NUMBER, TextReader, days_of, encoded, moment_of, text_calls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.features import Feature
    from kervan.core.ports import Matrix
    from kervan.core.written import Written

MAX_ROWS = 100_000
_FEW = 16  # so many rows are tried one value after the other first
_SHOWN = 40
_NUMERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

_WRITTEN = {
    Type.INTEGER: "a whole number",
    Type.NUMBER: "a number",
    Type.BOOLEAN: "true or false",
    Type.CATEGORY: "a text",
    Type.TEXT: "a text",
    Type.DATE: 'a date such as "2024-02-29"',
    Type.DATETIME: 'a time such as "2024-02-29T18:30:00"',
}

_Read = Callable[[Column, Sequence[Any]], "NDArray[np.float64]"]


class RowDecoder:
    """Turns rows into the matrix that `kervan.package.encoding` defines, one column after the other.

    Numbers stay as they are (missing: NaN), booleans become 0 and 1, a category its place in
    `Column.allowed` (missing or unseen: -1), a date its days since 1970, a time these and its seconds since
    midnight, a text the counts of its words and what functions answer about it. Columns that the signature
    does not know are ignored.

    >>> from kervan.core.schema import Schema
    >>> age = Column(name="age", type=Type.INTEGER, nullable=True)
    >>> city = Column(name="şehir", type=Type.CATEGORY, allowed=("Ankara", "İzmir"))
    >>> label = Column(name="gelir", type=Type.NUMBER)
    >>> RowDecoder(Signature(inputs=Schema((age, city)), output=label)).decode([{"şehir": "İzmir"}])
    array([[nan,  1.]])
    """

    def __init__(self, signature: Signature) -> None:
        self.width = len(encoded(signature).inputs)
        self._reading = None if signature.reading.is_plain else signature.reading
        self._letters = tuple(column.name for column in signature.inputs if not column.name.isascii())
        self._names = frozenset(signature.inputs.names)
        self._readers = tuple(
            (column, _reader(column, text_calls(signature, column))) for column in signature.inputs
        )
        # A time or a text gives several numbers: rows with one are always decoded column by column.
        is_wide = any(column.type in {Type.DATETIME, Type.TEXT} for column in signature.inputs)
        plain = () if is_wide else tuple(_plain_reader(column) for column in signature.inputs)
        self._plain = tuple(_watched(*each, signature.reading) for each in plain)

    def decode(self, rows: Sequence[Mapping[str, Any]]) -> Matrix:
        """Encode the rows, or raise `RefusedRow` that names the first row and field that cannot be used."""
        _check_rows(rows)
        if self._plain and len(rows) <= _FEW and (plain := self._decode_plain(rows)) is not None:
            return plain
        if self._letters and self._reading is not None:
            rows = [self._named(row) for row in rows]
        matrix = np.empty((len(rows), self.width), dtype=NUMBER)
        place = 0
        for column, read in self._readers:
            name = column.name
            values: Sequence[Any] = [row.get(name) for row in rows]
            if self._reading is not None:
                values = _by_rules(values, column, self._reading)
            if not column.nullable and None in values:
                raise _missing(column, values.index(None), rows, self._names)
            numbers = read(column, values)
            parts = numbers.reshape(len(rows), -1)
            matrix[:, place : place + parts.shape[1]] = parts
            place += parts.shape[1]
        return matrix

    def _named(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the row under the names of the columns, however their letters are composed."""
        if all(name in row for name in self._letters):
            return row
        return {composed(name): value for name, value in row.items()}

    def _decode_plain(self, rows: Sequence[Mapping[str, Any]]) -> Matrix | None:
        """Encode rows in which every value is just as it should be; None where anything is to be decided.

        For a single row this takes a tenth of the time that arrays for each column take.
        """
        found: list[list[float]] = []
        for row in rows:
            numbers = [read(row.get(name)) for name, read in self._plain]
            if None in numbers:
                return None
            found.append(numbers)  # type: ignore[arg-type]  # there is no None in it
        return np.array(found, dtype=NUMBER)


def _reader(column: Column, calls: Sequence[Feature]) -> _Read:
    match column.type:
        case Type.INTEGER | Type.NUMBER:
            return _read_numbers
        case Type.BOOLEAN:
            return _read_booleans
        case Type.CATEGORY:
            return _CategoryReader(column)
        case Type.DATE | Type.DATETIME:
            return _read_dates
        case Type.TEXT:
            return partial(_read_texts, TextReader(column, calls))
        case _:
            assert_never(column.type)


def _plain_reader(column: Column) -> tuple[str, Callable[[Any], float | None]]:
    """Return a column's name and a function that gives a usual value's number, and None for any other."""
    if column.type is Type.CATEGORY:
        codes = {category: float(place) for place, category in enumerate(column.allowed)}
        return column.name, lambda value: codes.get(value) if value.__class__ is str else None
    if column.type is Type.BOOLEAN:
        return column.name, lambda value: float(value) if value.__class__ is bool else None
    if column.type is Type.DATE:
        return column.name, _plain_days
    low = -LARGEST if column.minimum is None else max(column.minimum, -LARGEST)
    high = LARGEST if column.maximum is None else min(column.maximum, LARGEST)
    kinds = {int} if column.type is Type.INTEGER else {int, float}
    return column.name, lambda value: value if value.__class__ in kinds and low <= value <= high else None


def _by_rules(values: Sequence[Any], column: Column, reading: Reading) -> Sequence[Any]:
    """Read the values by the rules of the table, but for categories that are known as they are."""
    if column.type.is_numeric and not reading.numbers and str not in set(map(type, values)):
        return values
    if column.type is Type.CATEGORY:
        known = frozenset(column.allowed)
        return [
            value if value.__class__ is str and value in known else reading.value(value) for value in values
        ]
    found = [reading.value(value, column.name) for value in values]
    if column.name in reading.written:
        _check_written(column, found, reading.written[column.name])
    return found


def _check_written(column: Column, values: Sequence[Any], written: Written) -> None:
    """Raise `RefusedRow` for a text that its column's rules read as nothing, and say how one is written."""
    for place, value in enumerate(values):
        if isinstance(value, str) and not _is_time(value, written.to):
            what = f"is not written as the column writes its {written.to.removeprefix('date') or 'date'}s"
            hint = f'send {_WRITTEN[column.type]}, or a text like "{written.example}"'
            raise _refused(column, place, value, what, hint)


def _is_time(text: str, kind: str) -> bool:
    """Whether a text is a date ("date") or time ("datetime") by ISO 8601; no text is another kind."""
    read: Callable[[str], Any] | None = {"date": days_of, "datetime": moment_of}.get(kind)
    try:
        return read is not None and read(text) is not None
    except (ValueError, OverflowError):
        return False


def _watched(
    name: str, read: Callable[[Any], float | None], reading: Reading
) -> tuple[str, Callable[[Any], float | None]]:
    """Let a reader of usual values pass on those that mean missing, and dates that are written otherwise."""
    if name in reading.written and reading.written[name].to != "number":
        return name, lambda _: None
    absent = reading.numbers | set(reading.missing) if reading.numbers else frozenset()
    if not absent:
        return name, read
    return name, lambda value: None if value.__hash__ and value in absent else read(value)


def _plain_days(value: Any) -> float | None:
    try:
        return days_of(value) if value.__class__ is str else None
    except ValueError:
        return None


def _check_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        raise RefusedRow("there are no rows to predict", hint="send at least one row")
    if len(rows) > MAX_ROWS:
        many = f"{len(rows):,} rows are too many for one request"
        raise TooManyRows(many, row=MAX_ROWS, hint=f"send at most {MAX_ROWS:,}")
    if set(map(type, rows)) != {dict}:
        for place, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise RefusedRow(
                    f"row {place} is {in_words(row)}, not an object",
                    row=place,
                    hint='write each row as {"column": value, ...}',
                )


def _read_numbers(column: Column, values: Sequence[Any]) -> NDArray[np.float64]:
    if not set(map(type, values)) <= {int, float, type(None)}:
        _check_types(column, values, lambda value: isinstance(value, Real) and not isinstance(value, bool))
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError:
        numbers = np.array([_rounded(value) for value in values], dtype=np.float64)
    missing = np.isnan(numbers)
    if not column.nullable:
        _refuse_where(missing, column, values, "is missing (not a number)")
    _refuse_where(np.isinf(numbers), column, values, "is infinite")
    _refuse_where(np.abs(numbers) > LARGEST, column, values, f"is beyond ±{LARGEST:.2g}")
    if column.type is Type.INTEGER:
        _refuse_where(~missing & (numbers != np.floor(numbers)), column, values, "is not a whole number")
    if column.minimum is not None:
        _refuse_where(numbers < column.minimum, column, values, f"is below {column.minimum:g}")
    if column.maximum is not None:
        _refuse_where(numbers > column.maximum, column, values, f"is above {column.maximum:g}")
    return numbers


def _rounded(value: Any) -> float:
    """Give whole numbers that no float can hold the size of infinity; the caller refuses them."""
    try:
        return float("nan") if value is None else float(value)
    except OverflowError:
        return float("inf")


def _read_booleans(column: Column, values: Sequence[Any]) -> NDArray[np.float64]:
    if not set(map(type, values)) <= {bool, type(None)}:
        _check_types(column, values, lambda value: isinstance(value, bool | np.bool_) or _is_nan(value))
    numbers = np.array(values, dtype=np.float64)
    if not column.nullable:
        _refuse_where(np.isnan(numbers), column, values, "is missing (not a number)")
    return numbers


def _read_dates(column: Column, values: Sequence[Any]) -> NDArray[np.float64]:
    """Read dates, shape (rows,), or times, shape (rows, 2): days since 1970 and seconds since midnight."""
    is_date = column.type is Type.DATE
    kind = date if is_date else datetime
    _check_types(column, values, lambda value: isinstance(value, str | kind) or _is_nan(value))
    missing = np.nan if is_date else (np.nan, np.nan)
    read: Callable[[Any], Any] = days_of if is_date else moment_of
    found = []
    for place, value in enumerate(values):
        if value is None or _is_nan(value):
            if not column.nullable:
                raise _refused(column, place, None, "is missing (not a number)")
            found.append(missing)
            continue
        try:
            found.append(read(value))
        except (ValueError, OverflowError) as error:
            what = f"is no {'date' if is_date else 'time'} that the calendar knows"
            raise _refused(column, place, value, what, f"send {_WRITTEN[column.type]}") from error
    return np.array(found, dtype=np.float64)


def _read_texts(reader: TextReader, column: Column, values: Sequence[Any]) -> NDArray[np.float64]:
    """Read texts as the counts of their words and what functions answer, shape (rows, both)."""
    _check_types(column, values, lambda value: isinstance(value, str) or _is_nan(value))
    missing = [_is_nan(value) for value in values]
    if not column.nullable and True in missing:
        raise _refused(column, missing.index(True), None, "is missing (not a number)")
    texts = [None if gone else value for value, gone in zip(values, missing, strict=True)]
    return reader.read(texts)


class _CategoryReader:
    """Looks categories up in a table that is made once."""

    def __init__(self, column: Column) -> None:
        self._codes = {category: place for place, category in enumerate(column.allowed)}

    def __call__(self, column: Column, values: Sequence[Any]) -> NDArray[np.float64]:
        if not set(map(type, values)) <= {str, type(None)}:
            _check_types(column, values, lambda value: isinstance(value, str) or _is_nan(value))
            values = [None if _is_nan(value) else value for value in values]
            if not column.nullable and None in values:
                raise _refused(column, values.index(None), None, "is missing (not a number)")
        codes = [self._codes.get(value, -1) for value in values]
        if column.unseen is Unseen.REFUSE and -1 in codes:
            self._refuse_unseen(column, values)
        return np.array(codes, dtype=np.float64)

    def _refuse_unseen(self, column: Column, values: Sequence[Any]) -> None:
        for place, value in enumerate(values):
            if value is not None and value not in self._codes:
                hint = did_you_mean(value, column.allowed[:_SHOWN])
                raise _refused(column, place, value, "is a category that the model does not know", hint)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - the definition of NaN


def _check_types(column: Column, values: Sequence[Any], accepts: Callable[[Any], bool]) -> None:
    wanted = _WRITTEN[column.type]
    for place, value in enumerate(values):
        if value is not None and not accepts(value):
            what = f"is {in_words(value)}, not {wanted}"
            raise _refused(column, place, value, what, _type_hint(column, value, wanted))


def _type_hint(column: Column, value: Any, wanted: str) -> str:
    if isinstance(value, str) and column.type in {Type.INTEGER, Type.NUMBER}:
        if _NUMERAL.fullmatch(value):
            return f'send {_shown(value)}, not "{_shown(value)}"'
        return "send null for a missing value" if column.nullable else f"send {wanted}"
    if column.type in {Type.CATEGORY, Type.TEXT} and not isinstance(value, list | dict | bool):
        return f'send "{_shown(value)}" in quotes'
    return f"send {wanted}"


def _refuse_where(broken: NDArray[np.bool_], column: Column, values: Sequence[Any], what: str) -> None:
    if broken.any():
        place = int(broken.argmax())
        raise _refused(column, place, values[place], what)


def _refused(column: Column, row: int, value: Any, what: str, hint: str = "") -> RefusedRow:
    shown = "" if value is None or _is_nan(value) else f" {_shown(value)}"
    return RefusedRow(
        f"row {row}, {column.name!r}:{shown} {what}", row=row, field=column.name, hint=hint or _rule(column)
    )


def _missing(
    column: Column, row: int, rows: Sequence[Mapping[str, Any]], known: Collection[str]
) -> RefusedRow:
    others = [str(name) for name in rows[row] if name not in known]
    near = did_you_mean(column.name, others) if others else ""
    hint = near if near.startswith("did you mean") and column.name not in rows[row] else _rule(column)
    return RefusedRow(f"row {row}, {column.name!r}: is missing", row=row, field=column.name, hint=hint)


def _rule(column: Column) -> str:
    """Say in words what the column takes."""
    if column.type is Type.CATEGORY:
        some = ", ".join(column.allowed[:5]) + (", …" if len(column.allowed) > 5 else "")
        return f"{column.name!r} takes one of: {some}"
    if column.minimum is None and column.maximum is None:
        return f"{column.name!r} takes values of type {column.type}"
    least = "" if column.minimum is None else f" from {column.minimum:g}"
    most = "" if column.maximum is None else f" up to {column.maximum:g}"
    return f"{column.name!r} takes values of type {column.type}{least}{most}"


def in_words(value: Any) -> str:
    """Name the kind of a JSON value."""
    if isinstance(value, bool):
        return "true or false"
    kinds = ((str, "a text"), (Real, "a number"), (Mapping, "an object"), (Sequence, "a list"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "of an unknown type")


def _shown(value: Any) -> str:
    try:
        text = str(value)
    except ValueError:  # whole numbers of thousands of digits
        return "a very long number"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
