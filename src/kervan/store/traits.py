"""What runs are searched by beside their metrics: parameters, and how long they took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from kervan.store.tables import traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS = "seconds"
PARAMETER = "parameter."  # how the name of a trait begins that is a parameter
# An index of PostgreSQL holds 2,700 bytes of a name; nobody searches the end of a long text.
_LONGEST_NAME = 500
_LONGEST_TEXT = 1_000

Traits = dict[str, tuple[float | None, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    time: float
    ended: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def traits_of(body: str) -> Traits:
    """Return the traits of a run out of its stored body: a number where it is one, and a text, by name."""
    return dict(_traits(msgspec.json.decode(body, type=_Body)))


def traits_among(connection: sa.Connection, runs: Sequence[str]) -> dict[str, Traits]:
    """Return the traits that the table has of some runs."""
    found: dict[str, Traits] = {}
    for row in connection.execute(sa.select(traits).where(traits.c.run.in_(runs))):
        found.setdefault(row.run, {})[row.name] = (row.number, row.text)
    return found


def _traits(run: _Body) -> Iterator[tuple[str, tuple[float | None, str]]]:
    for name, value in run.parameters.items():
        yield _fit(PARAMETER + name, _LONGEST_NAME), (_number(value), _fit(_text(value), _LONGEST_TEXT))
    if run.ended is not None:
        seconds = run.ended - run.time
        yield SECONDS, (seconds, _text(seconds))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _fit(text: str, length: int) -> str:
    """No database but SQLite keeps the letter NUL."""
    return text[:length].replace("\0", "")
