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

    check_kinds(files)
    tables = [source.read(path, options) for path, source in files]
    met = [Met(path.name) for path, _ in files]
    for each, table in zip(met, tables, strict=True):
        each.add(table)
    together = Together(met, by_texts=isinstance(files[0][1], CsvSource))
    if together.differing:
        whole = replace(options, texts=(*options.texts, *together.differing))
        tables = [source.read(path, whole) for path, source in files]
    found = pl.concat([together.brought(table, file) for table, file in zip(tables, met, strict=True)])
    texts = found.select([found[name] for name in together.differing])
    by_all = without_missing(typed(texts, options.texts), options.missing)
    return found.with_columns(by_all.get_columns())


class Met:
    """What is known of the table of one file, which comes in one batch or in several."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.kinds: dict[str, pl.DataType] = {}
        self.valued: set[str] = set()
        self.long: set[str] = set()

    def add(self, batch: pl.DataFrame) -> None:
        """Look at which columns have a value, and at one that would lose digits as a float."""
        self.kinds = dict(batch.schema)
        for column in batch.get_columns():
            if column.null_count() < len(column):
                self.valued.add(column.name)
            if column.name not in self.long and _is_long(column):
                self.long.add(column.name)


class Together:
    """What the tables of several files have in common; raises `InvalidData` where that is nothing.

    `differing` are the columns of other types in one file than in another, to be read as texts and typed by
    all of them, if the files are delimited texts.
    """

    def __init__(self, met: Sequence[Met], *, by_texts: bool) -> None:
        _check_columns(met)
        self._types = {name: _types(met, name) for name in met[0].kinds}
        differing = [name for name, types in self._types.items() if len(types) > 1]
        self.differing = differing if by_texts else []
        self._first = met[0].kinds
        for name in [] if by_texts else differing:
            for each in met:
                _check_type(name, each, self._types[name])

    def brought(self, batch: pl.DataFrame, met: Met) -> pl.DataFrame:
        """Bring rows of one file to the order and the types of all; those that differ stay texts."""
        import polars as pl

        return pl.DataFrame(
            [
                batch[name]
                if name in self.differing or batch[name].dtype == self._kind(name)
                else _as(batch[name], self._kind(name), has_values=name in met.valued)
                for name in self._first
            ]
        )

    def _kind(self, name: str) -> pl.DataType:
        """Return the type that a column has in all files: floats where some have whole numbers."""
        import polars as pl

        types = self._types[name]
        if not types:
            return self._first[name]
        return types[0] if len(types) == 1 else pl.Float64()


def check_kinds(files: Sequence[tuple[Path, Source]]) -> None:
    """Raise `InvalidData` unless all files are read by the same adapter."""
    first, kind = files[0]
    for path, source in files:
        if type(source) is not type(kind):
            raise InvalidData(
                f"{path.name} is of another kind than {first.name}",
                hint='give the files of one kind, such as source = "sales/*.csv"',
            )


def _check_columns(met: Sequence[Met]) -> None:
    first = met[0].kinds
    for each in met:
        for name in first:
            if name not in each.kinds:
                raise InvalidData(f"{each.file} has no column {name!r}, {met[0].file} has", hint=_LATER)
        for name in each.kinds:
            if name not in first:
                raise InvalidData(f"{each.file} has a column {name!r}, {met[0].file} has none", hint=_LATER)


def _types(met: Sequence[Met], name: str) -> list[pl.DataType]:
    """Return the types that a column has in the tables where it has a value."""
    return list(dict.fromkeys(each.kinds[name] for each in met if name in each.valued))


def _check_type(name: str, met: Met, types: Sequence[pl.DataType]) -> None:
    """Raise `InvalidData` unless a column of a file can have the type that it has in all, without a loss."""
    import polars as pl

    if name not in met.valued:
        return
    if set(types) != {pl.Int64(), pl.Float64()}:
        raise InvalidData(
            f"{met.file}: column {name!r} holds {met.kinds[name]} values; "
            f"in all files {', '.join(map(str, types))}",
            hint=_LATER,
        )
    if name in met.long:
        raise InvalidData(
            f"{met.file}: column {name!r} has integers that would lose digits among numbers with fractions",
            hint="write such keys as texts",
        )


def _as(column: pl.Series, kind: pl.DataType, *, has_values: bool) -> pl.Series:
    import polars as pl

    return column.cast(kind) if has_values else pl.Series(column.name, [None] * len(column), dtype=kind)


def _is_long(column: pl.Series) -> bool:
    import polars as pl

    if column.dtype != pl.Int64:
        return False
    present = column.drop_nulls().alias("")
    return bool(((present > _EXACT) | (present < -_EXACT)).any())
