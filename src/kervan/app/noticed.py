"""What is odd about rows to predict though they can be answered: columns not used, categories not known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.app.asked import Asked
    from kervan.core.schema import Signature

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """`flags` for each row: `not known: city` for a category, `not used: notes` for a column."""

    unused: tuple[str, ...]
    unseen: Mapping[tuple[str, str], int]
    rows: int
    flags: Sequence[Sequence[str]]

    def sentences(self) -> Iterator[str]:
        """Yield what is worth saying."""
        if count := len(self.unused):
            which = "1 column is" if count == 1 else f"{count:,} columns are"
            yield f"{which} not used: {_listed(self.unused)}"
        if self.rows:
            which = "1 row holds" if self.rows == 1 else f"{self.rows:,} rows hold"
            often = sorted(self.unseen, key=lambda each: -self.unseen[each])
            values = [f"{column} {category!r}" for column, category in often]
            yield f"{which} a category that the model does not know: {_listed(values)}"


def notice(asked: Asked, signature: Signature) -> Noticed:
    """Count the columns that the model does not take and the categories that it does not know."""
    known = {
        column.name: frozenset(column.allowed) for column in signature.inputs if column.type is Type.CATEGORY
    }
    unseen: Counter[tuple[str, str]] = Counter()
    flags: list[Sequence[str]] = []
    rows = 0
    for row, unused in zip(asked.rows, asked.unused, strict=True):
        found = _unseen(row, known)
        unseen.update(found)
        rows += bool(found)
        flags.append([f"not known: {name}" for name, _ in found] + [f"not used: {name}" for name in unused])
    names = dict.fromkeys(name for each in dict.fromkeys(map(tuple, asked.unused)) for name in each)
    return Noticed(unused=tuple(names), unseen=unseen, rows=rows, flags=flags)


def _unseen(row: Mapping[str, Any], known: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, categories in known.items()
        if isinstance(value := row.get(name), str) and value not in categories
    ]


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
