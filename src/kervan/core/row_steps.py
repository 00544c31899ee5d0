"""Whether the steps that are part of a model fit its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.schema import Column, Schema, Type
from kervan.core.shaping import RowStep, told

if TYPE_CHECKING:
    from collections.abc import Iterable

IMPUTE = "[[model.features]] impute:"  # where steps are written that are features
_NUMBERS = (Type.INTEGER, Type.NUMBER, Type.BOOLEAN)


def check_row_steps(steps: Iterable[RowStep], inputs: Schema, where: str = "[[data.steps]]") -> None:
    """Raise `InvalidConfig` for a step that does not fit what a model takes; `where` is it written."""
    for step in steps:
        place = f"{where} {told(step)}"
        for name in step.columns:
            if name not in inputs:
                hint = did_you_mean(name, inputs.names)
                raise InvalidConfig(f"{place}: the model takes no column {name!r}", hint=hint)
            _check_kind(step, inputs[name], place)


def _check_kind(step: RowStep, column: Column, place: str) -> None:
    is_number = column.type in _NUMBERS
    if column.type is Type.CATEGORY and step.fill:
        if step.by in {"mean", "median"}:
            raise InvalidConfig(
                f"{place}: {column.name!r} holds categories, which have no {step.by}",
                hint='take the most frequent one: "mode"',
            )
        if not step.by and step.value not in column.allowed:
            hint = did_you_mean(str(step.value), column.allowed)
            raise InvalidConfig(f"{place}: {column.name!r} has no category {step.value!r}", hint=hint)
    elif not is_number:
        raise InvalidConfig(
            f"{place}: {column.name!r} is of the type {column.type}, which a model cannot change",
            hint="do it in a step that makes the table, such as `derive`",
        )
    elif isinstance(step.value, str):
        raise InvalidConfig(f"{place}: {column.name!r} holds numbers, not {step.value!r}")
