"""Tables that pass in batches, so that none has to fit into memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidData, first_line
from kervan.core.ports import ReadOptions
from kervan.data.cast import clean, without_missing
from kervan.data.pieces import batch_rows, slices_of
from kervan.data.profile.bounds import WIDE
from kervan.data.sources.plain import plain_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    Passing: TypeAlias = pl.LazyFrame | Path | Iterable[pl.DataFrame]


def batches(source: Passing) -> Iterator[pl.DataFrame]:
    """Yield the rows of a lazy frame, a Parquet file or an iterable of frames, in batches of plain types.

    Texts of a file that usually mean missing are missing.

    There is one batch at least, which may be empty. Raises `InvalidData` where the source cannot be read or
    its batches have different columns.
    """
    name = source.name if isinstance(source, Path) else "the table"
    options = ReadOptions(missing=MISSING_TEXTS if isinstance(source, Path) else ())
    schema: pl.Schema | None = None
    for found in _read(source, name):
        rows = batch_rows(found.width)
        for start in range(0, max(1, found.height), rows):
            batch = _plain(found.slice(start, rows), name, options)
            if schema is None:
                schema = batch.schema
            elif batch.schema != schema:
                raise InvalidData(
                    f"{name} changes its columns on the way: {_changed(schema, batch.schema)}",
                    hint="give batches of the same columns and types",
                )
            yield batch
    if schema is None:
        raise InvalidData(f"{name} gives no batch at all", hint="give one batch at least, which may be empty")


def _plain(batch: pl.DataFrame, name: str, options: ReadOptions) -> pl.DataFrame:
    """Read a batch by the rules of tables, as `plain_table` does."""
    import polars as pl

    plain = plain_types(batch, name, options)
    cleaned = [
        _cleaned(column, options) if column.dtype == pl.String else column for column in plain.get_columns()
    ]
    return without_missing(pl.DataFrame(cleaned), options.missing)


def _cleaned(texts: pl.Series, options: ReadOptions) -> pl.Series:
    """Clean texts, all of them only if that changes one: values repeat, and few columns need it."""
    different = texts.unique().to_frame()
    if clean(different, options.missing).equals(different):
        return texts
    return clean(texts.to_frame(), options.missing).to_series()


def _read(source: Passing, name: str) -> Iterator[pl.DataFrame]:
    import polars as pl

    try:
        if isinstance(source, Path):
            lazy = pl.scan_parquet(source, glob=False, hive_partitioning=False, low_memory=True, cache=False)
        elif isinstance(source, pl.LazyFrame):
            lazy = source
        else:
            yield from source
            return
        first = lazy.head(0).collect()
        if isinstance(source, Path) and first.width <= WIDE:
            yield from slices_of(lazy)
        else:
            yield first
            rows = batch_rows(first.width)
            yield from lazy.collect_batches(chunk_size=rows, maintain_order=True, lazy=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InvalidData(
            f"{name} cannot be read: {first_line(error)}", hint="look whether it is whole"
        ) from error


def _changed(old: pl.Schema, new: pl.Schema) -> str:
    for name, kind in old.items():
        if name not in new:
            return f"{name!r} is gone"
        if new[name] != kind:
            return f"{name!r} is {new[name]}, was {kind}"
    return "there are more, or in another order"
