"""Two runs and more beside each other: what differs comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.run_details import dataset_of
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.app.project import Project
    from kervan.store.search import RunRow

FEWEST, MOST = 2, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing of every run, None where a run has no such thing."""

    name: str
    values: tuple[Any, ...]
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Runs in the order in which they were named, and lines about them, those that differ first.

    Of the `environment` there are only the packages that differ.
    """

    runs: tuple[RunRow, ...]
    parameters: tuple[Line, ...]
    metrics: tuple[Line, ...]
    facts: tuple[Line, ...]
    environment: tuple[Line, ...]


def compare_runs(project: Project, idents: Sequence[str]) -> Comparison:
    """Compare two to ten runs by their ids."""
    wanted = list(dict.fromkeys(idents))
    if not FEWEST <= len(wanted) <= MOST:
        raise InvalidInput(
            f"{len(wanted)} runs cannot be compared", hint=f"name {FEWEST} to {MOST} of `kervan runs`"
        )
    catalog = project.store.catalog
    runs = [catalog.get(Run, ident) for ident in wanted]
    rows = catalog.run_rows(wanted)
    packages = _lines([run.environment for run in runs])
    return Comparison(
        runs=tuple(rows),
        parameters=_lines([row.parameters for row in rows]),
        metrics=_lines([row.metrics for row in rows]),
        facts=_lines([_facts(project, run) for run in runs]),
        environment=tuple(each for each in packages if each.differs),
    )


def _lines(columns: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    names = sorted({name for column in columns for name in column})
    lines = [_line(name, [column.get(name) for column in columns]) for name in names]
    return tuple(sorted(lines, key=lambda line: not line.differs))


def _line(name: str, values: list[Any]) -> Line:
    return Line(name=name, values=tuple(values), differs=any(value != values[0] for value in values))


def _facts(project: Project, run: Run) -> dict[str, Any]:
    return {
        "dataset": dataset_of(project, run),
        "commit": run.code.commit,
        "branch": run.code.branch,
        "uncommitted changes": run.code.difference,
        "python": run.host.python,
        "platform": run.host.platform,
        "machine": run.host.name,
        "cores": run.host.cores,
    }
