"""Writes `docs/reference/cli.md` from the commands themselves: `python tests/docs/cli_reference.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from kervan.cli.root import COMMANDS, kervan

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
_HEAD = """\
# Commands

What `kervan COMMAND --help` shows, for every command. Results go to the standard output and progress to the
standard error; with `--json` the result is JSON. The [exit codes](errors.md) say what kind of error it was.
"""


def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield a command and, if it is a group, the commands in it, each with its full name."""
    context = click.Context(command, info_name=name, terminal_width=96, help_option_names=["-h", "--help"])
    yield name, command, context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from walk(f"{name} {inner}", found)


def all_commands() -> list[tuple[str, click.Command, click.Context]]:
    """Return every command of the command line by its full name, in the order of the help."""
    context = click.Context(kervan)
    named = [(name, kervan.get_command(context, name)) for name in COMMANDS]
    return [each for name, command in named if command for each in walk(f"kervan {name}", command)]


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for name, command, context in all_commands():
        level = "##" if name.count(" ") == 1 else "###"
        parts.append(f"{level} {name}\n\n```text\n{_plain(command.get_help(context))}\n```\n")
    return "\n".join(parts)


def _plain(text: str) -> str:
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
