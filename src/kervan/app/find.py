"""Anything that is on record, found by its name, its reference or its id."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.data import datasets
from kervan.app.environments import SCOPE
from kervan.app.records import find_record
from kervan.app.register import models
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.identity import id_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project

_MOST = 50
_ID = 26  # letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that was found: its kind (`dataset`, `model`, `run`, …), how it is referred to, its time."""

    kind: str
    ref: str
    time: float


def find(project: Project, text: str) -> list[Hit]:
    """Return what a text names: an id of any record or prediction, or a part of a name; newest first."""
    sought = text.strip()
    if not sought:
        return []
    named = [*_by_id(project, sought), *_by_name(project, sought.casefold())]
    return sorted(named, key=lambda each: -each.time)[:_MOST]


def _by_id(project: Project, text: str) -> Iterator[Hit]:
    ident = text.upper()
    if len(ident.partition(".")[0]) != _ID or not ident.replace(".", "").isalnum():
        return
    with suppress(NotFound):
        record = project.store.catalog.record(ident)
        kind = type(record).__name__.lower()
        yield Hit(kind=kind, ref=record.ref if kind in {"dataset", "model"} else record.id, time=record.time)
        return
    with suppress(NotFound, InvalidInput):
        _, prediction = find_record(project, ident)
        yield Hit(kind="prediction", ref=ident, time=id_time(prediction.id))


def _by_name(project: Project, text: str) -> Iterator[Hit]:
    for dataset in datasets(project):
        if text in dataset.ref.casefold():
            yield Hit(kind="dataset", ref=dataset.ref, time=dataset.time)
    for model in models(project):
        if text in model.ref.casefold():
            yield Hit(kind="model", ref=model.ref, time=model.time)
    seen: set[str] = set()
    for change in project.store.catalog.alias_history(SCOPE):
        if text in change.name.casefold() and change.name not in seen:
            seen.add(change.name)
            yield Hit(kind="environment", ref=change.name, time=change.time)
