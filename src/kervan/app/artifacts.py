"""Files that runs logged, given back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import NotFound, StorageFailed, did_you_mean
from kervan.core.nouns import Run
from kervan.flow.track import ARTIFACT
from kervan.store.transaction import FILE

if TYPE_CHECKING:
    from kervan.app.project import Project

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a run logged; of several of one name the last one."""

    name: str
    sha256: str
    size: int


def artifacts_of(project: Project, run: Run) -> tuple[Artifact, ...]:
    """Return the files that a run logged, as far as they are still kept, by name."""
    blobs = project.store.blobs
    hashes = {
        link.role.removeprefix(ARTIFACT): link.parent.removeprefix(FILE)
        for link in run.parents
        if link.role.startswith(ARTIFACT)
    }
    return tuple(
        Artifact(name=name, sha256=digest, size=_size(project, digest))
        for name, digest in sorted(hashes.items())
        if blobs.holds(digest)
    )


def find_artifact(project: Project, ident: str, name: str) -> Artifact:
    """Return a file of a run. Raises `NotFound` where it logged none of that name."""
    found = artifacts_of(project, project.store.catalog.get(Run, ident))
    if not found:
        raise NotFound(f"run {ident} logged no file", hint="log one: run.log_artifact(path)")
    for each in found:
        if each.name == name:
            return each
    hint = did_you_mean(name, [each.name for each in found])
    raise NotFound(f"run {ident} logged no file {name!r}", hint=hint)


def write_artifact(project: Project, artifact: Artifact, path: Path) -> None:
    """Write a file that a run logged to a path; where a folder is, under its own name into it."""
    try:
        path = path / Path(artifact.name).name if path.is_dir() else path
        with project.store.blobs.open(artifact.sha256) as source, path.open("wb") as file:
            while piece := source.read(_PIECE):
                file.write(piece)
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}", hint="choose another file") from error


def _size(project: Project, digest: str) -> int:
    with project.store.blobs.open(digest) as file:
        return file.seek(0, 2)
