"""Commands that bring models to other places, and look at what runs there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli import complete
from kervan.cli.edge import Shown, shows, table, with_project
from kervan.cli.release import said_of
from kervan.core.errors import NotFound, did_you_mean

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.render import Rendered, Row
    from kervan.core.nouns import Finding

_MODEL = click.argument("model")
_TARGET = click.option(
    "--target",
    default="",
    help="The place: `kervan targets` lists them. By default `target` in [release].",
    shell_complete=complete.targets,
)
_TO = click.option("--to", default="", help="The environment; by default `to` in [release], else production.")


@click.command()
@_MODEL
@_TARGET
@_TO
@click.option("--why", default="", help="Goes on record.")
@click.option("--strategy", default="", help="How traffic moves there: at-once (usual), canary, …")
@click.option("--steps", default="", help="Shares in percent, one after the other: 5,25,50,100.")
@click.option("--dry-run", is_flag=True, help="Only render and check; nothing is sent.")
@shows(
    example="""kervan deploy income@1.3.0 --target kubernetes --to production --why "new features"
               kervan deploy income@1.3.0 --target lambda --strategy canary --steps 5,50
               kervan deploy income@1.3.0 --target local-container --to trial
               kervan deploy income@1.3.0 --target cloud-run --dry-run"""
)
@with_project
def deploy(
    project: Project, model: str, target: str, to: str, why: str, strategy: str, steps: str, dry_run: bool
) -> Shown:
    """Let a MODEL answer in another place: render its files, check them, make the image, apply.

    What the place would refuse is said before anything is sent. `kervan releases` shows all places,
    `kervan logs` what a server writes, `kervan release roll-back` takes back what came, and
    `kervan release --stop` takes it away.
    """
    from kervan.app.release import release
    from kervan.app.terms import changed, read_steps

    said = {"target": target, "strategy": strategy, "steps": read_steps(steps) if steps else ""}
    changes = {name: value for name, value in said.items() if value}
    project = project.with_settings(release=changed(project.config.release, changes))
    where = _environment(project, to)
    if dry_run:
        return _shown(_rendered(project, model, where))
    done = release(project, model, to=where, why=why)
    return Shown(done, said_of(project, done))


@click.command()
@_MODEL
@_TARGET
@_TO
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Their folder; usual: only listed.",
)
@click.option("--beside", default="", help="The model that answers there now: MODEL is a canary beside it.")
@click.option(
    "--percent",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    default=5.0,
    help="How much of the traffic the canary gets: 5 (usual).",
)
@shows(
    example="""kervan render income@1.3.0 --target kubernetes -o deploy/
               kervan render income@1.3.0 --target kubernetes --beside income@1.2.0 --percent 10 -o deploy/
               kervan render income@1.3.0 --target terraform -o infrastructure/ --to staging
               kervan render income@1.3.0 --target power-bi --json"""
)
@with_project
def render(
    project: Project, model: str, target: str, to: str, output: Path | None, beside: str, percent: float
) -> Shown:
    """Write what would be deployed of a MODEL as files that can be read, compared and committed.

    They are checked as `kervan deploy` checks them: exit code 1 if the place would refuse what they say,
    whether or not it could be reached from here. Nothing is sent, and no secret is written.
    """
    from kervan.app.render import write_rendered, write_zip

    if target:
        from kervan.app.terms import changed

        project = project.with_settings(release=changed(project.config.release, {"target": target}))
    found = _rendered(project, model, _environment(project, to), beside, percent)
    if output is not None:
        write_rendered(found, output)
        write_zip(project, found, output)
    return _shown(found, output, only_files=True)


@click.command()
@click.argument("name", default="", shell_complete=complete.targets)
@shows(
    example="""kervan targets
               kervan targets kubernetes"""
)
def targets(name: str) -> Shown:
    """List the places that models can be deployed to, or say of one by NAME how far it was seen to work."""
    from kervan.app.render import targets as known

    found = known()
    if name:
        rows = {each.name: each for each in found}
        if name not in rows:
            raise NotFound(f"there is no target {name!r}", hint=did_you_mean(name, rows))
        return Shown(rows[name], _target(rows[name]))
    listed = table(
        ("target", "is", "releases by"), [(each.name, each.about.title, _by(each)) for each in found]
    )
    return Shown(found, f"{listed}\n\n`kervan targets NAME` says how far one was seen to work.")


def _by(row: Row) -> str:
    return ", ".join(row.about.strategies) if row.about.applies else "files that you apply"


_NEEDS = {"image": "an image, which Kervan makes", "zip": "a ZIP, which Kervan makes"}


def _target(row: Row) -> str:
    about = row.about
    told = {
        "target": row.name,
        "is": about.title,
        "strategies": ", ".join(about.strategies),
        "applied by": (about.tool or "Kervan") if about.applies else f"you: {about.tool}",
        "needs": _NEEDS.get(about.artefact, ""),
        "settings": f"[targets.{row.name}] in kervan.toml",
        "checked by": about.checked,
        "seen": about.proved,
        "brought by": row.distribution,
    }
    return "\n".join(f"{name:<12}{value}" for name, value in told.items() if value)


@click.command()
@click.argument("environment", default="")
@click.option("-n", "--lines", type=click.IntRange(1), default=100, show_default=True, help="How many lines.")
@shows(
    example="""kervan logs
               kervan logs staging -n 20"""
)
@with_project
def logs(project: Project, environment: str, lines: int) -> Shown:
    """Show the newest lines that the servers of an ENVIRONMENT have written, wherever they run."""
    from kervan.app.inside import logs as newest

    found = newest(project, _environment(project, environment), lines=lines)
    return Shown(list(found), "\n".join(found) if found else "nothing was written yet")


@click.command()
@click.argument("environment", default="")
@shows(example="kervan shell production")
@with_project
def shell(project: Project, environment: str) -> Shown:
    """Open a shell where an ENVIRONMENT answers."""
    from kervan.app.inside import shell as opened

    ended = subprocess.run([*opened(project, _environment(project, environment))], check=False)
    return Shown({"exit": ended.returncode}, f"the shell ended with {ended.returncode}", ended.returncode)


def _environment(project: Project, named: str) -> str:
    from kervan.app.environments import PRODUCTION

    return named or project.config.release.to or PRODUCTION


def _rendered(
    project: Project, model: str, environment: str, beside: str = "", percent: float = 5.0
) -> Rendered:
    from kervan.app.render import render as rendered

    return rendered(project, model, to=environment, beside=beside, percent=percent)


def _shown(found: Rendered, folder: Path | None = None, *, only_files: bool = False) -> Shown:
    """Tell which files there are and what the place would say: of `only_files`, or of a release from here."""
    from kervan.core.places import ABOUT_HERE

    where = f" in {folder}" if folder is not None else ""
    lines = [f"{found.model} for {found.target}, as {found.environment}: {len(found.files)} files{where}"]
    lines += [f"  {name} ({len(text.encode()):,} bytes)" for name, text in found.files.items()]
    wrong = [each for each in found.findings if each.verdict == "failed"]
    unasked = [each for each in wrong if only_files and each.rule in ABOUT_HERE]
    lines += [_found(each) for each in found.findings if each not in unasked]
    lines += [f"before it is applied: {each.advice}" for each in unasked]
    is_refused = len(wrong) > len(unasked)
    if found.cost is not None:
        lines.append(
            f"likely ${found.cost.low:,.2f} to ${found.cost.high:,.2f} a month: {found.cost.assumed}"
        )
    if not found.findings:
        lines.append("nothing that the place would refuse was found")
    return Shown(found, "\n".join(lines), code=1 if is_refused else 0)


def _found(finding: Finding) -> str:
    return f"{finding.verdict}: {finding.advice}"
