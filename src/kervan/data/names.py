"""Names that no column may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterable


_KEPT = "kervan:"  # columns beside those of rows that are kept aside


def check_unreserved(names: Iterable[str], place: str) -> None:
    """Raise `InvalidData` for a name that is ours, or that Polars takes for a pattern: * or ^…$.

    >>> check_unreserved(["age", "^", "$"], "rows.csv")
    """
    for number, name in enumerate(names, 1):
        if reason := _reason(name):
            raise InvalidData(
                f"{place}: column {number} is called {name!r}, which {reason}", hint="give it another name"
            )


def _reason(name: str) -> str:
    if name == "*" or (len(name) > 1 and name.startswith("^") and name.endswith("$")):
        return "would be read as a pattern of names"
    return f"begins with {_KEPT!r} as Kervan's own do" if name.startswith(_KEPT) else ""
