"""Commands about runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import ListGroup, Shown, shows, table, with_project
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.compared import Comparison, Line
    from kervan.app.project import Project
    from kervan.app.runs import RunsPage


@click.group(cls=ListGroup)
def runs() -> None:
    """Search, show and compare runs.

    \b
    Example:
      kervan runs
      kervan runs --where "roc_auc > 0.9 and family = forest" --sort roc_auc
      kervan runs show 01JD…
      kervan runs compare 01JD… 01JE…
      kervan runs artifact 01JD… weights.txt
    """


@runs.command("list")
@click.option("--where", default="", help="Only the runs for which this holds (see below).")
@click.option("--sort", default="", help="By this field, the largest first; without it, the newest first.")
@click.option("--ascending", is_flag=True, help="The smallest first.")
@click.option("--column", "columns", multiple=True, help="Show this metric or parameter too.")
@click.option("--page", type=click.IntRange(min=1), default=1, show_default=True, help="Which page to show.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many on a page."
)
@click.option("--metric", default="", help="Only the runs with this metric, the best value first.")
@click.option("--trials", is_flag=True, help="The trials of searches too.")
@click.option("--show", "ident", default="", help="Show one run whole, as `kervan runs show` does.")
@shows(
    example="""
    kervan runs list --where "roc_auc > 0.9 and family = forest" --sort seconds --ascending
    kervan runs --where "status = failed and (name ~ income or started > 7d)"
    kervan runs --metric validation.roc_auc
    """
)
@with_project
def list_(project: Project, ident: str, metric: str, **asked: Any) -> Shown:
    """List runs, newest first, or search them.

    What is compared in `--where` is a metric, a parameter, or one of name, status, creator, id, time and
    seconds. Signs are = != > >= < <= and ~ (contains); comparisons are joined by `and`, `or` and brackets.
    Names and values with blanks stand in quotes; a time can be `7d` (ago), `seconds` also `5m`.
    """
    if ident:
        return _show(project, ident)
    if metric:
        if asked["where"] or asked["sort"] or asked["page"] > 1:
            raise click.UsageError("--metric stands alone; use --where and --sort instead of it")
        return _ranked(project, metric, ascending=asked["ascending"], limit=asked["limit"])
    from kervan.app.runs import find_runs

    columns, size = asked.pop("columns"), asked.pop("limit")
    found = find_runs(project, size=size, **asked)
    return Shown(found.rows, _page_text(found, columns))


@runs.command()
@click.argument("run")
@shows(example="kervan runs show 01JD…")
@with_project
def show(project: Project, run: str) -> Shown:
    """Show one run whole: code, parameters, metrics, log; also while it goes on."""
    return _show(project, run)


@runs.command()
@click.argument("run", nargs=-1, required=True)
@shows(example="kervan runs compare 01JD… 01JE…")
@with_project
def compare(project: Project, run: tuple[str, ...]) -> Shown:
    """Compare two to ten runs: parameters, metrics, code, data and packages; * marks what differs."""
    from kervan.app.compared import compare_runs

    found = compare_runs(project, run)
    return Shown(found, _comparison_text(found))


@runs.command()
@click.argument("run")
@click.argument("name")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write it here; by default under its own name."
)
@shows(example="kervan runs artifact 01JD… weights.txt -o weights.txt")
@with_project
def artifact(project: Project, run: str, name: str, output: Path | None) -> Shown:
    """Give back the file NAME that a RUN logged, as it was then; `kervan runs show` lists them."""
    from kervan.app.artifacts import find_artifact, write_artifact

    found = find_artifact(project, run, name)
    path = output or Path(Path(name).name)
    write_artifact(project, found, path)
    return Shown({"run": run, **asdict(found), "path": path}, f"{path}, {found.size:,} bytes")


def _show(project: Project, ident: str) -> Shown:
    from kervan.app.artifacts import artifacts_of
    from kervan.app.run_details import run_log
    from kervan.cli.show import run_text

    run, log = run_log(project, ident)
    return Shown(run, run_text(run, log, artifacts_of(project, run)))


def _ranked(project: Project, metric: str, *, ascending: bool, limit: int) -> Shown:
    from kervan.app.runs import search

    found = search(project, metric=metric, ascending=ascending, limit=limit)
    rows = [
        (run.id, run.name, run.status, value, run.code.commit[:8], moment(run.time)) for run, value in found
    ]
    headers = ("run", "name", "status", metric, "commit", "since")
    return Shown([run for run, _ in found], table(headers, rows, empty=f"no run has a metric {metric!r}"))


def _page_text(found: RunsPage, columns: tuple[str, ...]) -> str:
    from kervan.app.runs import run_value

    usual = {"id", "name", "status", "time"}
    extra = list(dict.fromkeys([*([] if found.sorted_by in usual else [found.sorted_by]), *columns]))
    rows = [
        (
            row.id,
            row.name,
            row.status,
            *(_shown(run_value(row, name)) for name in extra),
            row.code.commit[:8],
            moment(row.time),
        )
        for row in found.rows
    ]
    if not found.total:
        return "no run is like that" if found.asked else "no runs yet: `kervan run`"
    text = table(("run", "name", "status", *extra, "commit", "since"), rows, empty="no more")
    if found.pages == 1:
        return text
    return f"{text}\npage {found.page:,} of {found.pages:,}, {found.total:,} runs: --page"


def _comparison_text(found: Comparison) -> str:
    headers = ("", "", *(run.id for run in found.runs))
    started = ("", "started", *(moment(run.time) for run in found.runs))
    rows = [started, ("", "name", *(run.name for run in found.runs))]
    parts = (
        ("parameter ", found.parameters),
        ("metric ", found.metrics),
        ("", found.facts),
        ("package ", found.environment),
    )
    rows += [_row(kind, line) for kind, lines in parts for line in lines]
    return table(headers, rows)


def _row(kind: str, line: Line) -> tuple[str, ...]:
    values = ("" if value is None else _short(value) for value in line.values)
    return "*" if line.differs else "", f"{kind}{line.name}", *values


def _shown(value: Any) -> Any:
    return "" if value is None else value


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:40]
