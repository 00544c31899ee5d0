"""Pages about runs: the table and its line for searching, one run, several beside each other."""

from __future__ import annotations

import re
from shlex import join
from typing import TYPE_CHECKING, Any

from kervan import draw
from kervan.app.compared import Comparison, Line, compare_runs
from kervan.app.download import Download, artifact_file, difference_file, log_file
from kervan.app.run_details import describe_run
from kervan.app.runs import RunsPage, find_runs, run_value
from kervan.core.errors import InvalidInput
from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.app.project import Project
    from kervan.core.nouns import StepRun
    from kervan.store.search import RunRow
    from kervan.ui.asked import Asked

_SIZE = 50
_USUAL = 4  # columns that nobody chose
_MOST_CHOICES = 400
_MOST_LOOKED_AT = 100
_MOST_AXES = 14
_MOST_STEPS = 120
_FOLDS = re.compile(r"cv\.([^.]+)\.([^.]+)")
_TONES = {"finished": "", "running": "busy", "failed": "bad", "interrupted": "warn"}


def table(project: Project, asked: Asked) -> Page:
    """Show the runs for which a line holds."""
    where, sort = asked.text("where"), asked.text("sort", "-time")
    page = asked.whole("page", 1, low=1)
    try:
        found = find_runs(
            project,
            where=where,
            sort=sort.removeprefix("-"),
            ascending=not sort.startswith("-"),
            page=page,
            size=asked.whole("size", _SIZE, low=1, high=500),
            trials=asked.flag("trials"),
        )
    except InvalidInput as error:
        return _wrong(project, where, error)
    columns = asked.texts("column") or _usual(found)
    values = [[run_value(row, name) for name in columns] for row in found.rows]
    content = {
        "runs": found.rows,
        "total": found.total,
        "page": found.page,
        "size": found.size,
        "columns": columns,
        "where": where,
        "sort": sort,
        "cells": values,
        "numeric": [_is_numeric(column) for column in zip(*values, strict=True)],
        "choices": _choices(found),
        "error": None,
    }
    return Page(
        template="runs.html",
        title="Runs",
        content=content,
        command=_command(found, sort, asked),
    )


def one(project: Project, asked: Asked) -> Page:
    """Show one run whole, also while it goes on."""
    found = describe_run(project, asked.part("run"), curves=asked.texts("curve"))
    return Page(
        template="run.html",
        title=found.run.name,
        content={
            "details": found,
            "nodes": [_node(step, asked) for step in found.steps[:_MOST_STEPS]],
            "scores": _scores(found.metrics),
            "metrics": {name: each for name, each in found.metrics.items() if not _FOLDS.fullmatch(name)},
        },
        command=join(["kervan", "runs", "show", found.run.id]),
        is_live=found.is_alive,
    )


def log(project: Project, asked: Asked) -> Download:
    """Give the log of a run, all of it."""
    return log_file(project, asked.part("run"))


def artifact(project: Project, asked: Asked) -> Download:
    """Give a file that a run logged."""
    return artifact_file(project, asked.part("run"), asked.text("name"))


def difference(project: Project, asked: Asked) -> Download:
    """Give what of the code was not committed, to be applied with `git apply`."""
    return difference_file(project, asked.part("run"))


def compare(project: Project, asked: Asked) -> Page:
    """Show two to ten runs beside each other."""
    found = compare_runs(project, asked.texts("run"))
    names = [f"{run.name} {run.id[-6:]}" for run in found.runs]
    content: dict[str, Any] = {
        "found": found,
        "names": names,
        "axes": _axes(found),
        "metrics": _results(found),
        "series": [
            [draw.Series(name=name, values=line) for name, line in zip(names, curve.values, strict=True)]
            for curve in found.curves
        ],
    }
    return Page(
        template="runs_compared.html",
        title="Runs beside each other",
        content=content,
        command=join(["kervan", "runs", "compare", *(run.id for run in found.runs)]),
    )


def _wrong(project: Project, where: str, error: InvalidInput) -> Page:
    """Show the line that cannot be read, and what is wrong with it."""
    known = find_runs(project, size=1)
    content: dict[str, Any] = {
        "runs": (),
        "total": 0,
        "page": 1,
        "size": _SIZE,
        "columns": (),
        "where": where,
        "sort": "",
        "cells": [],
        "numeric": [],
        "choices": _choices(known),
        "error": {"message": str(error), "hint": error.hint},
    }
    return Page(template="runs.html", title="Runs", content=content, command="kervan runs", status=422)


