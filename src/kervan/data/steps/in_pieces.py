"""A table larger than memory taken through its steps, with what comes out of the whole table in memory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from kervan.core import shaping
from kervan.data.pieces import PieceWriter
from kervan.data.sql.words import is_of_one_row
from kervan.data.steps.parse import Parsing
from kervan.data.steps.shape import VERBS, Shaped, stages
from kervan.data.steps.whole import WHOLE_VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import polars as pl

    from kervan.data.pieces import Pieces
    from kervan.data.steps.remark import Remark
    from kervan.data.steps.shape import Around, Stage

_OF_ONE_ROW = (
    *(shaping.Rename, shaping.Drop, shaping.Select, shaping.Replace, shaping.Extract, shaping.Combine),
)


def shape_pieces(
    table: Pieces, steps: Iterable[shaping.TableStep], around: Around, folder: Path
) -> Shaped[Pieces]:
    """Take a table through its steps as `shape` does, in bounded memory; `folder` is a new one for its files.

    Steps that change each row by itself take one piece after the other, several of them together. A step
    that needs all rows at once, such as a window of SQL or a function of the user's, is refused with
    `InvalidConfig` if they do not fit into memory.
    """
    done: list[Stage] = []
    for number, together in enumerate(_together(stages(steps))):
        written = folder / str(number)
        after = _passed(table, together, around, written)
        if done:  # what the steps before wrote; the table that came is the caller's
            shutil.rmtree(folder / str(number - 1))
        table = after
        done += together
    return Shaped(
        table=table,
        steps=tuple(stage.changed for stage in done),
        findings=tuple(finding for stage in done for finding in stage.findings),
    )


def _together(all_stages: Sequence[Stage]) -> list[list[Stage]]:
    """Return the steps in groups that take one pass: all but the first of each change rows by themselves."""
    groups: list[list[Stage]] = []
    for stage in all_stages:
        if groups and _is_of_one_row(stage.step):
            groups[-1].append(stage)
        else:
            groups.append([stage])
    return groups


def _is_of_one_row(step: object) -> bool:
    if isinstance(step, shaping.Derive):
        return all(map(is_of_one_row, step.derive.values()))
    if isinstance(step, shaping.Filter):
        return is_of_one_row(step.filter)
    if isinstance(step, shaping.Join):  # a full one adds rows which only the other table has
        return step.how != "full" or bool(step.as_of)
    return isinstance(step, _OF_ONE_ROW)


def _passed(table: Pieces, together: Sequence[Stage], around: Around, folder: Path) -> Pieces:
    first, *others = together
    first.begin(table.columns)
    between = folder / "between"
    with PieceWriter(folder / "rows") as writer:
        for before, after, remarks in _changed(table, first, around, between):
            piece = first.passed(before, after, remarks)
            for stage in others:
                stage.begin(piece.columns)
                found, noticed = VERBS[type(stage.step)](piece, stage.step, stage.place, around)
                piece = stage.passed(piece.height, found, noticed)
            writer.add(piece)
    shutil.rmtree(between, ignore_errors=True)
    for stage in together:
        stage.check()
    return writer.finish()


def _changed(
    table: Pieces, stage: Stage, around: Around, folder: Path
) -> Iterator[tuple[int, pl.DataFrame, list[Remark]]]:
    """Yield how many rows of the table a step took, what became of them, and what was noticed."""
    if isinstance(stage.step, shaping.Parse):
        parsing = Parsing(table, stage.step, stage.place, around)
        yield from ((piece.height, *parsing(piece)) for piece in table)
        parsing.check()
    elif _is_of_one_row(stage.step):
        verb = VERBS[type(stage.step)]
        yield from ((piece.height, *verb(piece, stage.step, stage.place, around)) for piece in table)
    else:
        yield from WHOLE_VERBS[type(stage.step)](table, stage.step, stage.place, around, folder)
