"""Why a model answers as it does for single rows: given by hand, of a file, or of a recorded prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.asked import of_rows, read_file
from kervan.app.parts import read_part
from kervan.app.records import find_record
from kervan.app.register import find_model, load_model
from kervan.core.errors import InvalidInput, NotFound, Refused, RefusedRow
from kervan.core.keeping import EVERYTHING
from kervan.core.nouns import Dataset, Role
from kervan.model.explain.inputs import drawn
from kervan.model.explain.reasons import Reasons, reasons
from kervan.model.explain.shapley import BACKGROUND
from kervan.package.encoding import encode_table
from kervan.serve.decode import RowDecoder
from kervan.serve.record import split_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Model, Prediction
    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.package.contents.manifest import Manifest

MOST_ROWS = 100
_FEWEST_SAMPLES = 5  # of a package, below which nothing is a background


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The reasons of one answer of a model: for row `row`, from 1, of what was asked now or then."""

    model: str
    row: int
    predicts: str
    reasons: Reasons


def explain_row(project: Project, ref: str, row: Mapping[str, Any]) -> Explained:
    """Explain what a model answers for one row."""
    model = find_model(project, ref)
    asked = of_rows(project, [row], model.signature, place="")
    return _explained(project, model, asked.rows, "")[0]


def explain_file(project: Project, ref: str, path: Path) -> list[Explained]:
    """Explain what a model answers for each row of a file, of 100 rows at most."""
    model = find_model(project, ref)
    asked = read_file(project, path, model.signature)
    if not asked.rows:
        raise InvalidInput(f"{path}: there are no rows to explain", hint="give at least one row")
    if len(asked.rows) > MOST_ROWS:
        raise InvalidInput(
            f"{path} has {len(asked.rows):,} rows, and each explanation asks the model some thousand times",
            hint=f"give at most {MOST_ROWS} rows; `kervan errors` explains the model as a whole",
        )
    return _explained(project, model, asked.rows, str(path))


def explain_prediction(project: Project, ident: str) -> list[Explained]:
    """Explain recorded answers by the model that gave them; `ident` is the id that came with them.

    Raises `InvalidInput` where the inputs are not on record as they were sent.
    """
    _, prediction = find_record(project, ident)
    model = find_model(project, prediction.model)
    _check_kept(prediction, model.signature, ident)
    row = split_id(ident)[1]
    rows = list(prediction.inputs) if row is None else [prediction.asked(row)]
    return _explained(project, model, rows[:MOST_ROWS], "", first=(row or 0) + 1)


def _check_kept(prediction: Prediction, signature: Signature, ident: str) -> None:
    hidden = [name for name in prediction.withheld if name in signature.inputs]
    if prediction.inputs and not hidden and EVERYTHING not in prediction.withheld:
        return
    what = f"its inputs {', '.join(hidden)} were" if hidden else "its inputs were"
    raise InvalidInput(
        f"{ident} cannot be explained: {what} not kept as they were sent",
        hint="`kervan trace` shows what is on record; [records] in kervan.toml says what is kept",
    )


def _explained(
    project: Project, model: Model, rows: Sequence[Mapping[str, Any]], place: str, first: int = 1
) -> list[Explained]:
    manifest, predictor = load_model(project, model)
    signature = manifest.signature
    matrix = _decoded(rows, signature, place)
    background = _background(project, model, manifest)
    found = []
    with project.alive("explain"):
        for number, row in enumerate(matrix, first):
            why = reasons(predictor, row, background, signature)
            found.append(Explained(model=model.ref, row=number, predicts=signature.output.name, reasons=why))
    return found


def _decoded(rows: Sequence[Mapping[str, Any]], signature: Signature, place: str) -> Matrix:
    try:
        return RowDecoder(signature).decode([dict(row) for row in rows])
    except RefusedRow as error:
        message = str(error).replace(f"row {error.row},", f"row {error.row + 1},", 1)
        message = f"{place}: {message}" if place else message
        raise RefusedRow(message, row=error.row, field=error.field, hint=error.hint) from error


def _background(project: Project, model: Model, manifest: Manifest) -> Matrix:
    """Return encoded rows that stand for all: of the validation part, or a package's samples."""
    if model.is_imported:
        if len(manifest.samples) < _FEWEST_SAMPLES:
            raise Refused(
                f"{model.ref} was trained elsewhere, and its package has no rows to compare with",
                hint="train it here, or import it with rows",
            )
        return RowDecoder(manifest.signature).decode([dict(row) for row in manifest.samples])
    dataset = project.store.catalog.get(Dataset, model.dataset, deleted=True)
    if not project.store.blobs.holds(dataset.part(Role.VALIDATION).blob):
        raise NotFound(f"the rows of {dataset.ref} are gone, with which answers would be compared")
    table = read_part(project, dataset, Role.VALIDATION)
    return drawn(encode_table(table, manifest.signature), BACKGROUND, seed=0)