def _is_numeric(column: Sequence[Any]) -> bool:
    known = [value for value in column if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _choices(found: RunsPage) -> list[str]:
    """Return the columns that can be chosen, the folds of the families last."""
    metrics = sorted(found.metrics, key=lambda name: name.startswith("cv."))
    return [*found.parameters, *metrics][:_MOST_CHOICES]


def _usual(found: RunsPage) -> tuple[str, ...]:
    """Return the columns where nobody chose any: of what the page's runs have, what most have."""
    parameters = sorted(_common(found.rows, found.parameters), key=lambda name: _late(found.rows, name))
    goals = {f"validation.{row.parameters.get('goal')}" for row in found.rows}
    results = sorted(
        _common(found.rows, found.metrics), key=lambda name: (name not in goals, name.startswith("cv."))
    )
    told = parameters[: _USUAL // 2]
    columns = [*told, *results[: _USUAL - len(told)]]
    is_there = found.sorted_by in {"id", "name", "status", "time", "seconds", *columns}
    return (*columns, *(() if is_there else (found.sorted_by,)))


def _late(rows: Sequence[RunRow], name: str) -> bool:
    """Say whether a parameter tells less than others: a seed, or a list."""
    return name == "seed" or any(isinstance(run_value(row, name), list | tuple) for row in rows)


def _common(rows: Sequence[RunRow], names: Sequence[str]) -> list[str]:
    """Return the names of what tells runs apart, first what most of them have."""
    values = {name: [run_value(row, name) for row in rows] for name in names[:_MOST_LOOKED_AT]}
    has = {name: sum(value is not None for value in each) for name, each in values.items()}
    differing = (name for name, each in values.items() if len({str(value) for value in each} - {"None"}) > 1)
    return sorted(differing, key=lambda name: -has[name]) or [name for name in values if has[name]]


def _command(found: RunsPage, sort: str, asked: Asked) -> str:
    words = ["kervan", "runs", *(["--trials"] if asked.flag("trials") else [])]
    words += ["--where", found.asked] if found.asked else []
    if sort != "-time":
        words += ["--sort", found.sorted_by, *([] if sort.startswith("-") else ["--ascending"])]
    words += [word for name in asked.texts("column") for word in ("--column", name)]
    words += ["--page", str(found.page)] if found.page > 1 else []
    return join([*words, "--limit", str(found.size)])


def _node(step: StepRun, asked: Asked) -> draw.Node:
    took = asked.say("known") if step.cached else f"{step.seconds:,.2f} s"
    note = asked.say(str(step.status)) if step.status in {"running", "failed", "interrupted"} else took
    return draw.Node(
        key=step.key, name=step.name, note=note, after=step.needs, tone=_TONES.get(step.status, "")
    )


def _scores(metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return the means over the folds of each family, as a table."""
    cells = {(found[1], found[2]): metrics[name] for name in metrics if (found := _FOLDS.fullmatch(name))}
    names = list(dict.fromkeys(metric for _, metric in cells))
    families = dict.fromkeys(family for family, _ in cells)
    return {
        "names": names,
        "rows": {family: [cells.get((family, name)) for name in names] for family in families},
    }


def _axes(found: Comparison) -> list[draw.Axis]:
    """Return what differs and several runs have, parameters before metrics, as far as a picture has room."""
    lines = [
        each
        for each in (*found.parameters, *_results(found))
        if each.differs and sum(value is not None for value in each.values) > 1
    ]
    return [
        draw.Axis(name=each.name.removeprefix("validation."), values=tuple(map(_told, each.values)))
        for each in lines[:_MOST_AXES]
    ]


def _results(found: Comparison) -> list[Line]:
    """Return the metrics, those of single families after those of the runs."""
    return sorted(found.metrics, key=lambda line: line.name.startswith("cv."))


def _told(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


ROUTES = (
    Route(path="/runs", shows=table),
    Route(path="/runs/compare", shows=compare),
    Route(path="/runs/{run}", shows=one),
    Route(path="/runs/{run}/log", shows=log),
    Route(path="/runs/{run}/difference", shows=difference),
    Route(path="/runs/{run}/artifact", shows=artifact),
)
