"""Where the command line meets the rest: projects opened, results shown, errors turned to exit codes."""

from __future__ import annotations

import functools
import inspect
import json
import math
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.core import errors
from kervan.core.shown import STEERING, masked, printable, without_passwords

if TYPE_CHECKING:
    from kervan.app.project import Stage

EXIT_CODES: tuple[tuple[type[errors.KervanError], int], ...] = (
    (errors.InvalidInput, 2),
    (errors.NotFound, 3),
    (errors.Refused, 4),
    (errors.Conflict, 5),
    (errors.StorageFailed, 6),
    (errors.Corrupted, 6),
    (errors.MissingExtra, 7),
    (errors.MissingTool, 7),
    (errors.BrokenPlugin, 7),
    (errors.ServerFailed, 8),
)
_OUR_MARKS = re.compile("\x1b\\[(?:0|1|32|36)m")  # plain, bold, green, cyan


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command gives: a value for `--json`, a text for people, and the exit code."""

    value: Any
    text: str
    code: int = 0


class ListGroup(click.Group):
    """A group that lists when no command is named: `kervan data` is `kervan data list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` in front where only options are given."""
        asks_help = any(arg in {"-h", "--help"} for arg in args)
        if not asks_help and (not args or self.lists(args[0])):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def lists(self, first: str) -> bool:
        """Say whether the first word is one for `list`, and no command."""
        return first.startswith("-")


class ListOrShowGroup(ListGroup):
    """A group whose `list` shows one thing where it is named: `kervan models income` is `… list income`."""

    def lists(self, first: str) -> bool:
        """Say whether the first word names no command."""
        return first not in self.commands


def shows(example: str) -> Callable[[Callable[..., Shown]], Callable[..., int]]:
    """Let a command return `Shown`; adds `--json` and puts the example into the docstring for `--help`."""

    def wrap(function: Callable[..., Shown]) -> Callable[..., int]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> int:
            as_json = kwargs.pop("as_json")
            shown = function(*args, **kwargs)
            say(to_json(shown.value) if as_json else shown.text)
            return shown.code

        lines = "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())
        wrapped.__doc__ = f"{inspect.getdoc(function)}\n\n\b\nExample:\n{lines}"
        option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
        return option(wrapped)

    return wrap


def with_project(function: Callable[..., Shown]) -> Callable[..., Shown]:
    """Give a command the opened project as its first argument; adds `-C` and `--quiet`."""

    @functools.wraps(function)
    def wrapped(*args: Any, folder: Path | None, quiet: bool, **kwargs: Any) -> Shown:
        from kervan.app.project import open_project
        from kervan.core.loading import is_project

        project = open_project(folder, observe=observer(quiet))
        if not is_project(project.config.folder):
            raise errors.NotFound(
                f"there is no project in {project.config.folder.resolve()}",
                hint="start one with `kervan init`, or name its folder with -C",
            )
        try:
            return function(project, *args, **kwargs)
        finally:
            project.store.close()

    quiet = click.option("-q", "--quiet", is_flag=True, help="Do not show progress.")
    folder = click.option(
        "-C",
        "--project",
        "folder",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="The project's folder; by default the one around here.",
    )
    return folder(quiet(wrapped))


class Number(click.FloatRange):
    """A number in a range, which `nan` is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it, or fail."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def takes_quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command without progress take `--quiet` too, so that scripts can say it everywhere."""
    told = "Taken as everywhere; here is no progress to show."
    return click.option("-q", "--quiet", is_flag=True, expose_value=False, help=told)(function)


