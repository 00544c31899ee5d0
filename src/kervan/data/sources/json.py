"""JSON: a list of objects, an object of columns, or an object on each line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from kervan.core.errors import InvalidData
from kervan.core.reading import Reading, composed
from kervan.data.cast import clean, timed, without_missing
from kervan.data.seen import ignore_line
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import ends_in, unpacked
from kervan.data.sources.structure import check_names
from kervan.data.sources.text import check_utf8, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions

_FORM = "write a list of objects, an object of columns, or an object on each line"
_EXACT = 2**53  # whole numbers up to here are floats without a loss


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
            raise InvalidData(f"{path.name} is empty", hint=_FORM)
        refuse_disguised(content, path.name, "no JSON", unless="JSON")
        check_utf8(content, path.name)
        columns = _columns(content, path.name)
        check_names([composed(name) for name in columns], path.name)
        table = pl.DataFrame([_column(composed(n), v, path.name, options) for n, v in columns.items()])
        return without_missing(timed(clean(table, options.missing), options.texts), options.missing)


def _columns(content: bytes, file: str) -> dict[str, list[Any]]:
    first, _, rest = content.strip().partition(b"\n")
    if first.startswith(b"{") and first.rstrip().endswith(b"}") and rest:
        lines = enumerate(content.split(b"\n"), 1)
        rows = [(f"line {at}", _parsed(line, f"{file}: line {at}")) for at, line in lines if line.strip()]
        return _by_column(rows, file)
    whole = _parsed(content, file)
    if isinstance(whole, list):
        return _by_column(((f"row {at}", row) for at, row in enumerate(whole, 1)), file)
    if not isinstance(whole, dict):
        raise InvalidData(f"{file} holds a single value and no table", hint=_FORM)
    return _of_object(whole, file)


def _parsed(content: bytes, where: str) -> Any:
    try:
        return json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise InvalidData(f"{where} is no readable JSON: {reason}", hint="fetch or write it again") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object names {doubled!r} twice")
    return found


def _by_column(rows: Iterable[tuple[str, Any]], file: str) -> dict[str, list[Any]]:
    """Turn rows into columns; what a row does not name is missing there."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for where, row in rows:
        if not isinstance(row, dict):
            raise InvalidData(f"{file}: {where} is no object with named values", hint=_FORM)
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column.extend([None] * (count - len(column)))
            column.append(value)
        count += 1
    if not columns:
        raise InvalidData(f"{file} has no rows, and so no columns", hint=_FORM)
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
                    f"{file}: column {name!r} has {other} values, {first!r} has {size}", hint=_FORM
                )
        return dict(whole)
    if values and all(isinstance(value, dict) for value in values):
        index = list(values[0])
        for name, value in whole.items():
            if list(value) != index:
                raise InvalidData(f"{file}: column {name!r} names other rows than the first", hint=_FORM)
        return {name: list(value.values()) for name, value in whole.items()}
    if any(isinstance(value, (list, dict)) for value in values):
        raise InvalidData(f"{file} holds an object and no table", hint=_FORM)
    return _by_column([("row 1", whole)], file)


def _column(name: str, values: list[Any], file: str, options: ReadOptions) -> pl.Series:
    import polars as pl

    if name in options.dropped:
        return pl.Series(name, [None] * len(values), dtype=pl.String)
    kinds = {type(value) for value in values} - {type(None)}
    if str in kinds and len(kinds) > 1:
        absent = Reading.of_table(options.missing)
        values = [absent.value(value) if isinstance(value, str) else value for value in values]
        kinds = {type(value) for value in values} - {type(None)}
    where = f"{file}: column {name!r}"
    if float in kinds and kinds <= {int, float}:
        numbers = [_number(each, row, where) for row, each in enumerate(values, 1)]
        return pl.Series(name, numbers, dtype=pl.Float64)
    if len(kinds) > 1 or kinds & {list, dict}:
        _refuse(values, where, name)
    if kinds == {int}:
        _check_whole(values, where)
    dtype = {bool: pl.Boolean(), int: pl.Int64()}.get(next(iter(kinds), str), pl.String())
    try:
        return pl.Series(name, values, dtype=dtype)
    except UnicodeEncodeError as error:
        raise InvalidData(
            f"{where} holds half a letter: {error.reason}", hint="write the file again"
        ) from error


def _check_whole(values: list[Any], where: str) -> None:
    for row, value in enumerate(values, 1):
        if value is not None and not -(2**63) <= value < 2**63:
            raise InvalidData(
                f"{where}, row {row}: {value} does not fit 64 bits", hint="write such keys as texts"
            )


def _number(value: float | None, row: int, where: str) -> float | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN alone is not itself
        return None
    if isinstance(value, int) and abs(value) > _EXACT:
        raise InvalidData(
            f"{where}, row {row}: {value} would lose digits among numbers with fractions",
            hint="write such keys as texts",
        )
    if value in {float("inf"), float("-inf")}:
        raise InvalidData(f"{where}, row {row}: {value} is no number", hint="leave the value out")
    return float(value)


def _refuse(values: list[Any], where: str, name: str) -> NoReturn:
    """Name the first value of another kind than those before it, or that no table can have."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    first = ""
    for row, value in enumerate(values, 1):
        kind = "" if value is None else names.get(type(value), "an object")
        if kind in {"a list", "an object"}:
            raise InvalidData(
                f"{where}, row {row}: {kind} is no single value",
                hint=f"leave the column out: `[data] {ignore_line(name)}`; or turn it into plain columns",
            )
        first = first or kind
        if kind and kind != first:
            break
    raise InvalidData(
        f"{where}, row {row}: {kind}, {first} before", hint="write all values of a column alike"
    )
