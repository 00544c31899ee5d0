"""What decides, besides the bytes of a source, which dataset comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.checks import check_parts
from kervan.app.shaping import steps_recipe
from kervan.core.identity import sha256_parts
from kervan.core.shaping import Parse
from kervan.store.events import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.app.project import Project
    from kervan.data.ingest import Snapshot

# Raised when the same bytes and settings would give another dataset than before.
_FORM = "2"


def recipe_of(project: Project, joined: Mapping[str, Snapshot]) -> str:
    """Return a hash of every setting that decides what becomes of the source's bytes."""
    settings: dict[str, Any] = msgspec.to_builtins(project.config.data)
    for name in ("source", "query", "table", "version", "cube"):
        del settings[name]  # they say where the bytes are
    del settings["entity"]  # it decides what is kept of predictions
    del settings["memory"]  # and this how its rows are looked at
    del settings["privacy_budget"]  # and this what is told of the rows
    for name in ("sheet", "person", "quasi", "sensitive", "k_at_least"):
        if not settings[name]:
            del settings[name]  # as recipes were before there was a choice
    del settings["about"]  # and this is what people say
    settings["steps"] = msgspec.to_builtins(project.config.data.table_steps)  # the others are the model's
    model = project.config.model
    parts = [_FORM, canonical(settings).decode(), model.task, *model.texts, *check_parts(project)]
    if any(isinstance(step, Parse) for step in project.config.data.table_steps):
        parts.append("written")  # datasets of before do not know how their columns were
    return sha256_parts([*parts, steps_recipe(project, joined)])
