"""Asks the model that answers in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.app.environments import find_deployment
from kervan.app.register import find_model
from kervan.core.errors import InvalidInput, RefusedRow, did_you_mean
from kervan.deploy.client import Credentials, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kervan.app.asked import Asked
    from kervan.app.project import Project
    from kervan.core.nouns import Model

_MANY = 20_000  # rows; from here on it is told how far asking is


def answering(project: Project, environment: str) -> Model:
    """Return the model that answers in the environment."""
    return find_model(project, find_deployment(project, environment).main)


def predict(
    project: Project, rows: Sequence[Mapping[str, Any]], *, environment: str = "production"
) -> list[dict[str, Any]]:
    """Return one answer for each row, in order, from the model that answers in the environment."""
    deployment = find_deployment(project, environment)
    credentials = Credentials(certificate=deployment.plan.certificate)
    return ask(deployment.endpoint, rows, _teller(project, len(rows)), credentials)


def predict_asked(project: Project, asked: Asked, *, environment: str = "production") -> list[dict[str, Any]]:
    """Return one answer for each row; one that is refused is named by its place and number, from 1."""
    if not asked.rows:
        where = f"{asked.place}: " if asked.place else ""
        raise InvalidInput(f"{where}there are no rows to predict", hint="give at least one row")
    try:
        with project.alive("predict"):
            return predict(project, asked.rows, environment=environment)
    except RefusedRow as error:
        message = str(error).replace(f"row {error.row},", f"row {error.row + 1},", 1)
        message = f"{asked.place}: {message}" if asked.place else message
        hint = _hint(error, asked)
        raise RefusedRow(message, row=error.row, field=error.field, hint=hint) from error


def _hint(error: RefusedRow, asked: Asked) -> str:
    """Name the column that was probably meant, where the row has none of the name: one that is not used."""
    others = asked.unused[error.row]
    if error.field and error.field not in asked.rows[error.row] and others:
        near = did_you_mean(error.field, others)
        return near if near.startswith("did you mean") else error.hint
    return error.hint


def _teller(project: Project, total: int) -> Callable[[int], None]:
    """Return what tells of many rows at each tenth how far asking is."""
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        if total >= _MANY and done - told >= total / 10:
            told = done
            project.remark("predict", f"{done:,} of {total:,} rows")

    return tell
