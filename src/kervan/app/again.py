"""Rows of recorded requests, answered once more by a package; what cannot be is counted and named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.app.register import load_model
from kervan.core.errors import RefusedRow, ServerFailed
from kervan.core.keeping import EVERYTHING
from kervan.core.serving import ShareRole
from kervan.monitor.values import labels_of
from kervan.serve.answer import check_values
from kervan.serve.decode import RowDecoder
from kervan.serve.record import row_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.app.project import Project
    from kervan.core.nouns import Model, Prediction
    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature

WITHHELD, REFUSED, FAILED = "withheld", "refused", "failed"
UNANSWERED, OTHER = "unanswered", "answered otherwise"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Rows that could not be compared: why, for which column, how many, and about the first one in words."""

    reason: str
    column: str
    rows: int
    id: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a recorded request: what was asked, what `model` answered, and the label that came back."""

    id: str
    inputs: Mapping[str, Any]
    before: Mapping[str, Any]
    model: str
    label: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The rows that a model took, encoded (rows, columns), and its answers (rows, classes) or (rows, 1)."""

    rows: Sequence[Row]
    matrix: Matrix
    values: NDArray[np.float64]


class Again:
    """A model's package, opened to answer recorded rows."""

    def __init__(self, project: Project, model: Model) -> None:
        manifest, self._predictor = load_model(project, model)
        self.signature = manifest.signature
        self._names = frozenset(self.signature.inputs.names)
        self._decoder = RowDecoder(self.signature)
        self._left_out: dict[tuple[str, str], LeftOut] = {}

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What could not be compared until now, the most rows first."""
        return tuple(sorted(self._left_out.values(), key=lambda each: -each.rows))

    def rows_of(self, prediction: Prediction) -> Iterator[Row]:
        """Yield the rows of a request that can be asked once more."""
        if prediction.role is ShareRole.SHADOW:  # the request itself is on record too
            return
        hidden = self._hidden(prediction)
        for place, ident in enumerate(row_ids(prediction.id, prediction.rows)):
            before = prediction.answered(place)
            if hidden is not None:
                told = "its inputs were not kept" if hidden == EVERYTHING else "was not kept as it was sent"
                self._leave_out(WITHHELD, "" if hidden == EVERYTHING else hidden, ident, told)
            elif not before:
                self._leave_out(UNANSWERED, "", ident, "the model gave no usable answer then")
            elif ("label" in before) != self.signature.is_classification:
                self._leave_out(OTHER, "", ident, f"{prediction.model} answered {', '.join(before)}")
            else:
                yield Row(id=ident, inputs=prediction.asked(place), before=before, model=prediction.model)

    def score(self, rows: Sequence[Row]) -> Scored:
        """Answer the rows, without those that the model refuses or has no usable answer for."""
        try:
            return self._score(rows)
        except (RefusedRow, ServerFailed) as error:
            if len(rows) == 1:
                self._leave_out_for(error, rows[0])
                return self._nothing()
        found = [each for row in rows if (each := self.score([row])).rows]
        if not found:
            return self._nothing()
        return Scored(
            rows=[row for each in found for row in each.rows],
            matrix=np.concatenate([each.matrix for each in found]),
            values=np.concatenate([each.values for each in found]),
        )

    def _score(self, rows: Sequence[Row]) -> Scored:
        matrix = self._decoder.decode([row.inputs for row in rows])
        values = self._predictor.predict(matrix)
        check_values(values, len(matrix), self.signature)
        return Scored(rows=rows, matrix=matrix, values=values)

    def _nothing(self) -> Scored:
        return Scored(rows=(), matrix=np.empty((0, self._decoder.width)), values=np.empty((0, 1)))

    def _hidden(self, prediction: Prediction) -> str | None:
        """Return a column that the model takes and that is not on record as it was sent, or None."""
        if not prediction.inputs or EVERYTHING in prediction.withheld:
            return EVERYTHING if prediction.withheld or prediction.outputs else None
        return next((name for name in prediction.withheld if name in self._names), None)

    def _leave_out_for(self, error: RefusedRow | ServerFailed, row: Row) -> None:
        if isinstance(error, RefusedRow):
            self._leave_out(REFUSED, error.field, row.id, str(error).removeprefix("row 0, "))
        else:
            self._leave_out(FAILED, "", row.id, str(error))

    def _leave_out(self, reason: str, column: str, ident: str, example: str) -> None:
        known = self._left_out.get((reason, column))
        self._left_out[reason, column] = (
            replace(known, rows=known.rows + 1)
            if known
            else LeftOut(reason=reason, column=column, rows=1, id=ident, example=example)
        )


def in_pieces(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in lists of so many, the last with what is left."""
    piece: list[Row] = []
    for row in rows:
        piece.append(row)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


def truth_of(label: Any, signature: Signature) -> float | None:
    """Return a label as metrics take it: the place of its class, or a number; None if it is neither."""
    if signature.is_classification:
        (text,) = labels_of([{"label": label}], "label")
        classes = signature.output.allowed
        return classes.index(text) if text in classes else None
    try:
        number = float(label)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def figures_of(answer: Mapping[str, Any], signature: Signature) -> list[float] | None:
    """Return an answer's figures in the order of a signature; None if its classes are others."""
    if not signature.is_classification:
        return [answer["value"]]
    told, classes = answer.get("probabilities", {}), signature.output.allowed
    return [told[each] for each in classes] if set(told) == set(classes) else None
