"""A value that a row lacks although no row of training does: what a model makes of it where it may."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.core.schema import Schema, Type
from kervan.core.shaping import RowStep

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.schema import Signature

_FILLED = {Type.INTEGER: "median", Type.NUMBER: "median", Type.BOOLEAN: "mode"}
_DATES = {Type.DATE, Type.DATETIME}


def completed(signature: Signature, train: pl.DataFrame) -> Signature:
    """Return a signature whose inputs may all be missing, but for dates, which nothing can be put in for.

    Where no row of training lacks a number, its median is put in, and the more frequent truth value: no
    family learns there what to make of a missing one. A category then is as one that was never seen, and a
    text as an empty one. What a step fills already it fills.
    """
    filled = {name for step in signature.steps for name in step.fill}
    whole: dict[str, list[str]] = {}
    for column in signature.inputs:
        if column.type in _FILLED and column.name not in filled and not train[column.name].null_count():
            whole.setdefault(_FILLED[column.type], []).append(column.name)
    columns = (each if each.type in _DATES else replace(each, nullable=True) for each in signature.inputs)
    steps = (RowStep(fill=tuple(names), by=how) for how, names in whole.items())
    return replace(signature, inputs=Schema(tuple(columns)), steps=(*signature.steps, *steps))
