"""JSON: a list of objects, an object of columns, or an object on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidData
from kervan.core.reading import composed
from kervan.data.cast import clean, timed, without_missing
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.json_lines import line_batches
from kervan.data.sources.json_values import FORM, Values, parsed
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.structure import check_names
from kervan.data.sources.text import Wanted, check_utf8, text_in, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions

_WANTED = Wanted(words="no JSON", unless="JSON", hint=FORM)


class JsonSource:
    """Tables in `.json`, `.ndjson` and `.jsonl` files."""

    suffixes = (".json", ".ndjson", ".jsonl")

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of a JSON file."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row.

        Numbers, booleans and texts stay what they are; texts that are all ISO dates or times become such.
        """
        import polars as pl

        content = unmarked(unpacked(path), path.name)
        if not content.strip():
            raise InvalidData(f"{path.name} is empty", hint=FORM)
        refuse_disguised(content, path.name, "no JSON", unless="JSON")
        check_utf8(content, path.name)
        columns = _columns(content, path.name)
        check_names([composed(name) for name in columns], path.name)
        table = pl.DataFrame([_column(composed(n), v, path.name, options) for n, v in columns.items()])
        return without_missing(timed(clean(table, options.missing), options.texts), options.missing)

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows in batches, if there is an object on each line; any other JSON is one whole."""
        with text_in(path, wanted=_WANTED) as text:
            yield from line_batches(text, options)


def _columns(content: bytes, file: str) -> dict[str, list[Any]]:
    first, _, rest = content.strip().partition(b"\n")
    if first.startswith(b"{") and first.rstrip().endswith(b"}") and rest:
        lines = enumerate(content.split(b"\n"), 1)
        rows = [(f"line {at}", parsed(line, f"{file}: line {at}")) for at, line in lines if line.strip()]
        return _by_column(rows, file)
    whole = parsed(content, file)
    if isinstance(whole, list):
        return _by_column(((f"row {at}", row) for at, row in enumerate(whole, 1)), file)
    if not isinstance(whole, dict):
        raise InvalidData(f"{file} holds a single value and no table", hint=FORM)
    return _of_object(whole, file)


def _by_column(rows: Iterable[tuple[str, Any]], file: str) -> dict[str, list[Any]]:
    """Turn rows into columns; what a row does not name is missing there."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for where, row in rows:
        if not isinstance(row, dict):
            raise InvalidData(f"{file}: {where} is no object with named values", hint=FORM)
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column.extend([None] * (count - len(column)))
            column.append(value)
        count += 1
    if not columns:
        raise InvalidData(f"{file} has no rows, and so no columns", hint=FORM)
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    return columns


def _of_object(whole: Mapping[str, Any], file: str) -> dict[str, list[Any]]:
    """Read an object of lists, one of objects by the rows' names (as pandas writes it), or a single row."""
    values = list(whole.values())
    if values and all(isinstance(value, list) for value in values):
        lengths = {name: len(value) for name, value in whole.items()}
        first, size = next(iter(lengths.items()))
        for name, other in lengths.items():
            if other != size:
                raise InvalidData(
                    f"{file}: column {name!r} has {other} values, {first!r} has {size}", hint=FORM
                )
        return dict(whole)
    if values and all(isinstance(value, dict) for value in values):
        index = list(values[0])
        for name, value in whole.items():
            if list(value) != index:
                raise InvalidData(f"{file}: column {name!r} names other rows than the first", hint=FORM)
        return {name: list(value.values()) for name, value in whole.items()}
    if any(isinstance(value, (list, dict)) for value in values):
        raise InvalidData(f"{file} holds an object and no table", hint=FORM)
    return _by_column([("row 1", whole)], file)


def _column(name: str, values: list[Any], file: str, options: ReadOptions) -> pl.Series:
    column = Values(name, file, options)
    column.note(values)
    column.settle()
    return column.read(values)
