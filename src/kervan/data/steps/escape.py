"""Steps for what no other step can say: a query, and a function of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.telling import telling
from kervan.data.sql.query import run_query
from kervan.data.steps.remark import Remark
from kervan.flow.loaded import load_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from kervan.core import shaping
    from kervan.data.steps.shape import Around

_MARK = "__kervan_transform__"
_SETTING = "[[data.steps]] call"
OF_QUERY = Remark(
    text="what a query gives of a row may depend on other rows, those of the test part among them"
)
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
) -> tuple[pl.DataFrame, list[Remark]]:
    """Make the table by a query over the one before it."""
    return run_query(step.sql, table, place), [OF_QUERY]


def call(
    table: pl.DataFrame, step: shaping.Call, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Call a function of the project; what it raises is told with its file and line."""
    import polars as pl

    function = transform_of(step, around.folder)
    with telling(around.folder / step.call.partition(":")[0], f"{place}: {step.call} failed"):
        found = function(table.clone())
    if not isinstance(found, pl.DataFrame):
        raise InvalidConfig(
            f"{place}: {step.call} returned {type(found).__name__}", hint="return a polars.DataFrame"
        )
    return found, []


def transform_of(step: shaping.Call, folder: Path) -> Callable[[pl.DataFrame], Any]:
    """Return the function that a step names.

    Raises `NotFound` without its file, `InvalidConfig` for one that fails or has no such transform.
    """
    file, _, name = step.call.partition(":")
    if not file or not name:
        raise InvalidConfig(f"{_SETTING}: {step.call!r} names no function", hint=_WRITTEN)
    module = load_file(folder / file, setting=_SETTING)
    marked = [each for each, value in vars(module).items() if getattr(value, _MARK, False)]
    if name not in marked:
        raise InvalidConfig(
            f"{_SETTING}: {file} has no function {name!r} marked @transform",
            hint=did_you_mean(name, marked) if marked else _WRITTEN,
        )
    function: Callable[[pl.DataFrame], Any] = getattr(module, name)
    return function


_WRITTEN = 'write it like call = "shaping.py:clean", and mark the function with @kervan.transform'
