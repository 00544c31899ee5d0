"""Personal data in a file or a dataset: what was found, and the line that protects it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.checks import fetched, find_dataset
from kervan.app.parts import read_part
from kervan.core.errors import InvalidConfig
from kervan.core.nouns import Dataset, Role
from kervan.data import ingest
from kervan.data.pieces import spread
from kervan.data.protection.anonymity import Anonymity, anonymity
from kervan.data.protection.find import find_personal, proposed_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.data.protection.judge import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """What tells of persons in `rows` rows; `line` is for `[data]` in `kervan.toml`, "" without any.

    Columns in `protected` were left aside.
    """

    source: str
    rows: int
    found: tuple[Found, ...]
    line: str
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetAnonymity:
    """How well the rows of a dataset hide among each other; `scope` says which rows were measured."""

    dataset: str
    scope: str
    anonymity: Anonymity


def personal_data(project: Project, what: str = "", *, folder: Path | None = None) -> PersonalData:
    """Look for personal data in a file, in a dataset's training part, or by default in the project's source.

    Nothing is kept, and no value is shown in full.
    """
    settings = project.config.data
    source = what or settings.source
    dataset = find_dataset(project, source) if what and not (folder and (folder / what).exists()) else None
    with project.stage("personal data") as tell:
        if dataset is not None:
            table, protected = read_part(project, dataset, Role.TRAIN), tuple(dataset.protection)
        elif what:
            plain = replace(settings, ignore=(), protect={}, target="")
            table, protected = ingest.load(source, folder or project.config.folder, plain).table, ()
        else:
            with fetched(project, source, project.config.folder) as came:
                table = spread(came.read().table)
            protected = tuple(settings.protect)
        found = find_personal(table, hidden=protected)
        tell(f"{source}, {table.height:,} rows, {table.width:,} columns")
    return PersonalData(
        source=source, rows=table.height, found=found, line=proposed_line(found), protected=protected
    )


def dataset_anonymity(
    project: Project, ref: str, *, quasi: Sequence[str] = (), sensitive: Sequence[str] = ()
) -> DatasetAnonymity:
    """Return what was measured when a dataset was made, or measure it by other columns.

    By other columns only the training and validation part count: the test part stays sealed.
    """
    from kervan.app.data import validation_of
    from kervan.core.identity import Ref

    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    if quasi or sensitive:
        table = open_rows(project, dataset)
        found = anonymity(table, quasi, sensitive)
        return DatasetAnonymity(dataset=dataset.ref, scope="training and validation", anonymity=found)
    validation = validation_of(project, dataset)
    if validation is None or validation.anonymity is None:
        raise InvalidConfig(
            f"nothing was measured of {dataset.ref} when it was made",
            hint="name the columns by which somebody could be found: --quasi age --quasi postcode, or "
            '`[data] quasi = ["age", "postcode"]`',
        )
    return DatasetAnonymity(dataset=dataset.ref, scope="all", anonymity=validation.anonymity)


def open_rows(project: Project, dataset: Dataset) -> pl.DataFrame:
    """Return the rows of a dataset that are not sealed."""
    import polars as pl

    return pl.concat([read_part(project, dataset, role) for role in (Role.TRAIN, Role.VALIDATION)])
