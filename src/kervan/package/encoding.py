"""From a table to what a model sees: a float32 matrix of shape (rows, inputs), in the signature's order.

Numbers stay as they are with NaN for a missing one, booleans are 0 and 1, a category is its place in
`Column.allowed`, and a missing or unseen category is -1. Training and serving share this definition, so
that both see the very same float32 numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidData, InvalidInput, did_you_mean
from kervan.core.plugins import extras_named
from kervan.core.schema import Type, number_text

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.schema import Column, Signature

UNKNOWN = -1.0
EXACT_UP_TO = 2**24  # float32 holds every whole number up to here


def encode_table(table: pl.DataFrame, signature: Signature) -> NDArray[np.float32]:
    """Encode the inputs of a table as a float32 matrix of shape (rows, inputs), stored row by row.

    Columns that the signature does not name are left out. Raises `InvalidInput` for a column that is
    absent or cannot be read as its type, and for a number that float32 cannot hold.
    """
    matrix = np.empty((table.height, len(signature.inputs)), dtype=np.float32)
    for place, column in enumerate(signature.inputs):
        if column.name not in table.columns:
            raise InvalidInput(
                f"the table has no column {column.name!r}", hint=did_you_mean(column.name, table.columns)
            )
        matrix[:, place] = _encode_column(table[column.name], column)
    return matrix


def encode_labels(labels: pl.Series, output: Column) -> NDArray[np.int64]:
    """Encode the classes of a classification: each label's place in `output.allowed`, shape (rows,).

    Raises `InvalidData` that names the first row whose label is missing or unknown.
    """
    codes = _codes(labels, output, kind="int64")
    wrong = np.flatnonzero(codes < 0)
    if wrong.size:
        label = labels[int(wrong[0])]
        what = "is missing" if label is None else f"{label!r} is none of its classes"
        raise InvalidData(
            f"column {output.name!r}, row {wrong[0]}: the label {what}",
            hint=f"the classes are: {', '.join(output.allowed)}",
        )
    return codes.astype(np.int64)


def encode_truth(values: pl.Series, output: Column) -> NDArray[Any]:
    """Encode the column to be predicted, shape (rows,): int64 codes for classes, float64 for numbers.

    Raises `InvalidData` that names the first row without a usable value.
    """
    if output.type is Type.CATEGORY:
        return encode_labels(values, output)
    numbers = _numbers(values, output, kind="float64")
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise InvalidData(
            f"column {output.name!r}, row {wrong[0]}: there is no finite number to learn from",
            hint="leave out the rows without one",
        )
    return numbers


def _encode_column(values: pl.Series, column: Column) -> NDArray[Any]:
    if column.type is Type.CATEGORY:
        return _codes(values, column, kind="float32")
    if not column.type.is_numeric:
        raise InvalidInput(
            f"column {column.name!r} is {column.type}, which no model can read",
            hint="make it a number or a category, or leave it out",
        )
    numbers = _numbers(values, column, kind="float32")
    wrong = np.flatnonzero(np.isinf(numbers))
    if wrong.size:
        raise InvalidInput(
            f"column {column.name!r}, row {wrong[0]}: {values[int(wrong[0])]} is out of range",
            hint="models read numbers up to 3e38",
        )
    return numbers


def _codes(values: pl.Series, column: Column, *, kind: str) -> NDArray[Any]:
    with extras_named():
        import polars as pl

    dtype = pl.Float32 if kind == "float32" else pl.Int64
    if not column.allowed:
        return np.full(len(values), UNKNOWN, dtype=kind)
    codes = np.arange(len(column.allowed)).tolist()
    known = _texts(values).replace_strict(list(column.allowed), codes, default=UNKNOWN, return_dtype=dtype)
    return known.fill_null(UNKNOWN).to_numpy()


def _texts(values: pl.Series) -> pl.Series:
    import polars as pl

    if not values.dtype.is_float():
        return values.cast(pl.String)
    distinct = [value for value in values.unique().to_list() if value is not None and np.isfinite(value)]
    texts = [number_text(value) for value in distinct]
    return values.replace_strict(distinct, texts, default=None, return_dtype=pl.String)


def _numbers(values: pl.Series, column: Column, *, kind: str) -> NDArray[Any]:
    with extras_named():
        import polars as pl

    try:
        numbers = values.cast(pl.Float64).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(
            f"column {column.name!r} is to be {column.type}, but holds {values.dtype}: {error}",
            hint="read the table with the schema of the model's dataset",
        ) from error
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is named by the caller
        return numbers.astype(kind)
