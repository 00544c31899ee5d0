"""The words of a line of SQL: which are names of columns, and which would reach outside the table."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|[^\W\d]\w*|\s+|.""", re.DOTALL)
_REACHES = re.compile(r"(?i)(?:read|scan)_\w+")
_INFERS = re.compile(r"(?i)(?:\bas|:\s*:)\s*(?:date|datetime|time|timestamp)\b")
# Functions, and words before a bracket, that give for a row the same whatever other rows there are. Those
# that find out by the first value how all are written, such as `date`, are not among them.
_OF_ONE_ROW = {
    *("abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "ceiling", "cos", "degrees", "div", "exp"),
    *("floor", "ln", "log", "log10", "log1p", "log2", "mod", "pow", "power", "radians", "round", "sign"),
    *("sin", "sqrt", "tan", "bit_length", "char_length", "character_length", "concat", "concat_ws"),
    *("ends_with", "initcap", "left", "length", "lower", "ltrim", "octet_length", "regexp_like"),
    *("replace", "reverse", "right", "rtrim", "split_part", "starts_with", "strpos", "substr", "trim"),
    *("substring", "upper", "date_part", "extract", "strftime", "strptime", "coalesce", "greatest", "if"),
    *("ifnull", "least", "nullif", "cast", "try_cast"),
    *("and", "between", "case", "else", "from", "ilike", "in", "like", "not", "or", "select", "then"),
    *("when", "where"),
}
_HOLDING = {"over", "join", "qualify", "intersect", "except", "unnest"}
_AFTER_TABLE: list[list[str]] = [[], [";"], ["where"], ["group"], ["having"], ["limit"], ["order"]]
_TOGETHER = {
    *("over", "group", "order", "join", "distinct", "union", "intersect", "except", "limit", "offset"),
    *("having", "fetch", "qualify", "top", "with", "exists", "any", "all", "tablesample", "unnest"),
}
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


def is_of_one_row(text: str) -> bool:
    """Say whether each row of a select, or value of an expression, comes of one row alone.

    No is also said where that is not certain.

    >>> is_of_one_row("case when a > 1 then upper(b) end"), is_of_one_row("a / max(a)")
    (True, False)
    >>> is_of_one_row("select a from data where a > 1"), is_of_one_row("select a from data order by a")
    (True, False)
    >>> is_of_one_row("cast(a as double) > 1"), is_of_one_row("a::date > b"), is_of_one_row('"max"(a)')
    (True, False, False)
    """
    words = _words(text)
    called = {word for word, after in pairwise(words) if after == "(" and _is_name(word)}
    return (
        called <= _OF_ONE_ROW
        and _TOGETHER.isdisjoint(words)
        and not _INFERS.search(" ".join(words))
        and (words[:1] != ["select"] or _is_from_one(words))
    )


def holds_all(text: str) -> bool:
    """Say whether a select needs all rows of the table at the same time, to sort or to join them.

    >>> holds_all("select a from data order by a"), holds_all("select sum(a) from data group by b order by b")
    (True, False)
    """
    words = _words(text)
    sorts = "order" in words and "group" not in words
    return sorts or not _HOLDING.isdisjoint(words) or words.count("from") != 1 or not _is_from_one(words)


def _words(text: str) -> list[str]:
    return [each.lower() for each in tokens(text) if each.strip() and not each.startswith(("--", "/*"))]


def _is_from_one(words: list[str]) -> bool:
    """Say whether a select reads one table, once, and no other select is in it."""
    depth, found = 0, []
    for place, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == "from" and not depth:
            found.append(words[place + 2 : place + 3])
    return words.count("select") == 1 and len(found) == 1 and found[0] in _AFTER_TABLE


def _is_name(word: str) -> bool:
    return word[:1] == '"' or word.isidentifier()
