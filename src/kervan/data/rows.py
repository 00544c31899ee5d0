"""One canonical form of a table's values, in bytes, that neither library versions nor machines change.

Numbers, booleans, dates and times are IEEE 754 doubles, little-endian; -0 is 0. Texts are UTF-8. So a
whole number reads the same whether its column holds integers or floats.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

_BATCH = 100_000


def numbers(column: pl.Series) -> NDArray[np.float64]:
    """Return a numeric, boolean, date or datetime column as doubles; missing values are 0."""
    import polars as pl

    physical = column.to_physical().cast(pl.Float64).fill_null(0.0)
    return np.ascontiguousarray(physical.to_numpy() + 0.0, dtype="<f8")  # adding 0 makes -0 a 0


def row_hashes(table: pl.DataFrame, seed: int) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's content, the same whatever the order of rows and columns.

    It is BLAKE2b, keyed with the seed, over nine bytes per column in the order of their names: whether
    the value is there, and its double or, for a text, the BLAKE2b of its UTF-8.
    """
    key = str(seed).encode()
    columns = [_cells(table[name]) for name in sorted(table.columns)]
    hashes: list[bytes] = []
    for start in range(0, table.height, _BATCH):
        block = np.concatenate([cells[start : start + _BATCH] for cells in columns], axis=1)
        hashes += [
            hashlib.blake2b(row, digest_size=8, key=key).digest() for row in np.ascontiguousarray(block)
        ]
    return np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.uint64)


def _cells(column: pl.Series) -> NDArray[np.uint8]:
    """Return nine bytes for each value: 1 if it is there, and eight that stand for it."""
    import polars as pl

    cells = np.zeros((len(column), 9), dtype=np.uint8)
    cells[:, 0] = column.is_not_null().to_numpy()
    if column.dtype == pl.String:
        cells[:, 1:] = _text_hashes(column)
    else:
        cells[:, 1:] = numbers(column).view(np.uint8).reshape(-1, 8)
    return cells


def _text_hashes(column: pl.Series) -> NDArray[np.uint8]:
    unique = column.drop_nulls().unique().to_list()
    known = {text: _small_hash(text) for text in unique}
    import polars as pl

    found: Any = column.replace_strict(known, default=0, return_dtype=pl.UInt64).to_numpy()
    return np.ascontiguousarray(found, dtype="<u8").view(np.uint8).reshape(-1, 8)


def _small_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
