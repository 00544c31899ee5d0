"""What other libraries write, in the words of our checks: types, names, values, regular expressions."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 1_000_000_000  # characters: for lengths without an upper limit
_ANYTHING = r"[\s\S]*"
_TYPES = (
    (r"u?int(?:eger)?\d*", "integer"),
    (r"(?:float|double|decimal|number|numeric)\d*(?:\(.*\))?", "number"),
    (r"(?:str|string|object|text|varchar|utf8)(?:\[\w+\])?(?:\(.*\))?", "text"),
    (r"category|categorical|enum", "category"),
    (r"bool(?:ean)?_?", "boolean"),
    (r"date(?:32|64)?", "date"),
    (r"(?:datetime|timestamp)\d*(?:\[.*\]|\(.*\))?", "datetime"),
)


class Left(Exception):
    """A check that cannot be expressed here."""


def type_of(said: str) -> str:
    """Return our type for another library's, "" if there is none.

    >>> type_of("int64"), type_of("string[python]"), type_of("datetime64[ns]"), type_of("complex128")
    ('integer', 'text', 'datetime', '')
    """
    plain = said.strip().lower().removeprefix("pandas.").removeprefix("numpy.")
    return next((kind for pattern, kind in _TYPES if re.fullmatch(pattern, plain)), "")


def named(column: str) -> str:
    """Return a column's name as SQL quotes it."""
    doubled = column.replace('"', '""')
    return f'"{doubled}"'


def literal(value: Any) -> str:
    """Return a value as SQL writes it.

    >>> literal("O'Neil"), literal(1.5)
    ("'O''Neil'", '1.5')
    """
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return repr(value)
    doubled = str(value).replace("'", "''")
    return f"'{doubled}'"


def beginning(pattern: str) -> str:
    r"""Return the pattern of the whole text for one that a text has to begin with.

    >>> beginning(r"\d\d"), beginning(r"^\d+$")
    ('(?:\\d\\d)[\\s\\S]*', '\\d+')
    """
    core = pattern.removeprefix("^")
    return core[:-1] if _ends(core) else f"(?:{core}){_ANYTHING}"


def anywhere(pattern: str) -> str:
    r"""Return the pattern of the whole text for one that has to be somewhere in it.

    >>> anywhere("x"), anywhere(r"^a$"), anywhere("e$")
    ('[\\s\\S]*(?:x)[\\s\\S]*', 'a', '[\\s\\S]*(?:e)')
    """
    if pattern.startswith("^"):
        return beginning(pattern)
    return f"{_ANYTHING}(?:{pattern[:-1]})" if _ends(pattern) else f"{_ANYTHING}(?:{pattern}){_ANYTHING}"


def _ends(pattern: str) -> bool:
    return pattern.endswith("$") and not pattern.endswith(r"\$")
