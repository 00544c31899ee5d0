"""Pages about predictions: found, one with all that is behind it, and the form that asks by hand."""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING, Any

from kervan.app.by_hand import ask_by_hand, form_of
from kervan.app.environments import PRODUCTION, environment_names
from kervan.app.search import PAGE, Wanted, search
from kervan.app.stations import Place, stations
from kervan.app.trace import trace
from kervan.core.errors import KervanError, RefusedRow
from kervan.core.when import read_time
from kervan.draw import Node
from kervan.ui.asked import link
from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.app.project import Project
    from kervan.app.stations import Station
    from kervan.ui.asked import Asked

INPUT = "in:"  # before the names of columns in a form, which may be called anything
_ASKS = ("id", "environment", "entity", "model", "since", "until")
_AFTER = {
    Place.REQUEST: (Place.CALLER, Place.DEPLOYMENT),
    Place.DEPLOYMENT: (Place.MODEL,),
    Place.MODEL: (Place.RUN, Place.ACCEPTANCE, Place.IMPORT),
    Place.ACCEPTANCE: (Place.DATASET,),
    Place.RUN: (Place.DATASET, Place.CODE),
}
_LEFT_OUT = {Place.RELEASE, Place.ROWS}  # told with the deployment and the dataset
_LONGEST = 18  # letters of a name in a box


def found(project: Project, asked: Asked) -> Page:
    """Show a page of predictions, newest first."""
    said = {name: asked.text(name) for name in _ASKS}
    wanted = Wanted(
        ident=said["id"],
        environment=said["environment"],
        entity=said["entity"],
        model=said["model"],
        since=read_time(said["since"] or None),
        until=read_time(said["until"] or None),
    )
    limit = asked.whole("limit", PAGE, low=1, high=500)
    before = asked.text("before")
    content = {
        "page": search(project, wanted, before=before, limit=limit),
        "said": said,
        "before": before,
        "environments": environment_names(project),
    }
    options = [each for name in _ASKS[2:] if said[name] for each in (f"--{name}", said[name])]
    options += ["--id", said["id"]] if said["id"] else []
    named = [said["environment"]] if said["environment"] else []
    return Page(
        template="predictions.html",
        title="Predictions",
        content=content,
        command=join(["kervan", "predictions", *named, *options]),
    )


def one(project: Project, asked: Asked) -> Page:
    """Show one prediction with its way, from who asked to the rows behind the model."""
    ident = asked.part("prediction").upper()
    behind = trace(project, ident)
    way = stations(project, behind)
    return Page(
        template="prediction.html",
        title=behind.asked.id,
        content={
            "trace": behind,
            "way": way,
            "nodes": nodes(way, asked),
            "links": {each.place: where(each) for each in way},
        },
        command=join(["kervan", "trace", ident]),
    )


def nodes(way: Sequence[Station], asked: Asked) -> list[Node]:
    """Return the way of a prediction as boxes, each right of what it came from."""
    told = {
        Place.CALLER: asked.say("Who asked"),
        Place.REQUEST: asked.say("Request"),
        Place.DEPLOYMENT: asked.say("Environment"),
        Place.MODEL: asked.say("Model"),
        Place.ACCEPTANCE: asked.say("Acceptance"),
        Place.RUN: asked.say("Run"),
        Place.CODE: asked.say("Code"),
        Place.DATASET: asked.say("Data"),
        Place.IMPORT: asked.say("Trained elsewhere"),
    }
    there = {each.place: each for each in way if each.place not in _LEFT_OUT}
    return [
        Node(
            key=place,
            name=_short(each.name) or told[place],
            note=told[place] if each.name else "",
            after=tuple(before for before in _AFTER.get(place, ()) if before in there),
            href=where(each),
            tone="good" if place is Place.REQUEST else "",
        )
        for place, each in reversed(there.items())
    ]


def _short(name: str) -> str:
    """Shorten a name to what tells it from others: the end of an id."""
    return name if len(name) <= _LONGEST else f"…{name[-10:]}"


def where(station: Station) -> str:
    """Return the page about a station, "" where there is none."""
    leads = {
        Place.DEPLOYMENT: ("releases", station.name),
        Place.MODEL: ("models", station.name),
        Place.RUN: ("runs", station.name),
        Place.DATASET: ("data", station.name),
    }
    return link(*leads[station.place]) if station.place in leads else ""


def form(project: Project, asked: Asked) -> Page:
    """Show the form that asks an environment's model by hand, filled with an example."""
    names = environment_names(project)
    first = PRODUCTION if PRODUCTION in names else next(iter(names), "")
    environment = asked.parts.get("environment", first)
    if not environment:
        return _form("", {"form": None, "environments": []})
    shown = form_of(project, environment)
    content = {"form": shown, "given": {each.name: written(each.example) for each in shown.fields}}
    return _form(environment, {**content, "environments": names, "answer": None, "problem": None})


def ask(project: Project, asked: Asked) -> Page:
    """Ask the model, and show the answer beside what was asked."""
    environment = asked.part("environment")
    shown = form_of(project, environment)
    values = {each.name: asked.text(f"{INPUT}{each.name}") for each in shown.fields}
    content: dict[str, Any] = {"form": shown, "given": values, "answer": None, "problem": None}
    content["environments"] = environment_names(project)
    try:
        content["answer"] = ask_by_hand(project, environment, values)
    except KervanError as error:
        field = error.field if isinstance(error, RefusedRow) else ""
        content["problem"] = {"message": str(error), "hint": error.hint, "field": field}
        return _form(environment, content, status=422)
    return _form(environment, content)


def written(value: Any) -> str:
    """Write a value as people write it into a form."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def _form(environment: str, content: Mapping[str, Any], status: int = 200) -> Page:
    return Page(
        template="ask.html",
        title="Ask by hand",
        content=content,
        command=join(["kervan", "predict", *([environment] if environment else []), "-f", "rows.csv"]),
        status=status,
    )


ROUTES = (
    Route(path="/predictions", shows=found),
    Route(path="/predictions/{prediction}", shows=one),
    Route(path="/ask", shows=form),
    Route(path="/ask/{environment}", shows=form, does=ask),
)
