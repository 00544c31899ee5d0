"""From a table to what a model sees: a float64 matrix of shape (rows, inputs), in the signature's order.

Numbers stay as they are with NaN for a missing one, booleans are 0 and 1, a category is its place in
`Column.allowed`, and a missing or unseen category is -1. A date is the number of days since 1970-01-01; a
time takes two columns, the days and the seconds since midnight, so that files in float32 hold both.
A free text takes a column for each of `Column.words`, how often it is there, and one for each function of the
user's that reads it; in counts a missing text is an empty one.
Training and serving share this definition, so that both see the very same numbers. Nothing is rounded here:
a library or a file that holds fewer digits rounds for itself (see `held`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from kervan.core.errors import InvalidData, InvalidInput, did_you_mean
from kervan.core.features import called
from kervan.core.plugins import extras_named
from kervan.core.ports import Precision
from kervan.core.reading import AS_WRITTEN
from kervan.core.schema import Column, Schema, Signature, Type, number_text
from kervan.core.words import words
from kervan.package.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.features import Feature
    from kervan.core.ports import Matrix

UNKNOWN = -1.0
NUMBER = np.float64  # of every encoded matrix
EXACT_UP_TO = 2**24  # float32 holds every whole number up to here
LARGEST = float(np.finfo(np.float32).max)  # of what is read: libraries and files beyond hold no more
DIGITS = 14  # that a spreadsheet surely tells apart
DAYS, SECONDS, TIMES = "days since 1970-01-01", "seconds since midnight", "times in the text"
ANSWER = "answer of a function about the text"
_EPOCH = date(1970, 1, 1)
_DAY = 86_400 * 1_000_000  # microseconds


def encoded(signature: Signature) -> Signature:
    """Return the signature over the columns of the matrix: itself, unless it takes dates, times or texts.

    Where it does, their days, seconds and counts of words are numbers of their own, as formats that know
    numbers and categories alone take them.
    """
    if all(column.type.is_numeric or column.type is Type.CATEGORY for column in signature.inputs):
        return signature
    columns = [part for _, parts in encoded_parts(signature) for part in parts]
    return replace(signature, inputs=Schema(tuple(columns)), reading=AS_WRITTEN)


def encoded_parts(signature: Signature) -> list[tuple[Column, tuple[Column, ...]]]:
    """Return each input with the columns of the matrix that it becomes."""
    taken = set(signature.inputs.names)
    return [
        (column, tuple(_encoded_column(column, text_calls(signature, column), taken)))
        for column in signature.inputs
    ]


def text_calls(signature: Signature, column: Column) -> tuple[Feature, ...]:
    """Return the features that are functions of a free text; they get it alone."""
    if column.type is not Type.TEXT:
        return ()
    return tuple(each for each in called(signature.features) if each.of == (column.name,))


def _encoded_column(column: Column, calls: Sequence[Feature], taken: set[str]) -> list[Column]:
    nullable = column.nullable
    days = Column(name=column.name, type=Type.INTEGER, nullable=nullable, unit=DAYS)
    match column.type:
        case Type.INTEGER | Type.NUMBER | Type.BOOLEAN | Type.CATEGORY:
            return [column]
        case Type.TEXT:
            counted = [_counted(f"{column.name}: {word}", taken) for word in column.words]
            return [*counted, *(_answered(f"{column.name}: {each.name}", taken) for each in calls)]
        case Type.DATE:
            return [days]
        case Type.DATETIME:
            name = _untaken(f"{column.name} {SECONDS}", taken)
            return [days, Column(name=name, type=Type.NUMBER, nullable=nullable, unit=SECONDS)]
        case _:
            assert_never(column.type)


def _counted(name: str, taken: set[str]) -> Column:
    return Column(name=_untaken(name, taken), type=Type.INTEGER, unit=TIMES)


def _answered(name: str, taken: set[str]) -> Column:
    return Column(name=_untaken(name, taken), type=Type.NUMBER, nullable=True, unit=ANSWER)


def _untaken(name: str, taken: set[str]) -> str:
    """Return the name, or a like one if it is taken, and take it."""
    while name in taken:
        name = f"_{name}"
    taken.add(name)
    return name


def possible(values: NDArray[Any], column: Column) -> NDArray[Any]:
    """Return values of an encoded column that it can have: within the calendar and the day, counts whole."""
    if column.unit == TIMES:
        return np.unique(np.clip(np.round(np.nan_to_num(values)), 0, EXACT_UP_TO))
    ends = {DAYS: (days_of(date.min), days_of(date.max)), SECONDS: (0.0, 86_399.0)}.get(column.unit)
    held: NDArray[Any] = values if ends is None else np.clip(values, *ends)
    return held


def nothing(signature: Signature) -> Matrix:
    """Return the encoded row, shape (inputs,), of nothing: all is missing, texts are empty."""
    row = [
        UNKNOWN if column.type is Type.CATEGORY else 0.0 if column.unit == TIMES else np.nan
        for column in encoded(signature).inputs
    ]
    return np.array(row, dtype=NUMBER)


def held(matrix: Matrix, precision: Precision) -> Matrix:
    """Return rows as they are held with so many digits."""
    if precision is Precision.DOUBLE:
        return np.asarray(matrix, dtype=NUMBER)
    if precision is Precision.SINGLE:
        with np.errstate(over="ignore"):
            return matrix.astype(np.float32).astype(NUMBER)
    distinct, places = np.unique(matrix, return_inverse=True)
    rounded = np.array([float(f"{value:.{DIGITS}g}") for value in distinct.tolist()], dtype=NUMBER)
    found: Matrix = rounded[places.reshape(matrix.shape)]
    return found


class TextReader:
    """Reads the free texts of a column: counts its words, and asks functions of the user's about them.

    A function is looked up when the first text comes: who only names what a model sees need not admit it.
    """

    def __init__(self, column: Column, calls: Sequence[Feature]) -> None:
        self._places = {word: place for place, word in enumerate(column.words)}
        self._calls = calls

    def read(self, texts: Sequence[str | None]) -> Matrix:
        """Return what a model sees of texts, shape (texts, words and functions).

        Raises `RefusedRow` for the first text that a function refuses.
        """
        counts = self._counts(texts)
        if not self._calls or not texts:
            return counts
        given = np.empty(len(texts), dtype=object)
        given[:] = texts
        given.flags.writeable = False
        return np.column_stack([counts, *(each.answers([given]) for each in self._asked)])

    @cached_property
    def _asked(self) -> list[Asked]:
        return [Asked(each.name, each.call, each.code) for each in self._calls]

    def _counts(self, texts: Sequence[str | None]) -> Matrix:
        counts = np.zeros((len(texts), len(self._places)), dtype=NUMBER)
        for row, text in zip(counts, texts, strict=True):
            for word in words(text or ""):
                if (place := self._places.get(word)) is not None:
                    row[place] += 1
        return counts


def days_of(value: str | date) -> float:
    """Return the days since 1970-01-01 of a date, or of its text as ISO 8601, or raise `ValueError`."""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return float((found - _EPOCH).days)


def moment_of(value: str | datetime) -> tuple[float, float]:
    """Return the days since 1970-01-01 and the seconds since midnight of a time, or of its ISO 8601 text.

    What names its offset is taken in UTC, anything else as it is written. Raises `ValueError`.
    """
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if found.tzinfo is not None:
        found = found.astimezone(UTC)
    seconds = found.hour * 3600 + found.minute * 60 + found.second
    return days_of(found.date()), (seconds * 1_000_000 + found.microsecond) / 1e6


def encode_table(table: pl.DataFrame, signature: Signature) -> Matrix:
    """Encode the inputs of a table as a matrix, stored row by row, with the columns of `encoded`.

    Columns that the signature does not name are left out. Raises `InvalidInput` for a column that is
    absent or cannot be read as its type, and for a number that is out of range.
    """
    matrix = np.empty((table.height, len(encoded(signature).inputs)), dtype=NUMBER)
    place = 0
    for column in signature.inputs:
        if column.name not in table.columns:
            raise InvalidInput(
                f"the table has no column {column.name!r}", hint=did_you_mean(column.name, table.columns)
            )
        parts = np.column_stack(_encode_column(table[column.name], column, text_calls(signature, column)))
        matrix[:, place : place + parts.shape[1]] = parts
        place += parts.shape[1]
    return matrix


def encode_labels(labels: pl.Series, output: Column) -> NDArray[np.int64]:
    """Encode the classes of a classification: each label's place in `output.allowed`, shape (rows,).

    Raises `InvalidData` that names the first row whose label is missing or unknown.
    """
    codes = _codes(labels, output)
    wrong = np.flatnonzero(codes < 0)
    if wrong.size:
        label = labels[int(wrong[0])]
        what = "is missing" if label is None else f"{label!r} is none of its classes"
        raise InvalidData(
            f"column {output.name!r}, row {wrong[0]}: the label {what}",
            hint=f"the classes are: {', '.join(output.allowed)}",
        )
    return codes


def encode_truth(values: pl.Series, output: Column) -> NDArray[Any]:
    """Encode the column to be predicted, shape (rows,): int64 codes for classes, float64 for numbers.

    Raises `InvalidData` that names the first row without a usable value.
    """
    if output.type is Type.CATEGORY:
        return encode_labels(values, output)
    numbers = _numbers(values, output)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise InvalidData(
            f"column {output.name!r}, row {wrong[0]}: there is no finite number to learn from",
            hint="leave out the rows without one",
        )
    large = np.flatnonzero(np.abs(numbers) > LARGEST)
    if large.size:
        raise InvalidData(
            f"column {output.name!r}, row {large[0]}: {numbers[large[0]]:.2g} is beyond ±{LARGEST:.2g}, "
            "which no model can answer",
            hint="measure it in another unit, or learn its logarithm: `[[data.steps]] derive`",
        )
    return numbers


def _encode_column(values: pl.Series, column: Column, calls: Sequence[Feature]) -> list[NDArray[Any]]:
    match column.type:
        case Type.CATEGORY:
            return [_codes(values, column).astype(NUMBER)]
        case Type.DATE | Type.DATETIME:
            return _days(values, column)
        case Type.TEXT:
            return [TextReader(column, calls).read(_texts(values).to_list())]
        case Type.INTEGER | Type.NUMBER | Type.BOOLEAN:
            return [_within_range(values, column)]
        case _:
            assert_never(column.type)


def _within_range(values: pl.Series, column: Column) -> NDArray[Any]:
    numbers = _numbers(values, column)
    wrong = np.flatnonzero(np.abs(numbers) > LARGEST)
    if wrong.size:
        raise InvalidInput(
            f"column {column.name!r}, row {wrong[0]}: {values[int(wrong[0])]} is out of range",
            hint="models read numbers up to 3e38",
        )
    return numbers


def _days(values: pl.Series, column: Column) -> list[NDArray[Any]]:
    """Return the days since 1970-01-01, and for a time the seconds since midnight."""
    with extras_named():
        import polars as pl

    kinds = (pl.Date,) if column.type is Type.DATE else (pl.Date, pl.Datetime)
    if not isinstance(values.dtype, kinds):
        raise InvalidInput(
            f"column {column.name!r} is to be a {column.type}, but holds {values.dtype}",
            hint="read the table with the schema of the model's dataset",
        )
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    days = values.cast(pl.Date).to_physical().cast(pl.Int64)
    numbers = days.cast(pl.Float64).to_numpy()
    if column.type is Type.DATE:
        return [numbers]
    passed = values.cast(pl.Datetime("us")).to_physical() - days * _DAY  # whole: nothing is rounded yet
    return [numbers, passed.cast(pl.Float64).to_numpy() / 1e6]


def _codes(values: pl.Series, column: Column) -> NDArray[np.int64]:
    with extras_named():
        import polars as pl

    if not column.allowed:
        return np.full(len(values), UNKNOWN, dtype=np.int64)
    codes = np.arange(len(column.allowed)).tolist()
    known = _texts(values).replace_strict(
        list(column.allowed), codes, default=int(UNKNOWN), return_dtype=pl.Int64
    )
    return known.fill_null(int(UNKNOWN)).to_numpy()


def _texts(values: pl.Series) -> pl.Series:
    import polars as pl

    if not values.dtype.is_float():
        return values.cast(pl.String)
    distinct = [value for value in values.unique().to_list() if value is not None and np.isfinite(value)]
    texts = [number_text(value) for value in distinct]
    return values.replace_strict(distinct, texts, default=None, return_dtype=pl.String)


def _numbers(values: pl.Series, column: Column) -> NDArray[np.float64]:
    with extras_named():
        import polars as pl

    try:
        return values.cast(pl.Float64).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(
            f"column {column.name!r} is to be {column.type}, but holds {values.dtype}: {error}",
            hint="read the table with the schema of the model's dataset",
        ) from error
