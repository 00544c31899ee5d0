"""What was unusual about the rows of a record: found when it is read, which costs the server nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.keeping import EVERYTHING
from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.nouns import Prediction
    from kervan.core.schema import Column, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """Inputs of a row that held a category unknown in training, and those that were missing."""

    unseen: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def flags_of(prediction: Prediction, row: int, signature: Signature) -> Flags:
    """Return the flags of one row by the rules of the model that answered.

    Nothing is known of columns that are not on record as they were sent.
    """
    if EVERYTHING in prediction.withheld:
        return Flags()
    asked = prediction.asked(row)
    if not signature.reading.is_plain:
        asked = signature.reading.row(asked)
    columns = [column for column in signature.inputs if column.name not in prediction.withheld]
    missing = tuple(column.name for column in columns if asked.get(column.name) is None)
    unseen = tuple(column.name for column in columns if _is_unseen(column, asked))
    return Flags(unseen=unseen, missing=missing)


def _is_unseen(column: Column, row: Mapping[str, Any]) -> bool:
    value = row.get(column.name)
    return column.type is Type.CATEGORY and value is not None and value not in column.allowed
