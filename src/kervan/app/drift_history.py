"""The drift reports that were kept of an environment, as a history of each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import NotFound
from kervan.core.nouns import Model, Report, ReportKind, Verdict
from kervan.monitor.drift import DriftReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project

_MOST = 200  # reports, the newest
_FEW = 10
_CELLS = 20_000  # columns of all reports together: of wide tables fewer reports are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look for drift: by whom, in how many rows that `model` was asked, and the verdict."""

    report: str
    time: float
    by: str
    model: str
    rows: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnHistory:
    """How far an input had moved at each check: its index and verdict, None where it was not compared."""

    name: str
    psi: tuple[float | None, ...]
    verdicts: tuple[Verdict | None, ...]

    @property
    def last(self) -> float:
        """The index at the last check that compared it."""
        return next((each for each in reversed(self.psi) if each is not None), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftHistory:
    """All checks of an environment, oldest first; columns that moved most at last come first.

    `bound` is the index from which on a column counts as drifted. `newest` is the last report whole.
    """

    environment: str
    bound: float
    checks: tuple[Check, ...] = ()
    columns: tuple[ColumnHistory, ...] = ()
    newest: DriftReport | None = None


def drift_history(project: Project, environment: str) -> DriftHistory:
    """Return how far the inputs of an environment's models had moved, by the newest reports, at most 200."""
    reports = _reports(project, environment)
    bodies = [msgspec.convert(each.body, DriftReport) for each in reports]
    refs: dict[str, str] = {}
    names = dict.fromkeys(column.name for body in reversed(bodies) for column in body.columns)
    columns = [_column(name, bodies) for name in names]
    return DriftHistory(
        environment=environment,
        bound=project.config.watch.psi,
        checks=tuple(
            Check(
                report=each.id,
                time=each.time,
                by=each.creator,
                model=_model(project, each, refs),
                rows=body.rows,
                verdict=each.verdict,
            )
            for each, body in zip(reports, bodies, strict=True)
        ),
        columns=tuple(sorted(columns, key=lambda each: (-each.last, each.name))),
        newest=bodies[-1] if bodies else None,
    )


def _reports(project: Project, environment: str) -> list[Report]:
    """Return the newest reports about drift, oldest first."""
    catalog = project.store.catalog
    kept = catalog.all(Report, name=environment, limit=_FEW)
    widest = max((len(each.body["columns"]) for each in kept if each.kind is ReportKind.DRIFT), default=0)
    if len(kept) == _FEW and widest * _FEW < _CELLS:
        kept = catalog.all(Report, name=environment, limit=min(_MOST, _CELLS // max(1, widest)))
    return [each for each in reversed(kept) if each.kind is ReportKind.DRIFT]


def _column(name: str, bodies: Sequence[DriftReport]) -> ColumnHistory:
    own = [next((each for each in body.columns if each.name == name), None) for body in bodies]
    return ColumnHistory(
        name=name,
        psi=tuple(each.psi if each else None for each in own),
        verdicts=tuple(each.verdict if each else None for each in own),
    )


def _model(project: Project, report: Report, known: dict[str, str]) -> str:
    """Return which version was looked at, also one that was deleted since."""
    ident = next((each.parent for each in report.parents if each.role == "model"), "")
    if ident not in known:
        try:
            known[ident] = project.store.catalog.get(Model, ident, deleted=True).ref
        except NotFound:
            known[ident] = ""
    return known[ident]
