"""What `kervan auto` decides by one look at a table: how texts are read, what to predict, how to split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app.sources import take
from kervan.core.errors import InvalidData
from kervan.core.shaping import Parse
from kervan.data.ingest import read_whole
from kervan.data.looks import reads_as
from kervan.data.seen import names_rows
from kervan.data.steps.shape import Around, shape

if TYPE_CHECKING:
    import polars as pl

    from kervan.app.project import Project
    from kervan.core.config import SplitSettings

TELLING = ("target", "label", "class", "y", "outcome")
_COUNTED = 1 << 28  # bytes of a file that is looked at; of a larger one only if nobody says what to predict
# To look at, and to judge by: of few rows so many, of many such a share, of a large file so many again.
_PARTS = {"validation": (100, 0.05, 1_000), "test": (200, 0.1, 2_000)}
_LEAST_SHARE = 0.02
CALLED = {"number": "numbers", "date": "dates", "datetime": "times"}


def look(project: Project, target: str) -> Project:
    """Return the project with steps, target and split; without `target` it is found out, and said.

    The target is the column that is named like one, else the last that may be predicted. Texts that a step
    reads whole and without doubt are numbers, dates or times. Of a large file more rows are learned from: to
    look at and judge by, some thousands are enough.
    """
    data = project.config.data
    path = project.config.folder / data.source
    is_small = path.is_file() and path.stat().st_size <= _COUNTED
    if target and not is_small:
        return project.with_settings(data=replace(data, target=target))
    with take(project, data.source) as snapshot:
        table = read_whole(snapshot, replace(data, target=""))
    table, steps = _parsed(project, table)
    if not target:
        target = _told(table)
        project.remark("note", f"nobody said what to predict: it is {target!r}; --target says another column")
    split = _split(project, max(1, table.height)) if is_small else data.split
    return project.with_settings(data=replace(data, target=target, steps=steps, split=split))


def _parsed(project: Project, table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Parse, ...]]:
    """Read texts that look like something else, each column that can be read whole, and say which."""
    import polars as pl

    names: dict[str, list[str]] = {}
    for column in table.select(pl.selectors.string()).get_columns():
        to = reads_as(column.drop_nulls())
        if not to:
            continue
        try:
            table = shape(table, [Parse(parse=(column.name,), to=to)], Around()).table
        except InvalidData:
            continue  # a warning at ingest says what it looks like, and what to do
        names.setdefault(to, []).append(column.name)
    for to, read in names.items():
        project.remark("read", f"as {CALLED[to]}: {', '.join(read)}")
    return table, tuple(Parse(parse=tuple(read), to=to) for to, read in names.items())


def _told(table: pl.DataFrame) -> str:
    """Return the column that is named like what is predicted, else the last that may be.

    One that names its rows, or says when, is none.
    """
    telling = [name for name in table.columns if name.casefold() in TELLING]
    able = (
        each.name
        for each in reversed(table.get_columns())
        if not each.dtype.is_temporal() and not names_rows(each)
    )
    return telling[0] if telling else next(able, table.columns[-1])


def _split(project: Project, rows: int) -> SplitSettings:
    usual = project.config.data.split
    shares = {
        name: round(max(_LEAST_SHARE, min(getattr(usual, name), max(few / rows, min(share, most / rows)))), 2)
        for name, (few, share, most) in _PARTS.items()
    }
    return replace(usual, train=round(1 - sum(shares.values()), 2), **shares)
