"""A hash of a table's content that depends on no version of Polars or Parquet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from kervan.data.rows import numbers

if TYPE_CHECKING:
    import polars as pl


def content_hash(table: pl.DataFrame) -> str:
    """Return the SHA-256 of a table's content, as 64 hexadecimal digits.

    It covers names and types of the columns in their order, and all values in the order of the rows, in
    the canonical form of `kervan.data.rows`; it stays the same over versions of Polars and of Parquet.
    """
    import polars as pl

    digest = hashlib.sha256(f"{table.height} {table.width}\n".encode())
    for column in table.get_columns():
        kind = column.dtype
        _add(digest, _kind(kind).encode())
        _add(digest, column.name.encode())
        _add(digest, column.is_not_null().to_numpy().tobytes())
        if kind == pl.String:
            texts = column.fill_null("")
            _add(digest, texts.str.len_bytes().to_numpy().astype("<u8").tobytes())
            _add(digest, "".join(texts.to_list()).encode())
        elif kind.is_integer():
            _add(digest, column.fill_null(0).to_numpy().astype("<i8").tobytes())
        else:
            _add(digest, numbers(column).tobytes())
    return digest.hexdigest()


def _kind(kind: pl.DataType) -> str:
    if kind.is_integer():
        return "integer"
    if kind.is_float():
        return "number"
    zone = getattr(kind, "time_zone", None)
    return f"{kind.base_type().__name__.lower()} {zone or ''}"


def _add(digest: hashlib._Hash, content: bytes) -> None:
    digest.update(len(content).to_bytes(8, "big"))
    digest.update(content)
