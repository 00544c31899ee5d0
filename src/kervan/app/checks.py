"""A project's checks, ready to be put to a table: its Python functions, and the tables that they refer to."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kervan.app.dataset_source import MARK
from kervan.app.parts import open_sealed, read_part
from kervan.app.shaping import joined_tables, read_shaped
from kervan.app.sources import take
from kervan.core.errors import InvalidConfig, InvalidData, KervanError
from kervan.core.identity import Ref, sha256_file, sha256_parts
from kervan.core.nouns import Dataset, Role
from kervan.core.ports import ReadOptions
from kervan.data import ingest
from kervan.data.checks.own import load_checks
from kervan.data.checks.run import check_pieces, reasons_of, run_checks
from kervan.data.pieces import Pieces
from kervan.data.quality import Validation, quality_of
from kervan.data.sources.find import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.nouns import Finding
    from kervan.data.checks.run import Checked
    from kervan.data.ingest import Snapshot
    from kervan.data.large import AnyLoaded
    from kervan.data.pieces import Table


def check_table(
    project: Project, table: pl.DataFrame | Pieces, scratch: Path
) -> Checked[pl.DataFrame | Pieces]:
    """Put all checks of a project to a table, as it was read; pieces are written into `scratch`."""
    settings = project.config.data
    own = load_checks(settings.checks_from, project.config.folder)
    if isinstance(table, Pieces):
        return check_pieces(table, settings, own, folder=scratch / "checked", lookup=_Tables(project))
    return run_checks(table, settings, own, lookup=_Tables(project))


def require_left(checked: Checked[Any]) -> None:
    """Raise `InvalidData` if checks keep so many rows aside that too few are left to learn from."""
    left = checked.table.height
    if left < ingest.MINIMUM_ROWS and len(checked.rejected):
        raise InvalidData(
            f"checks keep {len(checked.rejected):,} of {checked.rows:,} rows aside, "
            f"so that {left:,} are left and at least {ingest.MINIMUM_ROWS} are needed",
            hint="`kervan data validate` shows what each check finds: mend the rows, or change the checks",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came from a location, with the tables that the project's steps join."""

    project: Project
    snapshot: Snapshot
    joined: Mapping[str, Snapshot]

    @property
    def scratch(self) -> Path:
        """A folder for what is made of it meanwhile."""
        return self.snapshot.path.parent

    def read(self) -> AnyLoaded:
        """Read the table as the checks see it: through the project's steps, and not kept."""
        return read_shaped(self.project, self.snapshot, self.joined)[0]


@contextmanager
def fetched(project: Project, location: str, folder: Path) -> Iterator[Fetched]:
    """Copy a table and what is joined to it, for as long as the block runs."""
    settings = project.config.data
    with joined_tables(project) as joined, take(project, location, settings=settings, folder=folder) as came:
        yield Fetched(project=project, snapshot=came, joined=joined)


def check_parts(project: Project) -> list[str]:
    """Return what the checks depend on besides settings: the tables they refer to, the code of functions."""
    settings = project.config.data
    named = [check.refers_to.source for check in settings.checks if check.refers_to is not None]
    named += [check.like for check in settings.checks if check.like]
    own = load_checks(settings.checks_from, project.config.folder)
    return [*(_content(project, each) for each in dict.fromkeys(named)), *(each.fingerprint for each in own)]


def counted(checked: Checked[Any], table: Table, findings: Iterable[Finding]) -> Validation:
    """Return what the checks counted, and how good the rows of `table` are, which are left of them."""
    valid = 1 - checked.failing / max(1, checked.rows)
    return Validation(
        rows=checked.rows,
        failing=checked.failing,
        rejected=len(checked.rejected),
        quality=quality_of(table, findings, valid=valid),
        reasons=reasons_of(checked),
        newest=dict(checked.newest),
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    """Files and datasets by their location, each read once."""

    project: Project
    known: dict[tuple[str, bool], pl.DataFrame] = field(default_factory=dict)

    def __call__(self, location: str, *, whole: bool) -> pl.DataFrame:
        if (location, whole) not in self.known:
            dataset = find_dataset(self.project, location)
            read = _of_file(self.project, location) if dataset is None else self._of(dataset, whole=whole)
            self.known[location, whole] = read
        return self.known[location, whole]

    def _of(self, dataset: Dataset, *, whole: bool) -> pl.DataFrame:
        import polars as pl

        train = read_part(self.project, dataset, Role.TRAIN)
        if not whole:
            return train.drop(dataset.protection, strict=False)
        purpose = "looked up by a check"
        sealed = open_sealed(self.project, dataset, purpose=purpose, body={"dataset": dataset.ref})
        parts = [train, read_part(self.project, dataset, Role.VALIDATION), sealed]
        return pl.concat(parts).drop(dataset.protection, strict=False)


def find_dataset(project: Project, location: str) -> Dataset | None:
    """Return the dataset of this reference, None if it names a file."""
    if (project.config.folder / location).exists():
        return None
    location = location.removeprefix(MARK)
    try:
        return project.store.catalog.find(Dataset, Ref.parse(location))
    except KervanError:
        if ":" in location and "/" not in location:
            raise
        return None


def _of_file(project: Project, location: str) -> pl.DataFrame:
    settings = project.config.data
    with take(project, location) as snapshot:
        if snapshot.files:
            raise InvalidConfig(
                f"a check refers to {location!r}, which is several files", hint="name one file"
            )
        options = ReadOptions(separator="", missing=settings.missing)
        return reader(location, snapshot.path).read(snapshot.path, options)


def _content(project: Project, location: str) -> str:
    dataset = find_dataset(project, location)
    if dataset is not None:
        return sha256_parts([dataset.id, dataset.hash])
    path = project.config.folder / location
    return sha256_file(path) if path.is_file() else location
