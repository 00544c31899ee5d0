"""Two runs and more beside each other: what differs comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.run_details import MOST_POINTS, dataset_of
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.app.project import Project
    from kervan.store.points import Point
    from kervan.store.search import RunRow

FEWEST, MOST = 2, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing of every run, None where a run has no such thing."""

    name: str
    values: tuple[Any, ...]
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCurve:
    """The histories of a metric that several runs have: a value of each run, or None, at every step."""

    name: str
    steps: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]


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
    curves: tuple[SharedCurve, ...]


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
        curves=tuple(_curves([catalog.curves(ident, most=MOST_POINTS // 2) for ident in wanted])),
    )


def _lines(columns: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    names = sorted({name for column in columns for name in column})
    lines = [_line(name, [column.get(name) for column in columns]) for name in names]
    return tuple(sorted(lines, key=lambda line: not line.differs))


def _curves(found: Sequence[Mapping[str, tuple[Sequence[Point], int]]]) -> Iterator[SharedCurve]:
    for name in sorted({name for curves in found for name in curves}):
        histories = [dict(_values(curves, name)) for curves in found]
        if sum(len(history) > 1 for history in histories) < FEWEST:
            continue
        steps = sorted({step for history in histories for step in history})
        values = tuple(tuple(history.get(step) for step in steps) for history in histories)
        yield SharedCurve(name=name, steps=tuple(steps), values=values)


def _values(curves: Mapping[str, tuple[Sequence[Point], int]], name: str) -> Iterator[tuple[int, float]]:
    points, _ = curves.get(name, ((), 0))
    yield from ((point.step, point.value) for point in points)


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
