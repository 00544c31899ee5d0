"""Parquet files, with their types brought to the few that tables here have."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData, first_line
from kervan.data.pieces import slices_of
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import beginning, ends_in, packing_of, start_of, unpacked
from kervan.data.sources.plain import plain_batches, plain_table, weight_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions


class ParquetSource:
    """Tables in `.parquet` files."""

    suffixes = (".parquet", ".pq")

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of a Parquet file."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row."""
        import polars as pl

        content = BytesIO(unpacked(path)) if packing_of(start_of(path)) else path
        with _readable(path):
            table = pl.read_parquet(content, glob=False, hive_partitioning=False)
        return plain_table(table, path.name, options)

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows in batches."""
        return plain_batches(lambda: _slices(path), path.name, options)

    def weight(self, path: Path) -> int:
        """Return about how many bytes the rows of an uncompressed file take in memory."""
        with _readable(path):
            return weight_of(_scanned(path))


def _slices(path: Path) -> Iterator[pl.DataFrame]:
    with _readable(path):
        yield from slices_of(_scanned(path))


def _scanned(path: Path) -> pl.LazyFrame:
    import polars as pl

    return pl.scan_parquet(path, glob=False, hive_partitioning=False, low_memory=True, cache=False)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        refuse_disguised(beginning(path), path.name, "no Parquet file", unless="a Parquet file")
        raise InvalidData(
            f"{path.name} is no readable Parquet file: {first_line(error)}",
            hint="fetch or write it again",
        ) from error
