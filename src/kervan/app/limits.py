"""Limits that a candidate must keep besides its goal: how fast, how small, how alike for groups of people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from kervan.app.behaving import asking_of
from kervan.app.parts import read_part
from kervan.core.errors import InvalidData
from kervan.core.nouns import Role
from kervan.model.metrics import METRICS, Yardstick, scores, task_of
from kervan.model.steps import CARD, read_card
from kervan.package.encoding import encode_table, encode_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.goals import Fairness, Limits
    from kervan.core.nouns import Dataset
    from kervan.model.behaviour import Asking

_ASKED = 50  # times one row
_FEWEST = 10  # rows of a group in which a metric is measured


def broken_limits(project: Project, dataset: Dataset, folder: Path) -> tuple[str, ...]:
    """Return which limits a written candidate breaks, each in words with what was measured."""
    limits = project.config.model.limits
    if not (limits.latency or limits.size or limits.fairness):
        return ()
    card = read_card(folder)
    asking = asking_of(folder, card.formats, card.signature)
    rows = read_part(project, dataset, Role.VALIDATION)
    return tuple(_broken(limits, asking, rows, folder))


def _broken(limits: Limits, asking: Asking, rows: pl.DataFrame, folder: Path) -> Iterator[str]:
    if limits.bytes is not None and (size := package_size(folder)) > limits.bytes:
        yield f"it takes {size / 1e6:.3g} MB, the limit is {limits.size}"
    if limits.seconds is not None and (taken := row_seconds(asking, rows)) > limits.seconds:
        yield f"it answers one row in {taken * 1e3:.3g} ms, the limit is {limits.latency}"
    if limits.fairness is not None:
        yield from _unfair(limits.fairness, asking, rows)


def package_size(folder: Path) -> int:
    """Return the bytes of all written formats."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file() and each.name != CARD)


def row_seconds(asking: Asking, rows: pl.DataFrame) -> float:
    """Return the median time that the written model takes for one encoded row."""
    matrix = encode_table(rows.head(1), asking.signature)
    found = []
    for _ in range(_ASKED):
        started = time.perf_counter()
        asking.predictor.predict(matrix)
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def group_values(fairness: Fairness, asking: Asking, rows: pl.DataFrame) -> dict[str, float]:
    """Return the metric in each group of at least ten rows in which it can be told."""
    signature, entry = asking.signature, METRICS[fairness.metric]
    truth = encode_truth(rows[signature.output.name], signature.output)
    values = asking(rows)
    groups = np.array([str(each) for each in rows[fairness.column].to_list()])
    by = Yardstick(metrics=(entry,), naming=signature.naming)
    found: dict[str, float] = {}
    for name in np.unique(groups).tolist():
        inside = groups == name
        if inside.sum() >= _FEWEST:
            told = scores(task_of(signature), truth[inside], values[inside], by)
            found |= {name: told[entry.name]} if entry.name in told else {}
    return found


def _unfair(fairness: Fairness, asking: Asking, rows: pl.DataFrame) -> Iterator[str]:
    found = group_values(fairness, asking, rows)
    if len(found) < 2:
        raise InvalidData(
            f"[model.limits] fairness: the validation part has no two groups of {fairness.column!r} with "
            f"{_FEWEST} rows each",
            hint="name a column with few values, or bring more rows",
        )
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    gap = found[high] - found[low]
    if gap > fairness.gap:
        yield (
            f"{fairness.metric} is {found[high]:.3g} where {fairness.column} is {high} and {found[low]:.3g} "
            f"where it is {low}: the gap of {gap:.3g} is above {fairness.gap:g}"
        )
