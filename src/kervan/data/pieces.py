"""Tables that need not fit into memory: the rows lie in files of a folder, and pass piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from kervan.core.errors import StorageFailed, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

PIECE_BYTES = 48 << 20  # what a piece may take in memory
PIECE_CELLS = 1 << 22
PIECE_ROWS = 1 << 17
SPREAD_ROWS = 200_000  # by so many what needs whole rows together is judged
SPREAD_BYTES = 128 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A table whose rows lie in Parquet files, in order; all pieces have the same columns and types.

    There is one piece at least, which may be empty. The files belong to the folder in which they were
    written, and are gone with it.
    """

    files: tuple[Path, ...]
    heights: tuple[int, ...]
    schema: pl.Schema

    @property
    def height(self) -> int:
        """The number of rows."""
        return sum(self.heights)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return self.schema.names()

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.schema)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield one piece after the other."""
        return self.only(self.columns)

    def only(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield some columns of one piece after the other; no other is read."""
        return (self.at(place, names) for place in range(len(self.files)))

    def at(self, place: int, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of one piece."""
        import polars as pl

        found = pl.read_parquet(self.files[place], columns=list(names), glob=False, hive_partitioning=False)
        # Without a column Polars would forget how many rows there are.
        return found if names else pl.DataFrame(height=self.heights[place])

    def column(self, name: str) -> Iterator[pl.Series]:
        """Yield one column of one piece after the other."""
        return (piece[name] for piece in self.only([name]))

    def lazy(self) -> pl.LazyFrame:
        """Return the table for a query that the streaming engine runs."""
        import polars as pl

        return pl.scan_parquet(list(self.files), glob=False, hive_partitioning=False, cache=False)

    def starts(self) -> Iterator[int]:
        """Yield the number of rows before each piece."""
        return (start for start, _ in pairwise(accumulate(self.heights, initial=0)))

    def whole(self) -> pl.DataFrame:
        """Return the whole table in memory: for those who know that it fits."""
        import polars as pl

        return pl.concat(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """Some rows of a table in pieces, chosen while they pass: `mask` says which, true for those that stay."""

    table: Pieces
    mask: NDArray[np.bool_]

    @property
    def height(self) -> int:
        """The number of rows."""
        return int(self.mask.sum())

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return self.table.columns

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.table.width

    @property
    def schema(self) -> pl.Schema:
        """The columns and their types."""
        return self.table.schema

    def only(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield some columns of one piece after the other; no other is read."""
        import polars as pl

        for start, piece in zip(self.table.starts(), self.table.only(names), strict=True):
            found = piece.filter(pl.Series(self.mask[start : start + piece.height]))
            yield found if 2 * found.height > piece.height else compact(found)


Rows_co = TypeVar("Rows_co", bound="pl.DataFrame | Pieces", covariant=True)
Table: TypeAlias = "pl.DataFrame | Pieces | Chosen"


def batches(table: Table, names: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table, or some of its columns, one after the other; one in memory comes whole."""
    if isinstance(table, Pieces | Chosen):
        yield from table.only(table.columns if names is None else names)
    else:
        # Columns one by one: a list of names would be read as patterns.
        yield table if names is None else table.select([table[name] for name in names])


def kind_of(table: Table, name: str) -> pl.DataType:
    """Return the type of one column: a frame makes its whole schema anew whenever that is asked for."""
    return table.schema[name] if isinstance(table, Pieces | Chosen) else table.get_column(name).dtype


def column_of(table: Table, name: str) -> Iterator[pl.Series]:
    """Return the pieces of a table's column, one after the other."""
    if isinstance(table, Pieces | Chosen):
        return (batch[name] for batch in batches(table, [name]))
    return iter([table.get_column(name)])


def chosen(table: Table, mask: NDArray[np.bool_]) -> Table:
    """Return the rows for which `mask` is true."""
    import numpy as np
    import polars as pl

    if isinstance(table, Pieces):
        return Chosen(table=table, mask=mask)
    if isinstance(table, Chosen):
        whole = table.mask.copy()
        whole[np.flatnonzero(table.mask)] = mask
        return Chosen(table=table.table, mask=whole)
    return table.filter(pl.Series(mask, dtype=pl.Boolean))


def changed(table: Table, folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Table:
    """Return the table with its rows changed; what does not fit into memory is written into a new folder."""
    if not isinstance(table, Pieces | Chosen):
        return change(table)
    with PieceWriter(folder) as writer:
        writer.add_all(map(change, batches(table)))
    return writer.finish()


def slices_of(lazy: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield the columns without rows, then the rows of a file that is scanned, piece by piece.

    That takes half the memory of the streaming engine, which reads ahead.
    """
    found = lazy.head(0).collect()
    yield found
    start, rows = 0, batch_rows(found.width)
    while (found := lazy.slice(start, rows).collect(engine="in-memory")).height:
        yield found
        start += found.height


def compact(rows: pl.DataFrame) -> pl.DataFrame:
    """Copy a few rows, so that they do not hold the texts of all among which they stood in memory.

    Polars' texts are views into buffers, which live as long as any of them; no operation of its own copies.
    """
    import polars as pl

    if pl.String not in rows.dtypes:
        return rows
    buffer = BytesIO()
    rows.write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
    buffer.seek(0)
    return pl.read_ipc(buffer)


def discard(table: Table) -> None:
    """Remove the files of a table in pieces before their folder goes: they take room on the disk."""
    found = table.table if isinstance(table, Chosen) else table
    if isinstance(found, Pieces):
        for path in found.files:
            path.unlink(missing_ok=True)


def spread(table: Table, rows: int = SPREAD_ROWS) -> pl.DataFrame:
    """Return a table in memory as it is; of another so many rows at equal distances, in its order.

    They are fewer if they would take too much memory themselves.
    """
    import polars as pl

    if not isinstance(table, Pieces | Chosen):
        return table
    wanted = places(table, rows)
    found, start = [], 0
    for piece in batches(table):
        here = wanted[(wanted >= start) & (wanted < start + piece.height)] - start
        found.append(compact(piece[here]) if len(here) else piece.clear())
        start += piece.height
    return pl.concat(found)


def places(table: Pieces | Chosen, rows: int = SPREAD_ROWS) -> NDArray[np.int64]:
    """Return which rows `spread` gives, from 0."""
    import numpy as np

    first = next(batches(table))
    most = min(rows, SPREAD_BYTES * max(1, first.height) // max(1, _size(first)), table.height)
    found = np.linspace(0, max(0, table.height - 1), max(1, most)).astype(np.int64)
    return found[np.diff(found, prepend=-1) > 0]


def batch_rows(columns: int) -> int:
    """Return how many rows are looked at together.

    >>> batch_rows(20), batch_rows(1000)
    (131072, 4194)
    """
    return max(1024, min(PIECE_ROWS, PIECE_CELLS // max(1, columns)))


class PieceWriter:
    """Writes the files of `Pieces` into a folder that it makes; small frames are put together.

    Use it in a `with` block, after which `finish` returns the table. The first frame says what the columns
    are.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._waiting: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self._heights: list[int] = []
        self._schema: pl.Schema | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Take the next rows, whatever their number."""
        if self._schema is None:
            self._schema = frame.schema
        elif frame.schema != self._schema:
            raise ValueError(f"a piece has other columns or types: {frame.schema}, not {self._schema}")
        self._waiting.append(frame)
        rows = sum(each.height for each in self._waiting)
        if rows >= batch_rows(frame.width) or sum(map(_size, self._waiting)) >= PIECE_BYTES:
            self._write()

    def add_all(self, frames: Iterable[pl.DataFrame]) -> None:
        """Take all rows of some frames."""
        for frame in frames:
            self.add(frame)

    def finish(self) -> Pieces:
        """Return the table."""
        if self._schema is None:
            raise ValueError("no piece was added, which says what the columns are")
        return Pieces(files=tuple(self._files), heights=tuple(self._heights), schema=self._schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """Write what waits: `with` does so at its end."""
        if (self._waiting or not self._files) and self._schema is not None:
            self._write()

    def _write(self) -> None:
        import polars as pl

        frame = pl.concat(self._waiting)
        self._waiting = []
        rows = max(1, min(batch_rows(frame.width), frame.height * PIECE_BYTES // max(1, _size(frame))))
        for start in range(0, max(1, frame.height), rows):
            piece = frame.slice(start, rows)
            path = self._folder / f"{len(self._files):06}.parquet"
            try:
                piece.write_parquet(path, compression="lz4", statistics=False)
            except (OSError, pl.exceptions.PolarsError) as error:
                raise StorageFailed(
                    f"{self._folder} cannot hold the table: {first_line(error)}",
                    hint="make room there, or name another folder for temporary files: TMPDIR",
                ) from error
            self._files.append(path)
            self._heights.append(piece.height)


def _size(frame: pl.DataFrame) -> int:
    return int(frame.estimated_size())
