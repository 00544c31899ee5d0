"""One rule of a check as it is put to a table: what breaks it, and how that is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kervan.core.checking import Check

if TYPE_CHECKING:
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
    such, and null where they are none.
    """

    read: pl.DataFrame
    table: pl.DataFrame
    settings: DataSettings
    lookup: Lookup
    now: float

    def hides(self, *names: str) -> bool:
        """Say whether one of these columns is protected, so that no value is shown."""
        return any(name in self.settings.protect for name in names)


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
    """A rule about the whole table: `judge` turns the figures of `asks` into (whether it holds, in words)."""

    rule: str
    subject: str
    check: Check
    judge: Callable[..., tuple[bool, str]]
    asks: tuple[pl.Expr, ...] = ()
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
