"""Steps for what no other step can say: a query, and a function of the user's."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kervan.core.errors import InvalidConfig, NotFound, did_you_mean
from kervan.data.steps.expressions import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from kervan.core import shaping
    from kervan.data.steps.shape import Around

_MARK = "__kervan_transform__"
_FILES = re.compile(r"\bread_\w+\s*\(", re.IGNORECASE)
_Function = TypeVar("_Function", bound="Callable[..., Any]")


def transform(function: _Function) -> _Function:
    """Mark a function as a step of `[[data.steps]]`: it takes a Polars DataFrame and returns one.

    >>> @transform
    ... def clean(table):
    ...     return table.drop_nulls()
    """
    setattr(function, _MARK, True)
    return function


def query(
    table: pl.DataFrame, step: shaping.Sql, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """Run a query over the table, which is called `data`, and read no file."""
    import polars as pl

    if found := _FILES.search(step.sql):
        raise InvalidConfig(
            f"{place}: {found[0]}…) would read what is not on record",
            hint="name the file in a step that joins",
        )
    try:
        made = pl.SQLContext({"data": table}).execute(step.sql, eager=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InvalidConfig(f"{place}: {first_line(error)}", hint="the table is called data") from error
    return made, ["what a query gives of a row may depend on other rows, those of the test part among them"]


def call(
    table: pl.DataFrame, step: shaping.Call, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """Call a function of the project."""
    import polars as pl

    function = _function(step.call, around.folder, place)
    try:
        found = function(table)
    except Exception as error:
        path = str(around.folder / step.call.partition(":")[0])
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == path]
        raise InvalidConfig(
            f"{place}: {step.call} failed in line {lines[-1]}: {type(error).__name__}: {first_line(error)}"
        ) from error
    if not isinstance(found, pl.DataFrame):
        raise InvalidConfig(
            f"{place}: {step.call} returned {type(found).__name__}", hint="return a polars.DataFrame"
        )
    return found, []


def source_of(step: shaping.Call, folder: Path) -> str:
    """Return the text of the file that a step calls: what the table depends on."""
    path = folder / step.call.partition(":")[0]
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"[[data.steps]] call: cannot read {path}: {error}", hint=_WRITTEN) from error


def _function(named: str, folder: Path, place: str) -> Callable[[pl.DataFrame], Any]:
    file, _, name = named.partition(":")
    path = folder / file
    if not name or not path.is_file():
        raise InvalidConfig(f"{place}: there is no function {named!r}", hint=_WRITTEN)
    module = _loaded(path, place)
    marked = [each for each in vars(module) if getattr(getattr(module, each), _MARK, False)]
    if name not in marked:
        raise InvalidConfig(
            f"{place}: {file} has no function {name!r} marked @transform", hint=did_you_mean(name, marked)
        )
    function: Callable[[pl.DataFrame], Any] = getattr(module, name)
    return function


def _loaded(path: Path, place: str) -> Any:
    """Run a file of the project's as a module of its own."""
    spec = importlib.util.spec_from_file_location(f"_kervan_steps_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InvalidConfig(f"{place}: {path.name} is no Python file", hint=_WRITTEN)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InvalidConfig(
            f"{place}: {path.name} cannot be run: {type(error).__name__}: {first_line(error)}"
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    return module


_WRITTEN = 'write it like call = "shaping.py:clean", and mark the function with @kervan.transform'
