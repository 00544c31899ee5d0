"""A hash of a table's content that depends on no version of Polars or Parquet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from kervan.data.pieces import column_of
from kervan.data.rows import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.pieces import Table


def content_hash(table: Table) -> str:
    """Return the SHA-256 of a table's content, as 64 hexadecimal digits.

    It covers names and types of the columns in their order, and all values in the order of the rows, in
    the canonical form of `kervan.data.rows`; it stays the same over versions of Polars and of Parquet.
    """
    digest = hashlib.sha256(f"{table.height} {table.width}\n".encode())
    for name, kind in table.schema.items():
        _add(digest, _kind(kind).encode())
        _add(digest, name.encode())
        _add_all(digest, table.height, (each.is_not_null().to_numpy() for each in column_of(table, name)))
        _add_values(digest, table, name, kind)
    return digest.hexdigest()


def _add_values(digest: hashlib._Hash, table: Table, name: str, kind: pl.DataType) -> None:
    import polars as pl

    values = column_of(table, name)
    if kind == pl.String:
        lengths = (each.str.len_bytes().fill_null(0).to_numpy().astype("<u8") for each in values)
        _add_all(digest, 8 * table.height, lengths)
        size = sum(int(each.str.len_bytes().sum()) for each in column_of(table, name))
        again = (each.drop_nulls().to_list() for each in column_of(table, name))
        _add_all(digest, size, ("".join(texts).encode() for texts in again))
    elif kind.is_integer():
        _add_all(digest, 8 * table.height, (each.fill_null(0).to_numpy().astype("<i8") for each in values))
    else:
        _add_all(digest, 8 * table.height, (numbers(each) for each in values))


def _kind(kind: pl.DataType) -> str:
    if kind.is_integer():
        return "integer"
    if kind.is_float():
        return "number"
    zone = getattr(kind, "time_zone", None)
    return f"{kind.base_type().__name__.lower()} {zone or ''}"


def _add(digest: hashlib._Hash, content: bytes) -> None:
    _add_all(digest, len(content), [content])


def _add_all(digest: hashlib._Hash, size: int, pieces: Iterable[bytes | NDArray[Any]]) -> None:
    """Add a content of so many bytes that comes in pieces."""
    digest.update(size.to_bytes(8, "big"))
    for piece in pieces:
        digest.update(piece if isinstance(piece, bytes) else piece.tobytes())
