"""Arrow files (Feather) and streams, and Avro files, as other programs write them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData, first_line
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.plain import plain_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions

_FILE = b"ARROW1"


class ArrowSource:
    """Tables in Arrow files (`.arrow`, `.feather`, `.ipc`) and streams (`.arrows`)."""

    suffixes = (".arrow", ".feather", ".ipc", ".arrows")

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of an Arrow file."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row."""
        import polars as pl

        content = unpacked(path)
        read = pl.read_ipc if content.startswith(_FILE) else pl.read_ipc_stream
        return plain_table(_table(content, path.name, "Arrow", read), path.name, options)


class AvroSource:
    """Tables in `.avro` files."""

    suffixes = (".avro",)

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of an Avro file."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row."""
        import polars as pl

        return plain_table(_table(unpacked(path), path.name, "Avro", pl.read_avro), path.name, options)


def _table(content: bytes, file: str, kind: str, read: Callable[[BytesIO], pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    if not content:
        raise InvalidData(f"{file} is empty", hint="fetch or write it again")
    refuse_disguised(content, file, f"no {kind} file", kind)
    try:
        return read(BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InvalidData(
            f"{file} is no readable {kind} file: {first_line(error)}",
            hint="fetch or write it again, or as Parquet",
        ) from error
