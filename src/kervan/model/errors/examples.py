"""Rows to look at: those that a model gets most wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from kervan.model.errors.held_out import HeldOut

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row of the validation part, counted from 1: what is true, what was answered and how surely.

    `values` are those of its inputs, empty where nobody allowed that they are kept.
    """

    row: int
    truth: str
    answered: str
    chance: float | None
    loss: float
    values: Mapping[str, Any] = field(default_factory=dict)


def examples(answered: HeldOut, *, with_values: bool) -> tuple[Example, ...]:
    """Return the rows that lose the most, the worst first."""
    losses = answered.losses
    worst = np.argsort(-losses, kind="stable")[:_SHOWN].tolist()
    return tuple(_example(answered, row, float(losses[row]), with_values) for row in worst)


def _example(answered: HeldOut, row: int, loss: float, with_values: bool) -> Example:
    signature, truth, values = answered.signature, answered.truth[row], answered.values[row]
    given: dict[str, Any] = {}
    if with_values:
        given = {name: _plain(answered.table[name][row]) for name in signature.inputs.names}
    if not signature.is_classification:
        return Example(
            row=int(answered.places[row]) + 1,
            truth=f"{truth:.6g}",
            answered=f"{values[0]:.6g}",
            chance=None,
            loss=loss,
            values=given,
        )
    chosen = int(answered.chosen[row])
    return Example(
        row=int(answered.places[row]) + 1,
        truth=signature.output.allowed[truth],
        answered=signature.output.allowed[chosen],
        chance=float(values[chosen]),
        loss=loss,
        values=given,
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
