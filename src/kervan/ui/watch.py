"""Pages about what production asks and brings: drift, traffic, and how right the answers were."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path, PurePath
from shlex import join
from typing import TYPE_CHECKING

from kervan.app.download import Download, drift_file
from kervan.app.drift import check_drift
from kervan.app.drift_history import drift_history
from kervan.app.environments import environment_names, find_environment
from kervan.app.feedback import give_feedback
from kervan.app.over_time import over_time
from kervan.app.quality import quality
from kervan.app.tables import safe_name
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Verdict
from kervan.core.when import read_time
from kervan.ui.asked import link
from kervan.ui.page import Done, Page, Route, Work
from kervan.ui.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.drift_history import DriftHistory
    from kervan.app.project import Project
    from kervan.monitor.drift import ColumnDrift
    from kervan.ui.asked import Asked

SPANS = ("1h", "24h", "7d", "30d", "all")
_DAY = 86_400.0
_PAGE = 50  # columns
_SHOWN = 6  # columns in one picture
_LABELS, _SECONDS = 10_000, 0.1  # that a page takes to say how right answers were, unless asked for all
_KINDS = {".csv", ".parquet", ".json", ".jsonl", ".ndjson"}


def overview(project: Project, _asked: Asked) -> Page:
    """Show how all environments do: a day's requests, and the last look for drift."""
    since = time.time() - _DAY
    content = [
        {
            "name": name,
            "traffic": over_time(project, name, since=since),
            "drift": drift_history(project, name),
        }
        for name in environment_names(project)
    ]
    return Page(
        template="watches.html", title="Watch", content={"environments": content}, command="kervan drift"
    )


def drift(project: Project, asked: Asked) -> Page:
    """Show how far each input of an environment had moved, whenever somebody looked."""
    name = find_environment(project, asked.part("environment"))
    found = drift_history(project, name)
    text, page = asked.text("name"), asked.whole("page", 1, low=1)
    named = [each for each in found.columns if text.casefold() in each.name.casefold()]
    content = {
        "name": name,
        "bound": found.bound,
        "checks": found.checks,
        "times": [each.time for each in found.checks],
        "columns": named[(page - 1) * _PAGE : page * _PAGE],
        "total": len(named),
        "page": page,
        "size": _PAGE,
        "curves": {each.name: each.psi for each in found.columns[:_SHOWN]},
        "findings": found.newest.findings if found.newest else (),
        "column": _column(found, asked.text("column")),
    }
    return Page(
        template="drift.html",
        title=name,
        content=content,
        command=join(["kervan", "drift", name, "--history"]),
    )


def _column(found: DriftHistory, name: str) -> ColumnDrift | None:
    columns: Sequence[ColumnDrift] = found.newest.columns if found.newest else ()
    return next((each for each in columns if each.name == name), None)


def traffic(project: Project, asked: Asked) -> Page:
    """Show how many requests each version of an environment got over time, and how long they took."""
    name = find_environment(project, asked.part("environment"))
    span = asked.choice("span", SPANS, default="7d")
    found = over_time(project, name, since=None if span == "all" else read_time(span))
    return Page(
        template="traffic.html",
        title=name,
        content={"name": name, "span": span, "spans": SPANS, "traffic": found},
        command=join(["kervan", "traffic", name, *([] if span == "all" else ["--since", span])]),
    )


def right(project: Project, asked: Asked) -> Page:
    """Show how right each version of an environment was over time, as labels and rewards came."""
    name = find_environment(project, asked.part("environment"))
    is_all = asked.flag("all")
    found = quality(project, name) if is_all else quality(project, name, most=_LABELS, seconds=_SECONDS)
    is_cut = not is_all and (found.looked is not None or found.returned == _LABELS)
    return Page(
        template="quality.html",
        title=name,
        content={"name": name, "quality": found, "is_cut": is_cut},
        command=join(["kervan", "quality", name]),
    )


def look(project: Project, asked: Asked) -> Work:
    """Look for drift now."""
    name = find_environment(project, asked.part("environment"))
    since = asked.text("since")
    read_time(since or None)
    options = ["--since", since] if since else []
    return Work(
        title=asked.say("Look for drift in {environment}", environment=name),
        about=f"drift {name}",
        function=looked,
        arguments={"environment": name, "since": since, "language": asked.language},
        command=join(["kervan", "drift", name, *options]),
    )


def looked(project: Project, *, environment: str, since: str, language: str) -> Done:
    """Compare what was asked with what was learned from, in a process of its own."""
    report, found = check_drift(project, environment=environment, since=read_time(since or None))
    voice = Voice(language)
    told = voice.text("No column drifted, over {n} rows.", n=voice.number(found.rows))
    if moved := ", ".join(each.subject for each in found.findings if each.subject):
        told = voice.text("Drifted: {columns}", columns=moved)
    elif report.verdict is not Verdict.PASSED:
        told = "; ".join(each.message for each in found.findings)
    return Done(text=told, to=link("watch", environment))


def take_labels(project: Project, asked: Asked) -> Done:
    """Keep the labels and rewards of a file that somebody brings."""
    name = find_environment(project, asked.part("environment"))
    brought = asked.files.get("file")
    if brought is None or not brought.name:
        raise InvalidInput("there is no file", hint="choose one: CSV, Parquet or JSON")
    file_name = PurePath(safe_name(brought.name))
    ending = file_name.suffix.lower()
    if ending not in _KINDS:
        raise InvalidInput("labels come as CSV, Parquet or JSON", hint=f"choose one of {', '.join(_KINDS)}")
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        path = Path(folder) / f"{file_name.stem}{ending}"
        with path.open("wb") as file:
            file.writelines(brought.pieces())
        try:
            taken = give_feedback(project, path, environment=name)
        except InvalidInput as error:  # who brought it knows the file, and not where it lies meanwhile
            raise InvalidInput(str(error).replace(f"{folder}/", ""), hint=error.hint) from error
    return Done(text=asked.say("{n} came back", n=f"{taken:,}"), to=link("watch", name, "quality"))


def page_of_drift(project: Project, asked: Asked) -> Download:
    """Return the last look for drift as a page that can be mailed."""
    return drift_file(project, asked.part("environment"))


ROUTES = (
    Route(path="/watch", shows=overview),
    Route(path="/watch/{environment}", shows=drift, does=look),
    Route(path="/watch/{environment}/traffic", shows=traffic),
    Route(path="/watch/{environment}/quality", shows=right, does=take_labels),
    Route(path="/watch/{environment}/drift.html", shows=page_of_drift),
)
