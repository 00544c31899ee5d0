"""What a user demands of a table's rows: `[[data.checks]]`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from kervan.core.reading import composed

Bound: TypeAlias = float | date | datetime | str

STOP, WARN, REJECT = "stop", "warn", "reject"


def compose(settings: Any, *names: str) -> None:
    """Bring settings that name columns and values into the form in which tables are read (NFC)."""
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, str):
            object.__setattr__(settings, name, composed(value))
        elif isinstance(value, tuple | list):
            object.__setattr__(settings, name, tuple(map(composed, value)))
        elif isinstance(value, dict):
            object.__setattr__(settings, name, {composed(key): each for key, each in value.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`refers_to`: the table in which the values have to be: a file, or a dataset such as `postcodes:2`.

    `column` or `columns` are named there; without them they have the same names as in the check.
    """

    source: str
    column: str = ""
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        compose(self, "column", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`[[data.checks]]`: rules for one column, for several, or for the whole table.

    `between`, `least`, `most` and `allowed` also bind requests for predictions. `missing_at_most` is a share
    of the rows, 0 to 1; `at_least` the share of the rows that has to keep the other rules, 0 to 1 or a text
    such as "99.5 %". `severity` is "stop", "warn" or "reject", which keeps failing rows aside. `like` names a
    file or dataset whose distribution the column has to have: PSI under `psi_at_most`, or the p-value of
    Kolmogorov and Smirnov's test not under `p_at_least`.
    """

    column: str = ""
    columns: tuple[str, ...] = ()
    name: str = ""
    why: str = ""
    type: str = ""
    between: tuple[Bound, ...] | None = None
    least: Bound | None = None
    most: Bound | None = None
    allowed: tuple[str, ...] | None = None
    pattern: str = ""
    length: tuple[int, ...] | None = None
    unique: bool = False
    missing_at_most: float | None = None
    rows: tuple[int, ...] | None = None
    newest_within: str = ""
    expression: str = ""
    refers_to: Reference | None = None
    like: str = ""
    psi_at_most: float | None = None
    p_at_least: float | None = None
    sql: str = ""
    at_least: float | str | None = None
    severity: str = STOP

    def __post_init__(self) -> None:
        compose(self, "column", "columns", "allowed", "expression", "sql")

    @property
    def place(self) -> str:
        """How this check is named in messages.

        >>> Check(column="age").place, Check(name="order of dates", expression="end >= start").place
        ("[[data.checks]] for 'age'", "[[data.checks]] 'order of dates'")
        """
        if self.name:
            return f"[[data.checks]] {self.name!r}"
        about = self.column or ", ".join(self.columns) or self.expression or self.sql
        return f"[[data.checks]] for {about!r}" if about else "[[data.checks]] for the table"
