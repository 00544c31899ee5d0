"""Checks proposed for the project's table, or read from another library's file, as lines of `kervan.toml`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.checks import find_dataset, loaded_table
from kervan.app.parts import read_part
from kervan.app.settings_file import read_settings_file, write_settings_file
from kervan.core.loading import FILE_NAME
from kervan.core.nouns import Role
from kervan.data.checks.imports.read import read_checks
from kervan.data.checks.suggest import suggest
from kervan.data.checks.written import as_lines
from kervan.data.columns import infer_schema
from kervan.data.pieces import spread

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.checking import Check
    from kervan.data.checks.written import Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """Proposed checks and their lines for `kervan.toml`; `left_out` says what could not be expressed."""

    source: str
    checks: tuple[Check, ...]
    lines: str
    left_out: tuple[str, ...] = ()


def suggest_checks(project: Project, what: str = "", *, folder: Path | None = None) -> Suggested:
    """Propose checks from a file, a dataset's training part, or by default the project's source.

    Columns that have a check already are left alone. Of protected columns no value is written.
    """
    settings = project.config.data
    source = what or settings.source
    dataset = find_dataset(project, source) if what and not (folder and (folder / what).exists()) else None
    with project.stage("suggest") as tell:
        if dataset is None:
            with loaded_table(project, source, folder or project.config.folder) as (loaded, _):
                table = spread(loaded.table)
            hidden = set(settings.protect)
        else:
            table, hidden = read_part(project, dataset, Role.TRAIN), set(dataset.protection)
        plain = replace(settings, checks=(), units={}, protect={})
        schema = infer_schema(table, plain)
        found = suggest(table, schema, target=settings.target, hidden=hidden, now=time.time())
        tell(f"{source}, {table.height:,} rows")
    known = {_about(check) for check in settings.checks}
    return _suggested(source, [each for each in found if _about(each.check) not in known])


def import_checks(file: Path) -> Suggested:
    """Turn the checks of a pandera schema or a suite of Great Expectations into lines of `kervan.toml`."""
    found, left_out = read_checks(file)
    return _suggested(str(file), found, tuple(left_out))


def append_checks(project: Project, suggested: Suggested) -> None:
    """Append the lines to `kervan.toml`, whose other lines stay as they are; on record."""
    before = read_settings_file(project)
    text = f"{before.text.rstrip()}\n\n{suggested.lines}\n"
    write_settings_file(project, text, seen=before.hash, why=f"checks from {suggested.source}")
    project.remark("written", f"{len(suggested.checks):,} checks are in {FILE_NAME}")


def _suggested(source: str, found: list[Suggestion], left_out: tuple[str, ...] = ()) -> Suggested:
    return Suggested(
        source=source, checks=tuple(each.check for each in found), lines=as_lines(found), left_out=left_out
    )


def _about(check: Check) -> tuple[str, str, bool]:
    return check.column, check.expression, check.rows is not None
