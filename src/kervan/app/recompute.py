"""One recorded answer, computed again by the very package that gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.records import find_record
from kervan.app.register import find_model, load_model
from kervan.core.errors import InvalidInput
from kervan.serve.answer import check_values, name_values
from kervan.serve.decode import RowDecoder
from kervan.serve.record import split_id

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What is on record as the answer to a request, or to one of its rows, and what its package answers now.

    `is_same` says that they are equal to the last bit, `apart` how far the figures are apart at most.
    """

    id: str
    model: str
    package: str
    recorded: Sequence[Mapping[str, Any]]
    answered: Sequence[Mapping[str, Any]]
    is_same: bool
    apart: float


def recompute(project: Project, ident: str) -> Recomputed:
    """Answer a recorded request once more by the package that answered it, and compare.

    `ident` is the id that came with the answer. The rows of a request are scored together, as they came.
    Raises `InvalidInput` where the inputs are not on record as they were sent, or nothing was answered.
    """
    _, prediction = find_record(project, ident)
    _check_kept(prediction, ident)
    model = find_model(project, prediction.model)
    manifest, predictor = load_model(project, model)
    rows = [dict(row) for row in prediction.inputs]
    values = predictor.predict(RowDecoder(manifest.signature).decode(rows))
    check_values(values, len(rows), manifest.signature)
    row = split_id(ident)[1]
    places = slice(None) if row is None else slice(row, row + 1)
    recorded, answered = prediction.outputs[places], name_values(values, manifest.signature)[places]
    pairs = zip(map(_figures, recorded), map(_figures, answered), strict=True)
    apart = max(
        (abs(old.get(name, 0.0) - new.get(name, 0.0)) for old, new in pairs for name in old | new),
        default=0.0,
    )
    return Recomputed(
        id=ident,
        model=prediction.model,
        package=manifest.hash,
        recorded=recorded,
        answered=answered,
        is_same=prediction.package == manifest.hash and list(recorded) == list(answered),
        apart=apart,
    )


def _check_kept(prediction: Prediction, ident: str) -> None:
    hint = "`kervan trace` shows what is on record; [records] in kervan.toml says what is kept"
    if not prediction.outputs:
        raise InvalidInput(f"{prediction.model} gave no usable answer to {ident}", hint=hint)
    if not prediction.inputs:
        raise InvalidInput(f"the inputs of {ident} were not kept, so it cannot be answered again", hint=hint)
    if prediction.withheld:
        columns = ", ".join(prediction.withheld)
        raise InvalidInput(f"of {ident} these inputs were not kept as they were sent: {columns}", hint=hint)


def _figures(answer: Mapping[str, Any]) -> dict[str, float]:
    return dict(answer["probabilities"]) if "probabilities" in answer else {"value": answer["value"]}
