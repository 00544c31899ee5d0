"""What protocols tell about the models that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import NotFound, StorageFailed
from kervan.core.identity import begins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.ports import Call, Served


def one(call: Call, models: Sequence[Served]) -> Served:
    """Return the model that a route names, in the version that would answer there, or raise `NotFound`."""
    name, wanted = call.parameters["name"], call.parameters.get("version", "")
    fitting = [model for model in models if model.name == name and _fits(model, wanted)]
    if fitting:
        return fitting[-1]
    there = ", ".join(f"{model.name}@{model.version}" for model in models)
    raise NotFound(f"there is no model {name}{'@' * bool(wanted)}{wanted} here", hint=f"there is {there}")


def check_ready(models: Sequence[Served]) -> None:
    """Raise `StorageFailed`, which is a 503, unless all of them can answer."""
    for model in models:
        if not model.is_ready:
            raise StorageFailed(model.reason)


def _fits(model: Served, wanted: str) -> bool:
    return begins(model.version, wanted) or wanted in model.labels if wanted else model.is_default
