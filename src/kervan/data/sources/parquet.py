"""Parquet files, with their types brought to the few that tables here have."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData, first_line
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import beginning, ends_in, packing_of, start_of, unpacked
from kervan.data.sources.plain import plain_table

if TYPE_CHECKING:
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
        try:
            table = pl.read_parquet(content, glob=False, hive_partitioning=False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            refuse_disguised(beginning(path), path.name, "no Parquet file", unless="a Parquet file")
            raise InvalidData(
                f"{path.name} is no readable Parquet file: {first_line(error)}",
                hint="fetch or write it again",
            ) from error
        return plain_table(table, path.name, options)
