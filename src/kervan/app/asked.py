"""Rows to predict, as callers have them: read from a file, named as the model names them, carried along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidData, NotFound
from kervan.core.ports import ReadOptions
from kervan.core.reading import Reading, composed
from kervan.core.schema import Type
from kervan.data.sources.find import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.ports import Source
    from kervan.core.schema import Column, Signature

_JSON = (".json", ".jsonl", ".ndjson")
_TEXTS = {Type.CATEGORY, Type.TEXT}
_LARGEST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Rows to predict: `rows` as a request holds them, `given` as the caller has them.

    `unused` names for each row the columns that the model does not take. `place` is what errors call it.
    """

    place: str
    rows: Sequence[Mapping[str, Any]]
    unused: Sequence[Sequence[str]]
    given: pl.DataFrame | Sequence[Mapping[str, Any]]


def read_file(project: Project, path: Path, signature: Signature) -> Asked:
    """Read rows to predict from a table, or from JSON: an object, a list of objects, or one on each line.

    What a source reads is read by it, as in training. Texts of a table stay texts where the model expects
    a category or a text, whatever they look like. What means missing does so in a table and in JSON.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check the path")
    source = source_of(path)
    if source is None:
        return of_rows(project, read_json_rows(path), signature, place=str(path))
    texts = tuple(column.name for column in signature.inputs if column.type in _TEXTS)
    texts += tuple(signature.reading.written)  # a number that looks plain may be written otherwise too
    if project.config.data.entity not in signature.inputs:
        texts += (project.config.data.entity,)
    options = ReadOptions(
        separator=project.config.data.separator, missing=_missing(project, signature), texts=texts
    )
    return of_table(project, source.read(path, options), signature, place=str(path))


def of_table(project: Project, table: pl.DataFrame, signature: Signature, *, place: str) -> Asked:
    """Take the rows of a table: of its columns, those that the model takes, and the one that says whose."""
    check_names(table.columns, signature, place)
    wanted = [column for column in signature.inputs if column.name in table.columns]
    sent = [_as_sent(table[column.name], column) for column in wanted]
    entity = project.config.data.entity
    if entity in table.columns and entity not in signature.inputs:
        sent.append(as_name(table[entity]))
    rows = table.select(sent).to_dicts()
    unused = tuple(name for name in table.columns if name not in signature.inputs and name != entity)
    return Asked(place=place, rows=rows, unused=[unused] * len(rows), given=table)


def of_rows(
    project: Project, given: Sequence[Mapping[str, Any]], signature: Signature, *, place: str
) -> Asked:
    """Take rows of JSON values, read by the rules for tables: what means missing there means it here."""
    rules = Reading.of_table(_missing(project, signature), signature.reading.written)
    known = {column.name: frozenset(column.allowed) for column in signature.inputs}
    rows = [_by_rules(row, known, rules) for row in given]
    checked: dict[frozenset[str], tuple[str, ...]] = {}
    unused = []
    for number, row in enumerate(rows, 1):
        names = frozenset(row)
        if names not in checked:
            check_names(list(row), signature, f"{place}: row {number}" if place else f"row {number}")
            entity = project.config.data.entity
            checked[names] = tuple(name for name in row if name not in signature.inputs and name != entity)
        unused.append(checked[names])
    return Asked(place=place, rows=rows, unused=unused, given=given)


def check_names(names: Sequence[str], signature: Signature, place: str) -> None:
    """Raise `InvalidData` where columns are the model's but for capital letters, or none is the model's."""
    inputs = signature.inputs.names
    others = {_folded(name): name for name in names if name not in inputs}
    near = {name: others[_folded(name)] for name in inputs if name not in names and _folded(name) in others}
    if near:
        ours, theirs = next(iter(near.items()))
        more = f", and {len(near) - 1} more like it" if len(near) > 1 else ""
        raise InvalidData(
            f"{place} has a column {theirs!r} where the model takes {ours!r}{more}",
            hint=f"capital and small letters differ in names: rename {', '.join(map(repr, near.values()))}",
        )
    if names and not set(names) & set(inputs):
        raise InvalidData(
            f"{place} has none of the model's columns, but {_some(names)}",
            hint=f"the model takes {_some(inputs)}",
        )


def carried(asked: Asked, project: Project, path: Path | None, *, as_written: bool) -> pl.DataFrame:
    """Return the caller's own columns as a table, also those that the model does not take.

    With `as_written` a table's values are texts as in its file: `1.50` stays so, and `NA` too.
    """
    import polars as pl

    if not isinstance(asked.given, pl.DataFrame):
        names = dict.fromkeys(name for row in asked.given for name in row)
        return pl.DataFrame([_column(name, [row.get(name) for row in asked.given]) for name in names])
    source = source_of(path) if path is not None and as_written else None
    if path is None or source is None:
        return asked.given
    options = ReadOptions(separator=project.config.data.separator, texts=tuple(asked.given.columns))
    found = source.read(path, options)
    if found.height != asked.given.height:
        raise InvalidData(f"{path} changed while it was read", hint="try again when nobody writes to it")
    return found


def _missing(project: Project, signature: Signature) -> tuple[str, ...]:
    """Return the texts that mean missing, in tables and in JSON: those of training, where it is known."""
    rules = signature.reading
    return project.config.data.missing if rules.is_plain else rules.missing


def source_of(path: Path) -> Source | None:
    """Return the source that reads the file, or None for rows of JSON."""
    if path.suffix.lower() in _JSON:
        return None
    return reader(path.name, path)


def as_name(values: pl.Series) -> pl.Series:
    """Return a column that says whom rows are about as requests have it: whole numbers, or texts."""
    import polars as pl

    return values if values.dtype.is_integer() else values.cast(pl.String)


def _as_sent(values: pl.Series, column: Column) -> pl.Series:
    import polars as pl

    if column.type in _TEXTS and not values.dtype.is_(pl.String):
        return values.cast(pl.String)
    return values


def _by_rules(row: Mapping[str, Any], known: Mapping[str, frozenset[str]], rules: Reading) -> dict[str, Any]:
    """Read a row by the rules, but for categories that are known as they are."""
    found = {}
    for written, value in row.items():
        name = rules.name(written)
        is_known = isinstance(value, str) and value in known.get(name, ())
        found[name] = value if is_known else rules.value(value, name)
    return found


def _folded(name: str) -> str:
    return composed(composed(name.strip()).casefold())


def _some(names: Iterable[str]) -> str:
    listed = [repr(name) for name in names]
    return ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    """Return values of JSON as a column; where they are of several kinds, or no plain ones, as texts."""
    import polars as pl

    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int}:
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds and kinds <= {int, float}:
        numbers = [None if value is None else float(value) for value in values]
        return pl.Series(name, numbers, dtype=pl.Float64)
    texts = [
        value if isinstance(value, str | None) else msgspec.json.encode(value).decode() for value in values
    ]
    return pl.Series(name, texts, dtype=pl.String)


def _kind(value: Any) -> type:
    """Return a value's type, that of a text for whole numbers that no column of numbers holds."""
    return str if value.__class__ is int and not -_LARGEST <= value < _LARGEST else type(value)


def read_json_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a file of JSON: an object, a list of them, or one on each line."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if path.suffix.lower() == ".json":
        found = _decoded(content, list[dict[str, Any]] | dict[str, Any], str(path))
        return found if isinstance(found, list) else [found]
    lines = enumerate(content.splitlines(), 1)
    return [
        _decoded(line, dict[str, Any], f"{path}, line {number}") for number, line in lines if line.strip()
    ]


def _decoded(content: bytes, kind: Any, place: str) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidData(
            f"{place}: {error}", hint="give an object, a list of objects, or one on each line"
        ) from error
