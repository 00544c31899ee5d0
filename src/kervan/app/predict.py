"""Asks the model that answers in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.release import find_deployment
from kervan.core.errors import InvalidData, NotFound
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


def predict(
    project: Project, rows: Sequence[Mapping[str, Any]], *, environment: str = "production"
) -> list[dict[str, Any]]:
    """Return one answer for each row, in order, from the model that answers in the environment."""
    return ask(find_deployment(project, environment).endpoint, rows)


def read_rows(project: Project, path: Path, signature: Signature) -> list[dict[str, Any]]:
    """Read rows to predict from CSV, Parquet, JSON (one object or a list of them) or JSON lines.

    Columns that the model does not use are left out. Texts of a table stay texts where the model
    expects a category, whatever they look like.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check the path")
    if path.suffix in _JSON:
        return _read_json(path)
    settings = project.config.data
    options = ReadOptions(separator=settings.separator, missing=settings.missing)
    table = find_source(path.name).read(path, options)
    wanted = [column for column in signature.inputs if column.name in table.columns]
    return table.select(_as_sent(table[column.name], column) for column in wanted).to_dicts()


def _as_sent(values: pl.Series, column: Column) -> pl.Series:
    if column.type is Type.CATEGORY and not values.dtype.is_(_text()):
        return values.cast(_text())
    return values


def _text() -> type[pl.String]:
    import polars as pl

    return pl.String


def _read_json(path: Path) -> list[dict[str, Any]]:
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        if path.suffix == ".json":
            found = msgspec.json.decode(content, type=list[dict[str, Any]] | dict[str, Any])
            return found if isinstance(found, list) else [found]
        return [
            msgspec.json.decode(line, type=dict[str, Any]) for line in content.splitlines() if line.strip()
        ]
    except msgspec.DecodeError as error:
        raise InvalidData(
            f"{path}: {error}", hint="give an object, a list of objects, or one on each line"
        ) from error
