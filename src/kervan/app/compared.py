"""Two runs and more beside each other: what differs comes first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.run_details import MOST_CURVES, dataset_of
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.app.project import Project
    from kervan.store.search import RunRow

FEWEST, MOST = 2, 10
_POINTS = 200  # of each history: there are up to ten in a picture


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
        curves=tuple(_curves(project, wanted)),
    )


def _lines(columns: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    names = sorted({name for column in columns for name in column})
    lines = [_line(name, [column.get(name) for column in columns]) for name in names]
    return tuple(sorted(lines, key=lambda line: not line.differs))


def _curves(project: Project, runs: Sequence[str]) -> Iterator[SharedCurve]:
    """Yield the histories that at least two runs have, of the first 24 metrics."""
    catalog = project.store.catalog
    spans = [{span.name: span for span in catalog.spans(run)} for run in runs]
    counts = Counter(name for each in spans for name in each)
    for name in sorted(name for name, count in counts.items() if count >= FEWEST)[:MOST_CURVES]:
        histories = [
            {point.step: point.value for point in catalog.curve(run, each[name], most=_POINTS)}
            if name in each
            else {}
            for run, each in zip(runs, spans, strict=True)
        ]
        steps = sorted({step for history in histories for step in history})
        values = tuple(tuple(history.get(step) for step in steps) for history in histories)
        yield SharedCurve(name=name, steps=tuple(steps), values=values)


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
