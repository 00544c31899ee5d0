"""Kervan carries one machine-learning model through its whole life: data, model, code, watch.

import kervan as kv

ws = kv.open()
adult = ws.ingest("adult.csv", target="income")
model = ws.train(adult, goal=kv.Goal("roc_auc", at_least=0.90))
release = ws.release(model, to="production", why="first model")
release.predict({"age": 39, "workclass": "State-gov"})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kervan.api.session import Session, open  # noqa: A004 - `kervan.open` is meant to read like that
    from kervan.core.checking import Check
    from kervan.core.config import Goal
    from kervan.core.errors import KervanError
    from kervan.data.checks.own import check
    from kervan.data.steps.escape import transform
    from kervan.flow.step import pipeline, step

__version__ = "0.1.0"

__all__ = [
    "Check",
    "Goal",
    "KervanError",
    "Session",
    "__version__",
    "check",
    "open",
    "pipeline",
    "step",
    "transform",
]

# Looked up when first used: importing kervan costs nothing.
_PLACES = {
    "Check": "kervan.core.checking",
    "Goal": "kervan.core.config",
    "KervanError": "kervan.core.errors",
    "Session": "kervan.api.session",
    "check": "kervan.data.checks.own",
    "open": "kervan.api.session",
    "pipeline": "kervan.flow.step",
    "step": "kervan.flow.step",
    "transform": "kervan.data.steps.escape",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'kervan' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
