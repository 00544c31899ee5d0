"""Asks the model that answers in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.register import find_model
from kervan.app.release import find_deployment
from kervan.core.errors import InvalidData, NotFound, RefusedRow
from kervan.core.ports import ReadOptions
from kervan.core.schema import Type
from kervan.data.ingest import find_source
from kervan.deploy.client import ask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.schema import Column, Signature

_JSON = (".json", ".jsonl", ".ndjson")
_TEXTS = {Type.CATEGORY, Type.TEXT}


def predict(
    project: Project, rows: Sequence[Mapping[str, Any]], *, environment: str = "production"
) -> list[dict[str, Any]]:
    """Return one answer for each row, in order, from the model that answers in the environment."""
    return ask(find_deployment(project, environment).endpoint, rows)


def predict_file(project: Project, path: Path, *, environment: str = "production") -> list[dict[str, Any]]:
    """Return one answer for each row of a file; a row that is refused is named with the file, from 1."""
    model = find_model(project, next(iter(find_deployment(project, environment).shares)))
    try:
        return predict(project, read_rows(project, path, model.signature), environment=environment)
    except RefusedRow as error:
        message = str(error).replace(f"row {error.row},", f"row {error.row + 1},", 1)
        raise RefusedRow(f"{path}: {message}", row=error.row, field=error.field, hint=error.hint) from error


def read_rows(project: Project, path: Path, signature: Signature) -> list[dict[str, Any]]:
    """Read rows to predict from CSV, Parquet, JSON (one object or a list of them) or JSON lines.

    Columns that the model does not use are left out. Texts of a table stay texts where the model
    expects a category or a text, whatever they look like. What means missing is what did in training.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check the path")
    if path.suffix in _JSON:
        return _read_json(path)
    settings, rules = project.config.data, signature.reading
    missing = settings.missing if rules.is_plain else rules.missing
    texts = tuple(column.name for column in signature.inputs if column.type in _TEXTS)
    options = ReadOptions(separator=settings.separator, missing=missing, texts=texts)
    return rows_of(find_source(path.name).read(path, options), signature)


def rows_of(table: pl.DataFrame, signature: Signature) -> list[dict[str, Any]]:
    """Return the rows of a table as a request holds them: the columns that the model takes."""
    wanted = [column for column in signature.inputs if column.name in table.columns]
    return table.select(_as_sent(table[column.name], column) for column in wanted).to_dicts()


def _as_sent(values: pl.Series, column: Column) -> pl.Series:
    if column.type in _TEXTS and not values.dtype.is_(_text()):
        return values.cast(_text())
    return values


def _text() -> type[pl.String]:
    import polars as pl

    return pl.String


def _read_json(path: Path) -> list[dict[str, Any]]:
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if path.suffix == ".json":
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
