"""The words of a line of SQL: which are names of columns, and which would reach outside the table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|[^\W\d]\w*|\s+|.""", re.DOTALL)
_REACHES = re.compile(r"(?i)(?:read|scan)_\w+")
_CASE = {"case", "when", "then", "else", "end"}


def tokens(text: str) -> Iterator[str]:
    """Yield texts, quoted names, comments, words, blanks and other characters, which together are the text.

    >>> list(tokens("end>= 'a b'"))
    ['end', '>', '=', ' ', "'a b'"]
    """
    return (match[0] for match in _TOKEN.finditer(text))


def with_names(text: str, names: Collection[str]) -> str:
    """Quote the words that are names of columns, so that `end` may be one although SQL knows the word.

    >>> with_names("end >= start", ["start", "end"])
    '"end" >= "start"'
    >>> with_names("CASE WHEN a > 1 THEN true END", ["a", "END"])
    'CASE WHEN "a" > 1 THEN true END'
    """
    found = list(tokens(text))
    has_case = any(each.lower() == "case" for each in found)
    quoted = []
    for place, each in enumerate(found):
        is_call = "".join(found[place + 1 :]).lstrip().startswith("(")
        is_word = each in names and not is_call and not (has_case and each.lower() in _CASE)
        quoted.append(f'"{each}"' if is_word and re.fullmatch(r"[^\W\d]\w*", each) else each)
    return "".join(quoted)


def reaching(text: str) -> str:
    """Return the function in a query that would read a file, or "".

    >>> reaching("select * from Read_CSV ('/etc/passwd')"), reaching("select 'read_csv(' from data")
    ('Read_CSV', '')
    """
    return next((each.strip('"') for each in tokens(text) if _REACHES.fullmatch(each.strip('"'))), "")
