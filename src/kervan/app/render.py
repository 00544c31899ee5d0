"""What would be released to a place, as files: to be read, compared and committed without applying them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from kervan.app.checked import checked
from kervan.app.planned import check_strategy, plan_of, sized
from kervan.app.realise import rendered_for
from kervan.app.register import find_model
from kervan.app.supply import supply
from kervan.core.errors import Conflict, InvalidInput, NotFound
from kervan.core.identity import check_name
from kervan.core.places import Artefact
from kervan.core.plugins import plugin, plugins
from kervan.deploy.prices import TABLE, Usage, estimate, read_prices
from kervan.deploy.rendered import foreign_files, write_files
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Finding, Model
    from kervan.core.places import Place
    from kervan.core.ports import Target
    from kervan.core.serving import Plan
    from kervan.deploy.prices import Estimate


_PRICED = {"lambda-image": "lambda"}  # under whose name a place stands in the table
_SECONDS = 0.05  # for a request, where no profile says it
_INSTANCE = "ml.m5.large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A target: its name, what is true of it, and which distribution brings it ("" for Kervan)."""

    name: str
    about: Place
    distribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Files for a place, and what the place would say of them; `artefact` is what it needs besides.

    `cost` is what it is likely to cost in a month, None where the table of prices does not know the place.
    """

    model: str
    target: str
    environment: str
    files: Mapping[str, str]
    findings: tuple[Finding, ...]
    artefact: Artefact
    cost: Estimate | None


def targets() -> list[Row]:
    """Return every target that is installed."""
    found = plugins("target")
    return [
        Row(name=name, about=plugin("target", name).about, distribution=found[name].distribution)
        for name in sorted(found)
    ]


def render(project: Project, ref: str, *, to: str, beside: str = "", percent: float = 5.0) -> Rendered:
    """Return what a release of a model to an environment would tell its target. Nothing is written or sent.

    With `beside`, the model that answers there, it is a canary, which gets so many percent of the traffic.
    Raises `NotFound` for a model or target that is not there, `InvalidConfig` for its settings, and `Refused`
    for a canary where there can be none.
    """
    model = find_model(project, ref)
    models = [find_model(project, beside), model] if beside else [model]
    plan = sized(project, model, plan_of(project))
    environment = check_name(to, "an environment")
    shares = {model.ref: 1.0}
    if beside:
        check_strategy("canary", plan.target)
        if models[0].ref == model.ref:
            raise InvalidInput(
                f"{model.ref} cannot stand beside itself", hint="name the one that answers now"
            )
        shares = {models[0].ref: 1 - percent / 100, model.ref: percent / 100}
    files = rendered_for(project, shares, environment, plan)
    target: Target = plugin("target", plan.target)
    return Rendered(
        model=model.ref,
        target=plan.target,
        environment=environment,
        files={path.as_posix(): text for path, text in files.items()},
        findings=tuple(checked(project, models, files, plan)),
        artefact=target.about.artefact,
        cost=_cost(project, model, plan),
    )


def _cost(project: Project, model: Model, plan: Plan) -> Estimate | None:
    """Estimate by the project's own table of prices, or ours, and by what the model's profile was for."""
    from kervan.app.profile import newest_profile  # brings what measures

    own = project.config.folder / TABLE.name
    found = newest_profile(project, model)
    usage = Usage(
        requests=found.rate if found else 1.0,
        seconds=(found.cpu_seconds if found else None) or _SECONDS,
        cpu=plan.cpu,
        memory=plan.memory,
        replicas=plan.workers,
        most=plan.most_workers,
        instance=str(plan.settings.get("instance", _INSTANCE)),
    )
    try:
        return estimate(
            _PRICED.get(plan.target, plan.target), usage, read_prices(own if own.is_file() else TABLE)
        )
    except NotFound:
        return None


def write_rendered(rendered: Rendered, folder: Path) -> None:
    """Write rendered files into a folder; those that were rendered there before and are no more go away.

    Raises `Conflict` where a file is in the way that was not rendered, before anything is written.
    """
    files = {PurePath(name): text for name, text in rendered.files.items()}
    with storage_errors(str(folder)):
        foreign = foreign_files(folder, files)
        if foreign:
            raise Conflict(
                f"{foreign[0]} was not rendered, and would be lost", hint="move it, or name another folder"
            )
        write_files(folder, files)


def write_zip(project: Project, rendered: Rendered, folder: Path) -> None:
    """Write the ZIP beside the files of a target that others apply: they have nothing else to get it from."""
    target: Target = plugin("target", rendered.target)
    if rendered.artefact is Artefact.ZIP and not target.about.applies:
        supply(project, [find_model(project, rendered.model)], plan_of(project), folder)
