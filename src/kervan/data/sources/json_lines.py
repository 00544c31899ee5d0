"""JSON with an object on each line, in batches: what a column holds is that of all lines."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, TypeAlias

from kervan.core.errors import InvalidData
from kervan.core.reading import composed
from kervan.data.allowed import ONLY_TIMES
from kervan.data.cast import Typing, clean, without_missing
from kervan.data.sources.json_values import FORM, Values, parsed
from kervan.data.sources.structure import check_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from kervan.core.ports import ReadOptions
    from kervan.data.sources.text import Text

    Rows: TypeAlias = list[dict[str, Any]]

BATCH_BYTES = 4 << 20


def line_batches(text: Text, options: ReadOptions) -> Iterator[pl.DataFrame]:
    """Yield the rows of a text that has an object on each line, or raise `InvalidData`; it passes twice."""
    columns, typing = _looked_through(text, options)
    for rows in _row_batches(text):
        frame = _frame(rows, columns)
        yield without_missing(typing.read(clean(frame, options.missing)), options.missing)


def _looked_through(text: Text, options: ReadOptions) -> tuple[dict[str, Values], Typing]:
    """Return the columns in the order in which rows first name them, and the types of their texts."""
    import polars as pl

    with text.open() as stream:
        _check_form(stream, text.file)
    columns: dict[str, Values] = {}
    typing = Typing(options.texts, ONLY_TIMES)
    before = 0
    for rows in _row_batches(text):
        for name in dict.fromkeys(name for row in rows for name in row):
            values = [row.get(name) for row in rows]
            column = columns.setdefault(name, Values(composed(name), text.file, options))
            column.note(values, before)
            texts = pl.DataFrame({composed(name): column.texts(values)}, schema={composed(name): pl.String()})
            typing.note(clean(texts, options.missing))
        before += len(rows)
    if not columns:
        raise InvalidData(f"{text.file} has no rows, and so no columns", hint=FORM)
    check_names([composed(name) for name in columns], text.file)
    for column in columns.values():
        column.settle()
    return columns, typing


def _check_form(stream: IO[bytes], file: str) -> None:
    lines = (line.strip() for line in stream)
    first = next(line for line in lines if line)
    if not first.startswith(b"{") or not first.endswith(b"}") or not any(lines):
        raise InvalidData(
            f"{file} is JSON in one piece, and too large to be read at once",
            hint="write an object on each line (.ndjson), or write it as Parquet",
        )


def _row_batches(text: Text) -> Iterator[Rows]:
    """Yield rows, or raise `InvalidData` for a line that is no JSON, in the end for one that is no object."""
    rows: Rows = []
    size = 0
    wrong: InvalidData | None = None
    with text.open() as stream:
        for at, line in enumerate(stream, 1):
            if not line.strip():
                continue
            row = parsed(line.removesuffix(b"\n"), f"{text.file}: line {at}")
            if isinstance(row, dict):
                rows.append(row)
            elif wrong is None:
                wrong = InvalidData(f"{text.file}: line {at} is no object with named values", hint=FORM)
            size += len(line)
            if size >= BATCH_BYTES:
                yield rows
                rows, size = [], 0
    if wrong:
        raise wrong
    if rows:
        yield rows


def _frame(rows: Rows, columns: dict[str, Values]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame([column.read([row.get(name) for row in rows]) for name, column in columns.items()])
