"""Asks for the rows of a file, or for one row, and puts the answers beside the caller's own columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.answers import beside
from kervan.app.asked import Asked, carried, of_rows, read_file
from kervan.app.noticed import notice
from kervan.app.predict import answering, predict_asked
from kervan.app.records import settle
from kervan.core.errors import InvalidInput
from kervan.data.export import check_ending, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.app.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What becomes of the answers: a file or not, CSV with `exact` texts, `flags` of what is odd in each."""

    to: Path | None = None
    exact: bool = False
    flags: bool = False


def predict_file(
    project: Project, path: Path, wanted: Wanted, *, environment: str = "production"
) -> list[dict[str, Any]]:
    """Return one answer for each row of a file, once they are on record, and write them where it is wanted.

    What is odd about the rows is told. A row that is refused is named with the file, counted from 1.
    """
    if wanted.to is not None:
        check_ending(wanted.to)
        if wanted.to.exists() and path.exists() and wanted.to.samefile(path):
            raise InvalidInput(f"{wanted.to} holds the rows themselves", hint="write to another file")
    asked = read_file(project, path, answering(project, environment).signature)
    return _answered(project, asked, path, wanted, environment)


def predict_row(
    project: Project, row: Mapping[str, Any], wanted: Wanted, *, environment: str = "production"
) -> list[dict[str, Any]]:
    """Return the answer for one row, as `predict_file` does."""
    if wanted.to is not None:
        check_ending(wanted.to)
    asked = of_rows(project, [row], answering(project, environment).signature, place="")
    return _answered(project, asked, None, wanted, environment)


def _answered(
    project: Project, asked: Asked, path: Path | None, wanted: Wanted, environment: str
) -> list[dict[str, Any]]:
    answers = predict_asked(project, asked, environment=environment)
    settle(project, answers[-1]["id"])
    noticed = notice(asked, answering(project, environment).signature)
    for sentence in noticed.sentences():
        project.remark("predict", sentence)
    if wanted.flags:
        answers = [
            {**answer, "flags": list(flags)} for answer, flags in zip(answers, noticed.flags, strict=True)
        ]
    if wanted.to is not None:
        table = carried(asked, project, path, as_written=wanted.to.suffix == ".csv")
        write([beside(table, answers)], wanted.to, exact=wanted.exact)
    return answers
