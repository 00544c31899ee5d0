"""Checks proposed for the project's table, or read from another library's file, as lines of `kervan.toml`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kervan.app.checks import fetched, find_dataset
from kervan.app.parts import read_part
from kervan.app.remembered import of_dataset, of_source
from kervan.app.settings_file import read_settings_file, write_settings_file
from kervan.core.loading import FILE_NAME
from kervan.core.nouns import Role
from kervan.data.checks.imports.read import read_checks
from kervan.data.checks.suggest import Proposed, suggest
from kervan.data.checks.written import Suggestion, as_lines, as_said, said
from kervan.data.columns import infer_schema
from kervan.data.pieces import spread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import polars as pl

    from kervan.app.checks import Fetched
    from kervan.app.project import Project
    from kervan.core.checking import Check
    from kervan.core.nouns import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """Proposed checks and their lines for `kervan.toml`; `left_out` says what could not be expressed."""

    source: str
    checks: tuple[Check, ...]
    lines: str
    left_out: tuple[str, ...] = ()


def suggest_checks(project: Project, what: str = "", *, folder: Path | None = None) -> Suggested:
    """Propose checks from a file, a dataset's training part, or by default the project's source.

    Columns that have a check already are left alone. Of protected columns no value is written. What was
    proposed for a dataset, or for the bytes that the newest one was made of, is known the next time.
    """
    source = what or project.config.data.source
    checked = {_about(check) for check in project.config.data.checks}
    plain = project.with_settings(data=replace(project.config.data, checks=(), checks_from=()))
    dataset = find_dataset(project, source) if what and not (folder and (folder / what).exists()) else None
    if dataset is not None:
        body, is_known = of_dataset(plain, dataset, ("suggest",), lambda: _of_dataset(plain, dataset, source))
    else:
        with fetched(plain, source, folder or project.config.folder) as came:
            body, is_known = of_source(came, ("suggest", source), lambda: _of_source(came, source))
    if is_known:
        project.known("suggest", f"{source} is unchanged")
    found = _proposed(body).at(time.time())
    return _suggested(source, [each for each in found if _about(each.check) not in checked])


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


def _of_dataset(project: Project, dataset: Dataset, source: str) -> Mapping[str, Any]:
    return _found(project, source, read_part(project, dataset, Role.TRAIN), dataset.protection)


def _of_source(came: Fetched, source: str) -> Mapping[str, Any]:
    return _found(came.project, source, spread(came.read().table), came.project.config.data.protect)


def _found(project: Project, source: str, table: pl.DataFrame, hidden: Collection[str]) -> Mapping[str, Any]:
    """Propose checks for a table, in a form that is kept."""
    plain = replace(project.config.data, units={}, protect={})
    with project.stage("suggest") as tell:
        found = suggest(table, infer_schema(table, plain), target=plain.target, hidden=hidden)
        tell(f"{source}, {table.height:,} rows")
    suggestions = [{"check": said(each.check), "reasons": each.reasons} for each in found.suggestions]
    return {"suggestions": suggestions, "newest": found.newest}


def _proposed(body: Mapping[str, Any]) -> Proposed:
    """Read what was proposed in the form in which it is kept."""
    suggestions = tuple(
        Suggestion(check=as_said(each["check"]), reasons=tuple(each["reasons"]))
        for each in body["suggestions"]
    )
    return Proposed(suggestions=suggestions, newest=body["newest"])


def _suggested(source: str, found: list[Suggestion], left_out: tuple[str, ...] = ()) -> Suggested:
    return Suggested(
        source=source, checks=tuple(each.check for each in found), lines=as_lines(found), left_out=left_out
    )


def _about(check: Check) -> tuple[str, str, bool]:
    return check.column, check.expression, check.rows is not None
