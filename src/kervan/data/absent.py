"""Words that were read as missing although they may be values: `None` for no disorder, `NA` for Namibia."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidData
from kervan.core.nouns import Finding, Verdict
from kervan.data.looks import missing_line
from kervan.data.target import MINIMUM_CLASS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import polars as pl

WORDS = tuple(text for text in MISSING_TEXTS if text.isalpha() or "/" in text)
READ_AS_MISSING = "read_as_missing"
_SHOWN = 3


def doubtful(schema: pl.Schema, lacking: Collection[str], target: str) -> tuple[str, ...]:
    """Return the columns in which a word may have been read as missing: texts, and the target.

    `lacking` are the columns in which a value is missing.
    """
    import polars as pl

    return tuple(
        name for name, kind in schema.items() if name in lacking and (kind == pl.String or name == target)
    )


class Words:
    """Counts the words that mean missing in a table that comes in batches, read as it was written."""

    def __init__(self, columns: Collection[str]) -> None:
        self._counts = {name: dict.fromkeys(WORDS, 0) for name in columns}
        self._rows = 0

    def count(self, written: pl.DataFrame) -> None:
        """Count the words of a batch."""
        self._rows += written.height
        for name, counts in self._counts.items():
            for word in WORDS:
                counts[word] += _rows(written[name], word)

    def findings(self, schema: pl.Schema, target: str) -> Iterator[Finding]:
        """Yield for each word in which columns it was read as missing; `schema` is that of the table read.

        Raises `InvalidData` if the word may be a class of the target: only the user knows.
        """
        found: dict[str, dict[str, int]] = {}
        for name, counts in self._counts.items():
            for word, rows in counts.items():
                if rows:
                    found.setdefault(word, {})[name] = rows
        for word, columns in found.items():
            if columns.get(target, 0) >= MINIMUM_CLASS and not schema[target].is_numeric():
                raise _ask(word, columns[target], self._rows, target)
            yield _told(word, columns)


def _rows(column: pl.Series, word: str) -> int:
    import polars as pl

    return int((column == word).sum()) if column.dtype == pl.String else 0


def _ask(word: str, rows: int, of: int, target: str) -> InvalidData:
    return InvalidData(
        f"the target {target!r} says {word!r} in {rows:,} of {of:,} rows, which `[data] missing` lists as a "
        "text that means missing: is it a class?",
        hint=f"if it is one, take it off the list: `[data] {missing_line(_without(word))}`; if these rows "
        f"have no target, say so: `[data] {missing_line(['', word])}`",
    )


def _told(word: str, columns: dict[str, int]) -> Finding:
    most = sorted(columns, key=lambda name: -columns[name])
    shown = ", ".join(f"{name!r} in {columns[name]:,} rows" for name in most[:_SHOWN])
    more = f" and {len(most) - _SHOWN} more columns" if len(most) > _SHOWN else ""
    return Finding(
        rule=READ_AS_MISSING,
        subject=most[0],
        verdict=Verdict.WARNED,
        message=f"the text {word!r} is read as missing: column {shown}{more}",
        hint=f"if it is a value of its own, take it off the list: `[data] {missing_line(_without(word))}`",
    )


def _without(word: str) -> tuple[str, ...]:
    return tuple(text for text in MISSING_TEXTS if text != word)
