"""What `kervan auto` decides by one look at a table: how texts are read, what to predict, how to split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app.sources import take
from kervan.core.errors import InvalidData
from kervan.core.shaping import Parse
from kervan.data.allowed import finite
from kervan.data.ingest import read_whole
from kervan.data.looks import MOST, is_missing, reads_as
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
_RARE = range(10, 100)  # rows of a class: at random a part might have none; of fewer no part of a tenth has
CALLED = {"number": "numbers", "date": "dates", "datetime": "times"}


def look(project: Project, target: str, *, goes_on: bool) -> Project:
    """Return the project with steps, target and split; without `target` it is found out, and said.

    The target is the column that is named like one, else the last that may be predicted. Texts that a step
    reads whole and without doubt are numbers, dates or times; words among them that say that there is none
    are missing. Of a large file more rows are learned from: some thousands are enough to look and judge.
    A search that goes on keeps the rule of the split, so that what it found before can be compared.
    """
    data = project.config.data
    path = project.config.folder / data.source
    is_small = path.is_file() and path.stat().st_size <= _COUNTED
    if target and not is_small:
        return project.with_settings(data=replace(data, target=target))
    with take(project, data.source) as snapshot:
        table = read_whole(snapshot, replace(data, target=""))
        if signs := _signs(table):
            project.remark("read", f"as missing: {', '.join(map(repr, signs))}")
            data = replace(data, missing=(*data.missing, *signs))
            table = read_whole(snapshot, replace(data, target=""))
    table, names = _parsed(table)
    for to, read in names.items():
        project.remark("read", f"as {CALLED[to]}: {', '.join(read)}")
    if not target:
        target = _told(table)
        project.remark("note", f"nobody said what to predict: it is {target!r}; --target says another column")
    steps = tuple(Parse(parse=tuple(read), to=to) for to, read in names.items())
    split = _shares(data.split, max(1, table.height)) if is_small else data.split
    if split.by == "random" and not goes_on and target in table.columns and _rarest(table[target]) in _RARE:
        split = replace(split, by="stratified")
    return project.with_settings(data=replace(data, target=target, steps=steps, split=split))


def _signs(table: pl.DataFrame) -> list[str]:
    """Return the words for "missing" in columns that are numbers or dates but for them, and in no others."""
    import polars as pl

    columns = table.select(pl.selectors.string()).get_columns()
    words = {each.name: sorted(filter(is_missing, each.drop_nulls().unique().to_list())) for each in columns}
    told, others = set[str](), set[str]()
    for column in columns:
        signs = words[column.name]
        rest = pl.select(pl.when(~column.is_in(signs)).then(column)).to_series().alias(column.name)
        (told if _is_mostly_read(rest) else others).update(signs)
    return sorted(told - others)


def _is_mostly_read(rest: pl.Series) -> bool:
    """Whether most values of a column are there, and all of them are numbers, or read by a step."""
    present = rest.drop_nulls()
    if len(present) < MOST * len(rest):
        return False
    return finite(present).null_count() == 0 or _parse(present.to_frame(), rest.name) is not None


def _parsed(table: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """Read texts that look like something else, each column that can be read whole; say which as what."""
    import polars as pl

    names: dict[str, list[str]] = {}
    for name in table.select(pl.selectors.string()).columns:
        found = _parse(table, name)
        if found is not None:  # else a warning at ingest says what it looks like, and what to do
            table, to = found
            names.setdefault(to, []).append(name)
    return table, names


def _parse(table: pl.DataFrame, name: str) -> tuple[pl.DataFrame, str] | None:
    to = reads_as(table[name].drop_nulls())
    try:
        return (shape(table, [Parse(parse=(name,), to=to)], Around()).table, to) if to else None
    except InvalidData:
        return None


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


def _shares(usual: SplitSettings, rows: int) -> SplitSettings:
    shares = {
        name: round(max(_LEAST_SHARE, min(getattr(usual, name), max(few / rows, min(share, most / rows)))), 2)
        for name, (few, share, most) in _PARTS.items()
    }
    return replace(usual, train=round(1 - sum(shares.values()), 2), **shares)


def _rarest(values: pl.Series) -> int:
    """Return how many rows the rarest class has, 0 of numbers: nobody knows whether they are classes."""
    counts = values.drop_nulls().value_counts()["count"]
    return 0 if values.dtype.is_numeric() or not len(counts) else int(counts.sort()[0])
