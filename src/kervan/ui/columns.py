"""Which columns somebody wants to see, out of an address: searched, of a type, sorted, a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.columns import POSITION, ColumnQuery
from kervan.core.schema import Type

if TYPE_CHECKING:
    from kervan.ui.asked import Asked


def column_query(asked: Asked) -> ColumnQuery:
    """Read `?search=…&type=…&sort=-name&page=2`; a dash in front turns the order."""
    sort = asked.text("sort", POSITION)
    return ColumnQuery(
        search=asked.text("search"),
        type=asked.choice("type", tuple(Type)),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        page=asked.whole("page", 1, low=1),
    )
