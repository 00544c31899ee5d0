"""Answers as columns beside the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl


def beside(table: pl.DataFrame, answers: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return the table with a column for each part of an answer: value or label, probabilities, id, flags.

    A name that the table has already gets `_` in front.
    """
    import polars as pl

    first = answers[0]
    parts: dict[str, list[Any]] = {}
    if "value" in first:
        parts["prediction"] = [answer["value"] for answer in answers]
    else:
        parts["prediction"] = [answer["label"] for answer in answers]
        for label in first["probabilities"]:
            parts[f"probability of {label}"] = [answer["probabilities"][label] for answer in answers]
    parts["prediction id"] = [answer["id"] for answer in answers]
    if "flags" in first:
        parts["flags"] = ["; ".join(answer["flags"]) for answer in answers]
    taken = set(table.columns)
    columns = []
    for name, values in parts.items():
        free = name
        while free in taken:
            free = f"_{free}"
        taken.add(free)
        columns.append(pl.Series(free, values))
    return table.with_columns(columns)
