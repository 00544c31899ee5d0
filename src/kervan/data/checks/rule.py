"""One rule of a check as it is put to a table: what breaks it, and how that is told."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kervan.core.checking import Check
from kervan.data.pieces import Pieces, batches, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from kervan.core.config import DataSettings


class Lookup(Protocol):
    """Finds the tables to which checks refer."""

    def __call__(self, location: str, *, whole: bool) -> pl.DataFrame:
        """Return the rows of a file or a dataset; if not `whole`, a sample that stands for all will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a check becomes rules with: the table, all settings, other tables, the time (since 1970).

    `read` is the table as it was read; in `table` texts that a check takes for numbers, dates or booleans are
    such, and null where they are none. Both are in memory, or in pieces; then `folder` is for what rules
    write.
    """

    read: pl.DataFrame | Pieces
    table: pl.DataFrame | Pieces
    settings: DataSettings
    lookup: Lookup
    now: float
    folder: Path = Path()

    @property
    def first(self) -> pl.DataFrame:
        """The first row, with the columns and types of all."""
        table = self.table
        return (table.at(0, table.columns) if isinstance(table, Pieces) else table).head(1)

    def hides(self, *names: str) -> bool:
        """Say whether one of these columns is protected, so that no value is shown."""
        return any(name in self.settings.protect for name in names)

    def is_typed(self, name: str) -> bool:
        """Say whether the texts of a column are read as something else."""
        return kind_of(self.read, name) != kind_of(self.table, name)

    def value(self, name: str, row: int) -> object:
        """Return a value as it was read."""
        if not isinstance(self.read, Pieces):
            return self.read[name][row]
        start, place = max((start, place) for place, start in enumerate(self.read.starts()) if start <= row)
        return self.read.at(place, [name])[name][row - start]

    def numbered(self, names: Sequence[str]) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield some columns piece by piece, each with the number of rows before it."""
        start = 0
        for piece in batches(self.table, names):
            yield start, piece
            start += piece.height

    def new_folder(self) -> Path:
        """Return a folder that is not there yet."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """A rule that each row keeps or breaks.

    `bad` is true in the rows that break it, and never null. `suspect`, where it is cheaper, is a number that
    is 0 only if no row does. `wanted` says what a value has to be, "" where the rule is about whole rows and
    `told` says it all. `shown` are the columns whose values explain a failure. `tolerated` is the share of
    the rows that may break it.
    """

    rule: str
    subject: str
    check: Check
    bad: pl.Expr
    wanted: str = ""
    told: str = ""
    suspect: pl.Expr | None = None
    shown: tuple[str, ...] = ()
    tolerated: float = 0.0

    @property
    def quick(self) -> pl.Expr:
        """A number that is 0 only if no row breaks the rule."""
        return self.bad.sum() if self.suspect is None else self.suspect


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRule:
    """A rule about the whole table: `judge` turns the figures of `asks` into (whether it holds, in words).

    `together` makes one figure of those of all pieces.
    """

    rule: str
    subject: str
    check: Check
    judge: Callable[..., tuple[bool, str]]
    asks: tuple[pl.Expr, ...] = ()
    together: Callable[[Sequence[Any]], Any] = sum
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRule:
    """A rule whose failing rows were looked up at once.

    `rows` are their places, None where only their `count` is known; for the rest see `RowRule`.
    """

    rule: str
    subject: str
    check: Check
    count: int
    wanted: str = ""
    told: str = ""
    rows: pl.Series | None = None
    shown: tuple[str, ...] = ()
    tolerated: float = 0.0


Rule = RowRule | TableRule | FoundRule


def rows_of(pieces: Iterable[tuple[int, pl.Series]]) -> pl.Series:
    """Return the places in the table of places in its pieces, each with the number of rows before it."""
    import polars as pl

    found = [(rows.cast(pl.Int64) + start).cast(pl.UInt32).alias("row") for start, rows in pieces]
    return pl.concat([pl.Series("row", [], dtype=pl.UInt32), *found])
