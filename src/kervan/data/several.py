"""The files of a folder or a pattern as one table: one after the other, in the order of their names."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData, InvalidInput, NotFound
from kervan.data.cast import typed, without_missing
from kervan.data.sources.csv import CsvSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from kervan.core.ports import ReadOptions, Source

_LATER = "the files of one source have the same columns, of the same kinds"
_EXACT = 2**53  # whole numbers up to here are floats without a loss


def is_pattern(location: str) -> bool:
    """Say whether a location is a pattern of names.

    >>> is_pattern("sales/*.csv"), is_pattern("sales")
    (True, False)
    """
    return any(mark in location for mark in "*?[")


def find_tables(location: str, folder: Path, is_read: Callable[[str], bool]) -> tuple[Path, list[Path]]:
    """Return where a folder or a pattern begins, and the files in it that are read by their names, in order.

    Raises `InvalidInput` or `NotFound` if there are none.
    """
    parts = Path(location).expanduser().parts
    fixed = list(takewhile(lambda part: not is_pattern(part), parts))
    root, rest = folder.joinpath(*fixed), parts[len(fixed) :]
    if (folder / Path(location).expanduser()).is_dir():
        root, rest = folder / Path(location).expanduser(), ("*",)
    if ".." in rest:
        raise InvalidInput(f'{location!r} has ".." behind a pattern', hint='put ".." in front')
    shown = (each for each in root.glob("/".join(rest)) if each.is_file() and not each.name.startswith("."))
    found = sorted((each for each in shown if is_read(each.name)), key=lambda each: each.as_posix())
    if found:
        return root, found
    if rest == ("*",) and root.is_dir():
        raise InvalidInput(f"{root} is a folder without a table", hint="name a file, or put tables into it")
    raise NotFound(f"{location!r} matches no table", hint=f"check the pattern, and what is in {root}")


def read_all(files: Sequence[tuple[Path, Source]], options: ReadOptions) -> pl.DataFrame:
    """Read files one after the other into one table.

    Raises `InvalidData` that names file and column where they differ in kind, columns or types. Columns of
    delimited texts are typed by the values of all files.
    """
    import polars as pl

    _check_kinds(files)
    tables = [source.read(path, options) for path, source in files]
    names = [path.name for path, _ in files]
    _check_columns(tables, names)
    differing = [name for name in tables[0].columns if len(_types(tables, name)) > 1]
    columns = {
        name: pl.concat(
            [_as(each[name], tables, name, file) for each, file in zip(tables, names, strict=True)]
        )
        for name in tables[0].columns
        if name not in differing or not isinstance(files[0][1], CsvSource)
    }
    if len(columns) < tables[0].width:
        columns |= _typed_by_all(files, differing, options)
    return pl.DataFrame([columns[name] for name in tables[0].columns])


def _check_kinds(files: Sequence[tuple[Path, Source]]) -> None:
    first, kind = files[0]
    for path, source in files:
        if type(source) is not type(kind):
            raise InvalidData(
                f"{path.name} is of another kind than {first.name}",
                hint='give the files of one kind, such as source = "sales/*.csv"',
            )


def _check_columns(tables: Sequence[pl.DataFrame], names: Sequence[str]) -> None:
    first = tables[0].columns
    for table, file in zip(tables, names, strict=True):
        for name in first:
            if name not in table.columns:
                raise InvalidData(f"{file} has no column {name!r}, {names[0]} has", hint=_LATER)
        for name in table.columns:
            if name not in first:
                raise InvalidData(f"{file} has a column {name!r}, {names[0]} has none", hint=_LATER)


def _types(tables: Sequence[pl.DataFrame], name: str) -> list[pl.DataType]:
    """Return the types that a column has in the tables where it has a value."""
    found = (table[name] for table in tables)
    return list(dict.fromkeys(each.dtype for each in found if each.null_count() < len(each)))


def _as(column: pl.Series, tables: Sequence[pl.DataFrame], name: str, file: str) -> pl.Series:
    """Bring a column of one table to the type that it has in all, or raise `InvalidData`."""
    import polars as pl

    types = _types(tables, name)
    if not types or column.dtype == types[0] == types[-1]:
        return column
    if column.null_count() == len(column):
        return pl.Series(name, [None] * len(column), dtype=pl.Float64 if len(types) > 1 else types[0])
    if set(types) != {pl.Int64(), pl.Float64()}:
        raise InvalidData(
            f"{file}: column {name!r} holds {column.dtype} values; in all files {', '.join(map(str, types))}",
            hint=_LATER,
        )
    present = column.drop_nulls().alias("")
    if column.dtype == pl.Int64 and ((present > _EXACT) | (present < -_EXACT)).any():
        raise InvalidData(
            f"{file}: column {name!r} has integers that would lose digits among numbers with fractions",
            hint="write such keys as texts",
        )
    return column.cast(pl.Float64)


def _typed_by_all(
    files: Sequence[tuple[Path, Source]], names: Sequence[str], options: ReadOptions
) -> dict[str, pl.Series]:
    """Read columns again as texts from all files, and type them by all of their values."""
    import polars as pl

    whole = replace(options, texts=(*options.texts, *names))
    tables = [source.read(path, whole) for path, source in files]
    texts = pl.DataFrame([pl.concat([table[name] for table in tables]) for name in names])
    found = without_missing(typed(texts, options.texts), options.missing)
    return {column.name: column for column in found.get_columns()}
