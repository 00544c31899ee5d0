"""A dataset of this project as a source, and in joins: its rows to learn from, as they were protected."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from kervan.app.parts import part_pieces
from kervan.core.errors import InvalidConfig
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Role
from kervan.data.export import write

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.fetching import TableRequest, Tell

MARK = "dataset:"
_OPEN = (Role.TRAIN, Role.VALIDATION)


class DatasetConnector:
    """A version of a dataset: `dataset:customers:3`, or the newest: `dataset:customers`."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def accepts(self, location: str) -> bool:
        """Say whether it begins so."""
        return location.startswith(MARK)

    def estimate(self, request: TableRequest) -> Estimate:
        """Return the rows of the parts that are not sealed."""
        request.require_only("version")
        dataset = self._found(request)
        return Estimate(rows=sum(dataset.part(role).rows for role in _OPEN))

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows of the training and the validation part; the test part stays sealed."""
        dataset = self._found(request)
        path = folder / f"{dataset.name}.parquet"
        write(chain.from_iterable(part_pieces(self._project, dataset, role) for role in _OPEN), path)
        retrieval = Retrieval(time=time.time(), version=dataset.ref, record=dataset.id)
        return Fetched(path=path, retrieval=retrieval)

    def _found(self, request: TableRequest) -> Dataset:
        return find_version(self._project, request.location.removeprefix(MARK), request.version)


def split_anew(project: Project, record: str) -> Project:
    """Return the project with another seed of the split if its source are rows of a dataset.

    Sides depend on what a row holds: by the same seed none of these rows would fall to the test part again.
    """
    generation = 0
    while record:
        generation += 1
        record = project.store.catalog.get(Dataset, record, deleted=True).origin.retrieval.record
    if not generation:
        return project
    data = project.config.data
    anew = replace(data.split, seed=data.split.seed + generation)
    return project.with_settings(data=replace(data, split=anew))


def find_version(project: Project, text: str, version: str = "") -> Dataset:
    """Return the dataset of a reference; `version` is what `[data] version` says of it.

    Raises `InvalidConfig` for two versions, and for the newest version of a dataset as its own source, which
    would lose some rows each time.
    """
    ref = Ref.parse(text)
    if version and ref.version not in {None, version}:
        raise InvalidConfig(
            f"[data] source names version {ref.version} of {ref.name}, and version = {version!r}",
            hint="say it once",
        )
    if version:
        ref = Ref.parse(f"{ref.name}:{version}")
    if ref.version is None and ref.name == project.config.dataset_name:
        raise InvalidConfig(
            f"{ref.name} would be made of itself, and lose its test rows each time",
            hint='say which version, or give the new one a name of its own: [data] name = "…"',
        )
    return project.store.catalog.find(Dataset, ref)
