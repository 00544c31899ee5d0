"""Columns as the checks want them: texts that have to be numbers, dates or booleans, read as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.data.pieces import Pieces, batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


AS_TEXTS = {"", "text", "category"}
_READ = "\0read "  # before the name of a column as it was read


def column(name: str) -> pl.Expr:
    """Return the column of exactly this name: `pl.col` would read `^a$` and `*` as patterns."""
    import polars as pl

    if name != "*" and not (name.startswith("^") and name.endswith("$")):
        return pl.col(name)
    import polars.selectors as cs  # slow in tables of thousands of columns

    return cs.by_name(name).as_expr()


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedPieces(Pieces):
    """A table in pieces whose texts are read as the types that `wanted` names."""

    wanted: Mapping[str, str]

    def at(self, place: int, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of one piece."""
        found = Pieces.at(self, place, names)
        return found.with_columns(_expressions(self.wanted, names))

    def lazy(self) -> pl.LazyFrame:
        """Return the table for a query that the streaming engine runs."""
        return Pieces.lazy(self).with_columns(_expressions(self.wanted, self.columns))


def typed(table: pl.DataFrame, checks: Iterable[Check]) -> pl.DataFrame:
    """Return a table with columns of texts as the types that checks give them; what is no such is null."""
    wanted = _wanted(table.schema, checks)
    return table.with_columns(_expressions(wanted, list(wanted)))


def typed_pieces(table: Pieces, checks: Iterable[Check]) -> TypedPieces:
    """Return the same of a table in pieces, each of which is typed when it is read."""
    wanted = _wanted(table.schema, checks)
    none = table.at(0, table.columns).head(0).with_columns(_expressions(wanted, list(wanted)))
    return TypedPieces(files=table.files, heights=table.heights, schema=none.schema, wanted=wanted)


def _wanted(columns: Mapping[str, pl.DataType], checks: Iterable[Check]) -> dict[str, str]:
    import polars as pl

    named = {check.column: check.type for check in checks if check.type not in AS_TEXTS}
    return {name: kind for name, kind in named.items() if columns[name] == pl.String}


def with_read(asked: Asked, names: Sequence[str]) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield some columns piece by piece, and those that are typed also as they were read."""
    texts = [name for name in names if asked.is_typed(name)]
    for (start, piece), read in zip(asked.numbered(names), batches(asked.read, texts), strict=True):
        yield start, piece.with_columns([read[name].alias(f"{_READ}{name}") for name in texts])


def as_read(name: str, asked: Asked) -> pl.Expr:
    """Return a column as it was read."""
    return column(f"{_READ}{name}" if asked.is_typed(name) else name)


def _expressions(wanted: Mapping[str, str], names: Sequence[str]) -> list[pl.Expr]:
    return [read_as(name, kind).alias(name) for name, kind in wanted.items() if name in names]


def read_as(name: str, wanted: str) -> pl.Expr:
    """Return a column of texts as values of a type; a text that is none is null."""
    import polars as pl

    texts = column(name)
    if wanted == "integer":
        return texts.cast(pl.Int64, strict=False)
    if wanted == "number":
        return texts.cast(pl.Float64, strict=False)
    if wanted == "date":
        return texts.str.to_date("%Y-%m-%d", strict=False)
    if wanted == "datetime":
        return texts.str.to_datetime(strict=False, format="%Y-%m-%dT%H:%M:%S%.f")
    if wanted == "boolean":
        return texts.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    return texts


def has_type(name: str, wanted: str, asked: Asked) -> pl.Expr:
    """Return an expression that is true where a value is there and not of the wanted type."""
    import polars as pl

    kind, values = asked.read.schema[name], column(name)
    present = values.is_not_null()
    if kind == pl.String:
        return as_read(name, asked).is_not_null() & values.is_null()
    if wanted == "integer" and kind.is_float():
        return present & ((values % 1 != 0) | ~values.is_finite())
    if wanted == "date" and isinstance(kind, pl.Datetime):
        return present & (values != values.dt.truncate("1d"))
    fits = {
        "integer": kind.is_integer(),
        "number": kind.is_numeric(),
        "boolean": kind == pl.Boolean,
        "date": kind == pl.Date,
        "datetime": kind == pl.Date or isinstance(kind, pl.Datetime),
    }
    return present & pl.lit(value=not fits.get(wanted, False))
