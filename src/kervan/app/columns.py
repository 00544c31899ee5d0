"""The columns of a table as people look through them: searched, sorted, a page at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

C = TypeVar("C")

PAGE = 50
POSITION = "position"
_LARGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnQuery:
    """Which columns are wanted: whose name holds `search`, of one type, in an order, page by page from 1."""

    search: str = ""
    type: str = ""
    sort: str = POSITION
    descending: bool = False
    page: int = 1
    size: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPage(Generic[C]):
    """One page of the columns that match; `pages` is 1 at least, and `sorts` are the orders there are."""

    columns: tuple[C, ...]
    total: int
    matched: int
    page: int
    pages: int
    query: ColumnQuery
    sorts: tuple[str, ...]


def page_of(
    columns: Sequence[C], query: ColumnQuery, orders: Mapping[str, Callable[[C], Any]]
) -> ColumnPage[C]:
    """Return the wanted columns; each has a `name` and a `type`. Columns of equal rank stay in their order.

    A page after the last is the last. Raises `InvalidInput` for an order or type that there is not.
    """
    _check(query, orders)
    wanted = query.search.casefold()
    found = [
        column
        for column in columns
        if wanted in column.name.casefold() and query.type in {"", column.type}  # type: ignore[attr-defined]
    ]
    if query.sort != POSITION:
        found.sort(key=orders[query.sort], reverse=query.descending)
    elif query.descending:
        found.reverse()
    pages = max(1, math.ceil(len(found) / query.size))
    page = min(query.page, pages)
    return ColumnPage(
        columns=tuple(found[(page - 1) * query.size : page * query.size]),
        total=len(columns),
        matched=len(found),
        page=page,
        pages=pages,
        query=query,
        sorts=(POSITION, *orders),
    )


def _check(query: ColumnQuery, orders: Mapping[str, object]) -> None:
    if query.sort != POSITION and query.sort not in orders:
        hint = did_you_mean(query.sort, (POSITION, *orders))
        raise InvalidInput(f"columns are not sorted by {query.sort!r}", hint=hint)
    if query.type and query.type not in set(Type):
        raise InvalidInput(f"no column is {query.type!r}", hint=did_you_mean(query.type, set(Type)))
    if query.page < 1 or not 1 <= query.size <= _LARGEST:
        raise InvalidInput(
            f"page {query.page} of {query.size} columns cannot be shown",
            hint=f"pages begin at 1 and have 1 to {_LARGEST} columns",
        )
