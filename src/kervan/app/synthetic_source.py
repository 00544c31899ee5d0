"""Synthetic rows as a source: drawn anew each time, and the same for the same dataset, rows and seed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from kervan.app.dataset_source import find_version
from kervan.app.synthesize import fitted_to
from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.core.nouns import Role
from kervan.flow.table import to_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.fetching import TableRequest, Tell
    from kervan.core.nouns import Dataset

MARK = "synthetic:"
_OPTIONS = ("rows", "seed")


class SyntheticConnector:
    """Rows that follow a dataset's training part: `synthetic:adult:1`, `synthetic:adult?rows=1000&seed=7`."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def accepts(self, location: str) -> bool:
        """Say whether it begins so."""
        return location.startswith(MARK)

    def estimate(self, request: TableRequest) -> Estimate:
        """Return how many rows are asked for."""
        request.require_only()
        return Estimate(rows=self._wanted(request)[1])

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Fit, draw, and write the rows to a Parquet file."""
        dataset, rows, seed = self._wanted(request)
        path = folder / f"{dataset.name}.parquet"
        path.write_bytes(to_parquet(fitted_to(self._project, dataset).draw(rows, seed)))
        retrieval = Retrieval(time=time.time(), version=dataset.ref, record=dataset.id)
        return Fetched(path=path, retrieval=retrieval)

    def _wanted(self, request: TableRequest) -> tuple[Dataset, int, int]:
        """Return the dataset, the number of rows and the seed."""
        name, _, query = request.location.removeprefix(MARK).partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True))
        for option, value in given.items():
            if option not in _OPTIONS:
                raise InvalidInput(
                    f"{request.source}: there is no {option!r}", hint=did_you_mean(option, _OPTIONS)
                )
            if not value.isdecimal():
                raise InvalidInput(
                    f"{request.source}: {option} is {value!r}", hint="write a whole number: rows=1000&seed=7"
                )
        dataset = find_version(self._project, name, request.version)
        rows = int(given.get("rows", dataset.part(Role.TRAIN).rows))
        return dataset, rows, int(given.get("seed", 0))