def takes_row(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--row`; several of them are refused, of which the last alone would count."""
    option = click.option("-r", "--row", "row", multiple=True, callback=_one_row, help="One row as JSON.")
    taking: Callable[..., Any] = option(function)
    return taking


def _one_row(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str | None:
    if len(given) > 1:
        raise click.UsageError("--row gives one row; write several as a list into a file: -f rows.json")
    return given[0] if given else None


def fail(error: BaseException, *, as_json: bool) -> int:
    """Print an error with its hint and return the exit code; what is no user's mistake is kept as a bug."""
    named = _named(error)
    if named is None:
        _report_bug(error)
        return 1
    if as_json:
        fail_as_json(type(named).__name__, str(named), named.hint)
    else:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True, color=colours())
        say(_with_place(named), err=True)
        if named.hint:
            say(f" hint: {named.hint}", err=True)
    return next((code for kind, code in EXIT_CODES if isinstance(named, kind)), 1)


def colours() -> bool | None:
    """Say that nothing is coloured (https://no-color.org), or None: on a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def fail_as_json(kind: str, message: str, hint: str) -> None:
    """Print an error as one JSON object."""
    say(to_json({"error": kind, "message": message, "hint": hint}), err=True)


def to_json(value: Any) -> str:
    """Write a value as readable JSON; letters of every script stay letters, none steers a terminal."""
    import msgspec

    plain = masked(msgspec.to_builtins(value, enc_hook=str))
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    return STEERING.sub(lambda found: json.dumps(found[0])[1:-1], text)


def say(text: str, *, err: bool = False) -> None:
    """Print a text for people: the one place from which anything gets to their terminal.

    Names and values come from tables and packages of others, so only our own marks may steer it.
    """
    parts = _OUR_MARKS.split(text)
    marks = _OUR_MARKS.findall(text)
    clean = "".join(
        without_passwords(printable(part)) + mark for part, mark in zip(parts, [*marks, ""], strict=True)
    )
    click.echo(clean, err=err, color=colours())


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]], empty: str = "none yet") -> str:
    """Lay out rows in columns; numbers are set to the right."""
    if not rows:
        return empty
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headers, *cells, strict=True)]
    right = [all(isinstance(row[place], int | float) for row in rows) for place in range(len(headers))]
    lines = [_line(headers, widths, right)]
    lines += [_line(row, widths, right) for row in cells]
    lines[0] = click.style(lines[0], bold=True)
    return "\n".join(lines)


def observer(quiet: bool) -> Callable[[Stage], None]:
    """Return what shows progress on the standard error, or stays silent."""

    def observe(stage: Stage) -> None:
        if quiet:
            return
        mark = (
            click.style("·", fg="cyan")
            if stage.cached or stage.seconds is None
            else click.style("✓", fg="green")
        )
        say(f"{mark} {' '.join(stage.text.splitlines())}", err=True)

    return observe


def _named(error: BaseException) -> errors.KervanError | None:
    """Return the error as one of ours, if it is a user's to mend."""
    if isinstance(error, errors.KervanError):
        return error
    if isinstance(error, ModuleNotFoundError):
        from kervan.core.plugins import EXTRAS, missing_module

        module = missing_module(error)
        return errors.MissingExtra(module, EXTRAS[module]) if module in EXTRAS else None
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        where = f"{error.filename}: {os.strerror(error.errno)}"
        return errors.StorageFailed(where, hint="check the path, its permissions and the free space")
    return None


def _report_bug(error: BaseException) -> None:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="kervan-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write("".join(traceback.format_exception(error)))
    click.secho("this is a bug in Kervan: ", fg="red", bold=True, nl=False, err=True, color=colours())
    say(f"{type(error).__name__}: {error}", err=True)
    click.echo(f" hint: please report it with {file.name}", err=True)


def _with_place(error: errors.KervanError) -> str:
    if isinstance(error, errors.RefusedRow) and error.field and error.field not in str(error):
        return f"row {error.row}, {error.field}: {error}"
    return str(error)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return " ".join(str(value).splitlines())


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for cell, width, at_right in zip(cells, widths, right, strict=True):
        pad = " " * (width - _width(cell))
        parts.append(pad + cell if at_right else cell + pad)
    return "  ".join(parts).rstrip()


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)
