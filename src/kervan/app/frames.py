"""Frames of pandas, Polars and Arrow: in as tables, out with answers beside their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.app import predict as predict_
from kervan.app.answers import beside
from kervan.app.asked import of_table
from kervan.core.errors import InvalidInput
from kervan.core.fetching import nobody
from kervan.core.plugins import extras_named
from kervan.data.connectors.spark import is_spark, write_frame

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project


def is_frame(value: object) -> bool:
    """Say whether a value is a table in memory: it has columns, as text and mappings have not."""
    return hasattr(value, "__arrow_c_stream__") or _is_pandas(value) or is_spark(value)


def to_table(frame: Any) -> pl.DataFrame:
    """Return a frame as a table, or raise `InvalidInput` that names what cannot be one."""
    with extras_named():
        import polars as pl
    try:
        if _is_pandas(frame):
            names = [str(name) for name in frame.columns]
            if len(set(names)) < len(names):
                raise InvalidInput("two columns of the frame have one name", hint="rename one of them")
            return pl.DataFrame({name: _column(frame.iloc[:, place]) for place, name in enumerate(names)})
        found = pl.DataFrame(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        what = f"a {type(frame).__module__} {type(frame).__name__}"
        raise InvalidInput(f"{what} is no table: {error}", hint="give columns of one kind each") from error
    return found


def to_file(frame: Any, path: Path) -> Path:
    """Write a frame as Parquet; one of Spark a partition at a time."""
    if is_spark(frame):
        with extras_named():
            write_frame(frame, path, nobody)
        return path
    to_table(frame).write_parquet(path)
    return path


def predict(project: Project, frame: Any, *, environment: str = "production") -> tuple[Any, str]:
    """Return a frame of the same library with the answers beside its columns, and the last answer's id."""
    table = to_table(frame)
    signature = predict_.answering(project, environment).signature
    asked = of_table(project, table, signature, place="the frame")
    answers = predict_.predict(project, asked.rows, environment=environment)
    return _like(frame, beside(table, answers)), answers[-1]["id"]


def _is_pandas(value: object) -> bool:
    kind = type(value)
    return kind.__module__.partition(".")[0] == "pandas" and kind.__name__ == "DataFrame"


def _column(series: Any) -> Any:
    """Return a column of pandas as Polars takes it, without pyarrow: what is missing is None."""
    import polars as pl

    if series.dtype.kind in "biufmM":
        return pl.Series(series.to_numpy(), nan_to_null=True)
    return pl.Series(
        [None if missing else value for value, missing in zip(series, series.isna(), strict=True)]
    )


def _like(frame: Any, table: pl.DataFrame) -> Any:
    """Return a table as the library of the frame has them; of pandas, with its index."""
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas":
        found = frame.copy()
        for name in table.columns[len(frame.columns) :]:
            found[name] = table[name].to_list()
        return found
    return table.to_arrow() if library == "pyarrow" else table
