"""The steps of `[[data.steps]]` at ingest: the tables that they join, and what they make of the source."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kervan.app.sources import take
from kervan.core.errors import InvalidConfig
from kervan.core.identity import sha256_parts
from kervan.core.keeping import read_size
from kervan.core.nouns import Shaping
from kervan.core.shaping import Call, Join, Outliers, told
from kervan.data import ingest
from kervan.data.absent import READ_AS_MISSING
from kervan.data.ingest import Loaded
from kervan.data.large import looks_of, read_pieces, weight
from kervan.data.pieces import Chosen, Pieces, discard
from kervan.data.sides import NONE
from kervan.data.steps.escape import transform_of
from kervan.data.steps.in_pieces import shape_pieces
from kervan.data.steps.outliers import within
from kervan.data.steps.shape import Around, Shaped, shape
from kervan.flow.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.data.ingest import Snapshot
    from kervan.data.large import AnyLoaded
    from kervan.data.pieces import Table
    from kervan.data.sides import Sides


_ROW = "\0row"


@contextmanager
def joined_tables(project: Project) -> Iterator[dict[str, Snapshot]]:
    """Copy the tables that steps join, each once, for as long as the block runs."""
    with ExitStack() as stack:
        locations = dict.fromkeys(step.join for step in project.config.data.steps if isinstance(step, Join))
        yield {each: stack.enter_context(take(project, each)) for each in locations}


def steps_recipe(project: Project, joined: Mapping[str, Snapshot]) -> str:
    """Return a hash of what steps depend on besides settings: joined tables, and the user's functions."""
    called = [step for step in project.config.data.steps if isinstance(step, Call)]
    functions = [transform_of(step, project.config.folder) for step in called]
    return sha256_parts([*(each.sha256 for each in joined.values()), *map(fingerprint, functions)])


def read_shaped(
    project: Project, snapshot: Snapshot, joined: Mapping[str, Snapshot]
) -> tuple[AnyLoaded, tuple[Shaping, ...]]:
    """Read a table, take it through its steps, and return it with what each step changed.

    One that would take more than `[data] memory` is in pieces, in the snapshot's folder.
    """
    settings, scratch = project.config.data, snapshot.scratch
    loaded: AnyLoaded
    if weight(snapshot) > read_size(settings.memory):
        _refuse_outliers(project)
        loaded = read_pieces(snapshot, settings, scratch / "read", partial(project.remark, "read"))
    else:
        with project.alive("read"):
            loaded = ingest.read(snapshot, settings)
    if not settings.table_steps:
        return loaded, ()
    return _shaped(project, loaded, joined, scratch / "shaped")


def _refuse_outliers(project: Project) -> None:
    """Raise `InvalidConfig` if a step looks at the whole training part, which does not fit into memory."""
    for step in project.config.data.steps:
        if isinstance(step, Outliers):
            raise InvalidConfig(
                f"{told(step)}: the table is too large for that: it looks at the whole training part at once",
                hint="clip such values instead, or raise `[data] memory` if the machine has it",
            )


def _shaped(
    project: Project, loaded: AnyLoaded, joined: Mapping[str, Snapshot], folder: Path
) -> tuple[AnyLoaded, tuple[Shaping, ...]]:
    settings = project.config.data
    plain = replace(settings, ignore=(), protect={}, target="")
    around = Around(
        folder=project.config.folder,
        tables={name: ingest.read_whole(snapshot, plain) for name, snapshot in joined.items()},
        hidden=frozenset(settings.protect),
    )
    with project.stage("shape") as tell:
        found: Shaped[pl.DataFrame | Pieces]
        if isinstance(loaded.table, Pieces):
            found = shape_pieces(loaded.table, settings.table_steps, around, folder)
            if found.table is not loaded.table:  # it is the same where all steps are `outliers`
                discard(loaded.table)
        else:
            found = shape(loaded.table, settings.table_steps, around)
        ingest.check_rows(found.table.height, f"{settings.source} after its steps")
        tell(
            f"{loaded.table.height:,} × {loaded.table.width} to {found.table.height:,} × {found.table.width}"
        )
    # What looked like something else may have been parsed since.
    read = (each for each in loaded.warnings if each.rule == READ_AS_MISSING)
    warnings = (*read, *looks_of(found.table, settings), *found.findings)
    return Loaded(table=found.table, warnings=warnings), found.steps


def without_outliers(project: Project, table: Table, assigned: Sides) -> tuple[Sides, tuple[Shaping, ...]]:
    """Leave out the rows of the training part that steps name as outliers, and say how many each did."""
    import numpy as np

    steps = [step for step in project.config.data.steps if isinstance(step, Outliers)]
    if not steps:
        return assigned, ()
    if isinstance(table, Pieces | Chosen):
        raise TypeError("a table in pieces has no such step: it is refused before it is read")
    train = table.with_row_index(_ROW).filter(assigned == 0)
    done = []
    for step in steps:
        rest = within(train, step, project.config.model.seed)
        done.append(Shaping(step=f"{told(step)} (train)", before=train.height, after=rest.height))
        train = rest
    left = np.where(assigned == 0, NONE, assigned)
    left[train[_ROW].to_numpy()] = 0
    return left, tuple(done)
