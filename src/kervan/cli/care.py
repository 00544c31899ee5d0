"""Commands that keep a project well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@shows(example="kervan gc --dry-run")
@with_project
def gc(project: Project, dry_run: bool) -> Shown:
    """Remove stored files that no record refers to and that are older than an hour."""
    from kervan.app.gc import collect_garbage

    found = collect_garbage(project, dry_run=dry_run)
    what = "would remove" if dry_run else "removed"
    count = len(found.files) + len(found.leftovers)
    return Shown(found, f"{what} {count} files ({found.size / 2**20:.1f} MiB), keeps {found.kept}")


@click.command()
@shows(example="kervan doctor")
@with_project
def doctor(project: Project) -> Shown:
    """Look at everything that can be wrong, and say how to mend it. Ends with 6 if something failed."""
    from kervan.app.doctor import examine
    from kervan.core.nouns import Verdict

    found = examine(project)
    rows = [(str(each.verdict), each.subject, each.message, each.hint) for each in found]
    failed = any(each.verdict is Verdict.FAILED for each in found)
    return Shown(found, table(("", "what", "found", "to do"), rows), 6 if failed else 0)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Example:
      eval "$(kervan completion bash)"     # in ~/.bashrc
      kervan completion fish > ~/.config/fish/completions/kervan.fish
    """
    from click.shell_completion import get_completion_class

    from kervan.cli.root import kervan

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(kervan, {}, "kervan", "_KERVAN_COMPLETE").source())
