"""Arrow files (Feather) and streams, and Avro files, as other programs write them."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData, first_line
from kervan.data.pieces import slices_of
from kervan.data.sources.arrow_stream import parts_of
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.plain import plain_batches, plain_table, weight_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions

_FILE = b"ARROW1"
_START = 1 << 16


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
        _check_kind(content, path.name, "Arrow")
        with _readable(path.name, "Arrow"):
            read = pl.read_ipc if content.startswith(_FILE) else pl.read_ipc_stream
            table = read(BytesIO(content))
        return plain_table(table, path.name, options)

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows in batches: of a stream as it was written in, but for small ones."""
        with path.open("rb") as file:
            start = file.read(_START)
        _check_kind(start, path.name, "Arrow")
        slices = _slices if start.startswith(_FILE) else _streamed
        yield from plain_batches(lambda: slices(path), path.name, options)

    def weight(self, path: Path) -> int:
        """Return about how many bytes the rows of an uncompressed file take in memory."""
        with path.open("rb") as file:
            is_file = file.read(len(_FILE)) == _FILE
        with _readable(path.name, "Arrow"):
            return weight_of(_scanned(path)) if is_file else path.stat().st_size


def _scanned(path: Path) -> pl.LazyFrame:
    import polars as pl

    return pl.scan_ipc(path, glob=False, hive_partitioning=False)


def _slices(path: Path) -> Iterator[pl.DataFrame]:
    with _readable(path.name, "Arrow"):
        yield from slices_of(_scanned(path))


def _streamed(path: Path) -> Iterator[pl.DataFrame]:
    import polars as pl

    with _readable(path.name, "Arrow"), path.open("rb") as file:
        for part in parts_of(file):
            yield pl.read_ipc_stream(BytesIO(part))


class AvroSource:
    """Tables in `.avro` files."""

    suffixes = (".avro",)

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of an Avro file."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row."""
        import polars as pl

        content = unpacked(path)
        _check_kind(content, path.name, "Avro")
        with _readable(path.name, "Avro"):
            table = pl.read_avro(BytesIO(content))
        return plain_table(table, path.name, options)


def _check_kind(content: bytes, file: str, kind: str) -> None:
    if not content:
        raise InvalidData(f"{file} is empty", hint="fetch or write it again")
    refuse_disguised(content, file, f"no {kind} file", kind)


@contextmanager
def _readable(file: str, kind: str) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InvalidData(
            f"{file} is no readable {kind} file: {first_line(error)}",
            hint="fetch or write it again, or as Parquet",
        ) from error
