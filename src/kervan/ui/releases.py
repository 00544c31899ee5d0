"""Pages about releases: what answers where with which share, how a release goes, and what is said to it."""

from __future__ import annotations

from functools import partial
from shlex import join
from typing import TYPE_CHECKING, Any

from kervan.app import steering
from kervan.app.environment import environment, environments
from kervan.app.environments import PRODUCTION, find_deployment
from kervan.app.permission import approve
from kervan.app.register import find_model, models
from kervan.app.release import Consent, release, stop
from kervan.app.terms import changed, read_steps, strategies
from kervan.ui.asked import link
from kervan.ui.page import Done, Page, Route, Work

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked

_NEWEST = 50  # versions to choose among
_SAYS = {
    "promote": steering.promote,
    "pause": steering.pause,
    "resume": steering.resume,
    "roll-back": steering.roll_back,
}


def overview(project: Project, asked: Asked) -> Page:
    """Show all environments, and the form that lets a model come to one."""
    found = environments(project)
    content = {
        "environments": found,
        "models": [each.ref for each in models(project)[:_NEWEST]],
        "strategies": strategies(),
        "to": project.config.release.to or PRODUCTION,
        "chosen": asked.text("model"),
    }
    return Page(
        template="releases.html",
        title="Releases",
        content=content,
        command="kervan releases",
        is_live=bool(found),
    )


def one(project: Project, asked: Asked) -> Page:
    """Show how one environment stands, and how a release goes there."""
    found = environment(project, asked.part("environment"))
    return Page(
        template="release.html",
        title=found.name,
        content=found,
        command="kervan releases --watch",
        is_live=True,
    )


def begin(project: Project, asked: Asked) -> Work:
    """Let a model come to answer: one on record, no file that somebody names."""
    model, to = asked.text("model"), asked.text("to", PRODUCTION)
    if model:
        model = find_model(project, model).ref
    said: dict[str, Any] = {
        name: value for name in ("strategy", "every", "sticky", "rule") if (value := asked.text(name))
    }
    if samples := asked.whole("samples", 0):
        said["samples"] = samples
    if steps := asked.text("steps"):
        said["steps"] = read_steps(steps)
    if guard := asked.text("guard"):
        said["guards"] = (guard,)
    why = asked.text("why")
    arguments = {
        "model": model,
        "to": to,
        "why": why,
        "said": said,
        "consent": Consent(breaking=asked.flag("breaking"), again=asked.flag("again")),
    }
    title = asked.say("Release {model} to {environment}", model=model or "–", environment=to)
    return Work(
        title=title,
        about=f"release {to}",
        function=let_come,
        arguments=arguments,
        command=_command(model, to, why, said),
    )


def let_come(
    project: Project, *, model: str, to: str, why: str, said: dict[str, Any], consent: Consent | None = None
) -> Done:
    """Release a model, in a process of its own."""
    wanted = project.with_settings(release=changed(project.config.release, said))
    done = release(wanted, model, to=to, why=why, consent=consent)
    return Done(text=f"{done.told()} · {done.endpoint}", to=link("releases", done.name))


def say(what: str, project: Project, asked: Asked) -> Done:
    """Tell a release to go on, to hold, or to go back."""
    name = asked.part("environment")
    _SAYS[what](project, name, why=asked.text("why"))
    told = {
        "promote": asked.say("Promoted: it answers all requests of {environment} now.", environment=name),
        "pause": asked.say("The release to {environment} is paused.", environment=name),
        "resume": asked.say("The release to {environment} goes on.", environment=name),
        "roll-back": asked.say("Rolled back: the version before answers in {environment}.", environment=name),
    }
    return Done(text=told[what], to=link("releases", name))


def take_away(project: Project, asked: Asked) -> Done:
    """Stop an environment's server."""
    name = asked.part("environment")
    stop(project, name, why=asked.text("why"))
    told = asked.say("{environment} is stopped: nobody is answered there.", environment=name)
    return Done(text=told, to=link("releases", name))


def bring_back(project: Project, asked: Asked) -> Work:
    """Start an environment's server again."""
    name, why = find_deployment(project, asked.part("environment")).name, asked.text("why")
    title = asked.say("Bring {environment} back", environment=name)
    arguments: dict[str, Any] = {"model": "", "to": name, "why": why, "said": {}}
    return Work(
        title=title,
        about=f"release {name}",
        function=let_come,
        arguments=arguments,
        command=_command("", name, why, {}),
    )


def agree(project: Project, asked: Asked) -> Done:
    """Agree that a model may be released."""
    model, to = asked.text("model"), asked.text("to", PRODUCTION)
    event = approve(project, model, environment=to, why=asked.text("why"))
    told = asked.say("{who} agrees that {model} may be released", who=event.actor, model=event.body["ref"])
    return Done(text=told, to=link("releases"))


def _command(model: str, to: str, why: str, said: dict[str, Any]) -> str:
    """Return the line that does the same."""
    words = ["kervan", "release", *([model] if model else []), "--to", to]
    for name, value in said.items():
        if name == "guards":
            words += ["--guard", *value]
        elif name == "steps":
            words += ["--steps", ",".join(f"{each:g}" for each in value)]
        else:
            words += [f"--{name}", str(value)]
    return join([*words, *(["--why", why] if why else [])])


ROUTES = (
    Route(path="/releases", shows=overview, does=begin),
    Route(path="/approvals", does=agree),
    Route(path="/releases/{environment}", shows=one),
    *(Route(path=f"/releases/{{environment}}/{what}", does=partial(say, what)) for what in _SAYS),
    Route(path="/releases/{environment}/stop", does=take_away),
    Route(path="/releases/{environment}/start", does=bring_back),
)
