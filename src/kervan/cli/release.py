"""Commands about releases."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import Number, Shown, say, shows, table, with_project
from kervan.core.errors import did_you_mean
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.standing import Standing
    from kervan.core.config import ReleaseSettings
    from kervan.core.nouns import Deployment

_SAID = ("pause", "resume", "promote", "roll-back")
_WATCH_SECONDS = 1.0


@click.command()
@click.argument("model", default="")
@click.argument("environment", default="")
@click.option("--to", default="", help="The environment; by default `to` in [release], else production.")
@click.option("--from", "origin", default="", help="Instead of MODEL: what answers in this environment.")
@click.option("--why", default="", help="Goes on record.")
@click.option(
    "--strategy",
    default="",
    help="at-once (usual), blue-green, canary, rolling, shadow, ab or bandit.",
)
@click.option("--steps", default="", help="Shares in percent, one after the other: 5,25,50,100.")
@click.option("--every", default="", help="How long a step may take if nothing is proven: 10m (usual).")
@click.option("--samples", type=click.IntRange(1), help="Requests that each step needs: 300 (usual).")
@click.option("--guard", "guards", multiple=True, help='What must hold: "p99 < 20ms". May be repeated.')
@click.option("--sticky", default="", help='By what callers stay with a version: "entity", or a header.')
@click.option("--rule", default="", help="Whose rows the candidate gets: city=Ankara,İzmir.")
@click.option("--target", default="", help="Where it is to run: local (usual); `kervan targets` lists them.")
@click.option("--breaking", is_flag=True, help="Those who ask know that they have to ask otherwise.")
@click.option("--again", is_flag=True, help="Although it was rolled back before; say --why.")
@click.option("--wait", is_flag=True, help="Until it is promoted (0) or rolled back (1).")
@click.option("--port", type=click.IntRange(0, 65535), help="The server's port; 0 takes a free one.")
@click.option("--stop", is_flag=True, help="Take the environment's server away instead.")
@shows(
    example="""kervan release income@1.0.0 --to production --why "first model"
               kervan release income@1.3.0 --strategy canary --steps 5,25,50,100 --guard "p99 < 20ms"
               kervan release --from staging --to production --why "a week without a complaint"
               kervan release roll-back production --why "complaints from the branches"
               kervan release ./cells.kervan --why "from the laboratory, tried by hand"
               kervan release --stop --to production"""
)
@with_project
def release(project: Project, model: str, environment: str, to: str, why: str, **told: Any) -> Shown:
    """Let a model come to answer in an environment, without failing a request.

    MODEL may also be a package of this project, a folder or one file, such as an imported one. Without it,
    what was stopped comes back; in a new environment the newest model answers.

    `pause`, `resume`, `promote` and `roll-back` with an ENVIRONMENT say what becomes of a release under way;
    `roll-back` also takes back what was promoted.
    """
    from kervan.app.environments import PRODUCTION, find_deployment
    from kervan.app.release import Consent, stop
    from kervan.app.release import release as let_come

    where = to or environment or project.config.release.to or PRODUCTION
    if model in _SAID or told["stop"]:
        _check_alone(model, environment, to, told)
    if model in _SAID:
        return _steer(project, model, where, why)
    if environment:
        near = did_you_mean(model, _SAID)
        meant = f" {near[0].upper()}{near[1:]}" if near.startswith("did you mean") else ""
        raise click.UsageError(f"what is {environment!r}? Name the environment by --to.{meant}")
    if told["stop"]:
        stopped = stop(project, where, why=why)
        usual = project.config.release.to or PRODUCTION
        back = "kervan release" if stopped.name == usual else f"kervan release --to {stopped.name}"
        return Shown(stopped, f"{stopped.name} is stopped; `{back}` brings it back")
    if told["origin"]:
        if model:
            raise click.UsageError("name a MODEL, or by --from the environment in which it answers")
        model = find_deployment(project, told["origin"]).main
    project = project.with_settings(release=_settings(project.config.release, told))
    consent = Consent(breaking=told["breaking"], again=told["again"])
    done = let_come(project, model, to=where, why=why, consent=consent)
    if told["wait"] and done.release:
        return _waited(project, done)
    return Shown(done, said_of(project, done))


def _check_alone(model: str, environment: str, to: str, told: dict[str, Any]) -> None:
    """Raise an error for what was said although it has nothing to do with what is to be done."""
    does = model if model in _SAID else "--stop"
    said = [name for name, value in told.items() if value is not None and value not in (False, "", ())]
    more = [f"--{name.removesuffix('s') if name == 'guards' else name}" for name in said]
    if told["port"] == 0:
        more.append("--port")
    if does == "--stop" and model:
        more.append(model)
    if environment and to and environment != to:
        more.append(f"--to {to}")
    wrong = next((each for each in more if each != does), None)
    if wrong is not None:
        raise click.UsageError(f"{does} and {wrong} do not go together: nothing was done")


def _settings(settings: ReleaseSettings, told: dict[str, Any]) -> ReleaseSettings:
    """Return the settings with what was said instead."""
    from kervan.app.terms import changed, read_steps

    said = {name: told[name] for name in ("strategy", "every", "samples", "sticky", "target", "port", "rule")}
    changes = {name: value for name, value in said.items() if value not in {"", None}}
    if told["steps"]:
        changes["steps"] = read_steps(told["steps"])
    if told["guards"]:
        changes["guards"] = told["guards"]
    return changed(settings, changes)


def said_of(project: Project, done: Deployment) -> str:
    """Tell what a release did, or what it has begun."""
    from kervan.app.permission import under_way

    if under_way(project, done.name) is None:
        return f"{done.main} answers in {done.name} at {done.endpoint}"
    return f"{done.told()} in {done.name} at {done.endpoint}; `kervan releases --watch` shows how it goes"


def _steer(project: Project, what: str, environment: str, why: str) -> Shown:
    from kervan.app import steering

    if what in {"pause", "resume"}:
        going = (steering.pause if what == "pause" else steering.resume)(project, environment, why=why)
        return Shown(going, f"the release of {going.model} to {environment} is {going.status}")
    done = (steering.promote if what == "promote" else steering.roll_back)(project, environment, why=why)
    return Shown(done, f"{done.main} answers in {done.name} at {done.endpoint}")


def _waited(project: Project, done: Deployment) -> Shown:
    """Wait for the end of a release, and tell how it ended."""
    from kervan.core.releasing import Release, Status

    last = ""
    while not (found := project.store.catalog.get(Release, done.release)).status.is_over:
        now = next((_line(each) for each in _current(project) if each.deployment.name == done.name), "")
        if now != last:
            project.remark("release", now)
            last = now
        time.sleep(_WATCH_SECONDS)
    is_well = found.status is Status.PROMOTED
    text = f"{found.model} was {found.status} in {found.name}: {found.reason}"
    return Shown(found, text, code=0 if is_well else 1)


@click.command()
@click.option("--watch", is_flag=True, help="Show again and again how releases under way go.")
@shows(
    example="""kervan releases
               kervan releases --watch"""
)
@with_project
def releases(project: Project, watch: bool) -> Shown:
    """Show what runs or ran where, its share, how it goes, since when, by whom, and why; newest first."""
    import msgspec

    from kervan.app.standing import standings

    if watch:
        _watch(project)
    found = standings(project)
    value = [
        {
            **msgspec.to_builtins(each.deployment),
            "state": each.state,
            "verdict": each.verdict,
            "under_way": msgspec.to_builtins(each.release)
            if each.release is not None and not each.release.status.is_over
            else None,
            "judgement": msgspec.to_builtins(each.progress.judgement) if each.progress else None,
            "observed": {
                "stable": msgspec.to_builtins(each.progress.stable),
                "candidate": msgspec.to_builtins(each.progress.candidate),
            }
            if each.progress
            else None,
        }
        for each in found
    ]
    headers = ("", "environment", "model", "address", "since", "by", "verdict", "why")
    return Shown(value, table(headers, _rows(found), empty="nothing was released yet: `kervan release`"))


def _rows(found: list[Standing]) -> list[tuple[str, ...]]:
    """Return a row for each deployment. How a release went stands once, at its newest, with its reason."""
    told: set[str] = set()
    rows: list[tuple[str, ...]] = []
    for each in found:
        deployment = each.deployment
        verdict = "" if deployment.release in told else each.verdict
        told.add(deployment.release)
        reason = each.release.reason if verdict and each.release else ""
        rows.append(
            (
                "●" if each.state == "running" else each.state,
                deployment.name,
                deployment.told(),
                deployment.endpoint,
                moment(deployment.time),
                deployment.creator,
                verdict,
                "" if reason and deployment.why.endswith(reason) else deployment.why,
            )
        )
    return rows


def _current(project: Project) -> list[Standing]:
    from kervan.app.standing import standings

    return [each for each in standings(project) if each.state]


def _watch(project: Project) -> None:
    """Show how what is under way goes until nothing is; in a terminal in one place, else a line each time."""
    last: list[str] = []
    is_seen = sys.stdout.isatty()
    while True:
        found = _current(project)
        lines = [_line(each) for each in found]
        if lines != last:
            if is_seen and last:
                click.echo(f"\x1b[{len(last)}A\x1b[J", nl=False)
            for line in lines:
                say(line)
            last = lines
        if not any(each.release and not each.release.status.is_over for each in found):
            return
        time.sleep(_WATCH_SECONDS)


def _line(each: Standing) -> str:
    """Tell in one line how an environment stands."""
    text = f"{each.deployment.name}: {each.deployment.told()}"
    if each.progress is not None:
        judged = each.progress.judgement
        errors = _pair(judged, "errors", lambda value: f"{value:.2%}")
        slow = _pair(judged, "p99", lambda value: f"{value * 1000:.3g} ms")
        text += f", {judged.samples:,} requests to {each.deployment.candidate}, errors {errors}, p99 {slow}"
        shadow = each.progress.candidate
        if shadow.compared:
            text += f", {shadow.changed / shadow.compared:.1%} of {shadow.compared:,} rows answered otherwise"
    return f"{text}; {each.verdict}" if each.verdict else text


def _pair(judged: Any, metric: str, shown: Any) -> str:
    found = next((each for each in judged.measures if each.metric == metric), None)
    values = (None, None) if found is None else (found.stable, found.candidate)
    return " → ".join("–" if value is None else shown(value) for value in values)


@click.command()
@click.argument("environment", default="")
@click.option(
    "--alpha",
    type=Number(0.0001, 0.5),
    default=0.05,
    show_default=True,
    help="The chance that an interval is ever wrong.",
)
@shows(
    example="""kervan experiment
               kervan experiment staging --json"""
)
@with_project
def experiment(project: Project, environment: str, alpha: float) -> Shown:
    """Show what the versions that share an ENVIRONMENT brought: rewards, and right answers where labels came.

    One may look at any time: the intervals hold at all times together.
    """
    from kervan.app.environments import PRODUCTION
    from kervan.app.experiment import experiment as compare

    where = environment or project.config.release.to or PRODUCTION
    found = compare(project, where, alpha=alpha)
    rows = [
        (each.metric, arm.model, f"{arm.figures:,}", _number(arm.mean), _interval(arm.interval))
        for each in found
        for arm in each.arms
    ]
    shown = table(("about", "model", "came back", "mean", f"interval ({1 - alpha:.4g})"), rows)
    nothing = "nothing came back yet: callers tell by `POST /feedback`, or you by `kervan feedback`"
    return Shown(found, "\n".join([shown, "", *(each.said for each in found)]) if found else nothing)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"{ends[0]:.4g} to {ends[1]:.4g}"


@click.command()
@click.argument("model")
@click.option("--for", "environment", default="production", show_default=True, help="The environment.")
@click.option("--why", default="", help="Goes on record; it is needed.")
@shows(example='kervan approve income@1.3.0 --for production --why "checked the figures of May"')
@with_project
def approve(project: Project, model: str, environment: str, why: str) -> Shown:
    """Agree on record that a model may be released to an environment; [release] says how many have to."""
    from kervan.app.permission import approve as agree

    event = agree(project, model, environment=environment, why=why)
    return Shown(event, f"{event.actor} agrees that {event.body['ref']} may be released to {environment}")
