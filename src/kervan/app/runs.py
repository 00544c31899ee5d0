"""Runs, found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.run_query import Names, parse_field, parse_query
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Run
from kervan.flow.track import TRIAL
from kervan.store.search import Field, Known

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.store.search import RunRow

LARGEST_PAGE = 10_000
_LAST_PAGE = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """One page of the runs that were asked for, `total` in all.

    `metrics` and `parameters` are what any run has, and `sorted_by` what was sorted by, named as lines name
    it; `asked` is the line.
    """

    rows: tuple[RunRow, ...]
    total: int
    page: int
    size: int
    asked: str
    sorted_by: str
    metrics: tuple[str, ...]
    parameters: tuple[str, ...]

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))


def find_runs(  # noqa: PLR0913 - all that a page of a table is asked by
    project: Project,
    *,
    where: str = "",
    sort: str = "",
    ascending: bool = False,
    page: int = 1,
    size: int = 50,
    trials: bool = False,
) -> RunsPage:
    """Return the runs for which a line holds (see `kervan.app.run_query`), sorted, one page of them.

    Without `sort` they are the newest. The trials of searches are among them only if asked for.
    Raises `InvalidInput` that says what of the line is wrong.
    """
    if not 1 <= page <= _LAST_PAGE or not 1 <= size <= LARGEST_PAGE:
        raise InvalidInput(
            f"there is no page {page} of {size} runs",
            hint=f"pages count from 1, of {LARGEST_PAGE:,} runs at most",
        )
    catalog = project.store.catalog
    names = Names(*catalog.run_names())
    condition, order = parse_query(where, names), parse_field(sort or "time", names)
    first = (page - 1) * size
    place, without = slice(first, first + size), "" if trials else TRIAL
    rows, total = catalog.runs_where(condition, order, ascending=ascending, place=place, without=without)
    return RunsPage(
        rows=tuple(rows),
        total=total,
        page=page,
        size=size,
        asked=where.strip(),
        sorted_by=names.written(order),
        metrics=tuple(names.written(Field(Known.METRIC, name)) for name in names.metrics),
        parameters=tuple(names.written(Field(Known.PARAMETER, name)) for name in names.parameters),
    )


def run_value(row: RunRow, name: str) -> Any:
    """Return a field of a run by its name, as lines for searching name it; None where it has none.

    >>> from kervan.core.nouns import Code, Status
    >>> from kervan.store.search import RunRow
    >>> row = RunRow(id="R", name="n", status=Status.FINISHED, creator="c", time=0, ended=2.5, code=Code(),
    ...              parameters={"lr": 0.1}, metrics={"validation.r2": 0.5})
    >>> run_value(row, "seconds"), run_value(row, "lr"), run_value(row, "r2"), run_value(row, "x")
    (2.5, 0.1, 0.5, None)
    """
    names = Names(row.metrics, row.parameters)
    field = names.field(name)
    if field is None:
        return None
    if field.known is Known.METRIC:
        return row.metrics[field.name]
    if field.known is Known.PARAMETER:
        return row.parameters[field.name]
    return getattr(row, names.written(field))


def search(
    project: Project,
    *,
    metric: str = "",
    where: str = "",
    ascending: bool = False,
    limit: int = 100,
    trials: bool = False,
) -> list[tuple[Run, float | None]]:
    """Return the newest runs, or with `metric` those with its best last value, each with that value.

    With `where` only those for which this line holds. Without a metric the trials of searches are left out,
    unless they are asked for.
    """
    catalog = project.store.catalog
    if where or not metric:
        found = find_runs(
            project,
            where=where,
            sort=metric,
            ascending=ascending and bool(metric),
            size=limit,
            trials=trials or bool(metric),
        )
        values = [run_value(row, found.sorted_by) if metric else None for row in found.rows]
        return [(catalog.get(Run, row.id), each) for row, each in zip(found.rows, values, strict=True)]
    return [(run, value) for run, value in catalog.search_runs(metric, ascending=ascending, limit=limit)]
