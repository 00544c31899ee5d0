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
    from kervan.api.auto import auto
    from kervan.api.autolog import autolog, log_artifact, log_metric, log_params
    from kervan.api.session import Session, open  # noqa: A004 - `kervan.open` is meant to read like that
    from kervan.core.called import feature
    from kervan.core.checking import Check
    from kervan.core.errors import KervanError
    from kervan.core.features import Feature
    from kervan.core.goals import Goal
    from kervan.data.checks.own import check
    from kervan.data.steps.escape import transform
    from kervan.flow.step import pipeline, step
    from kervan.model.own import metric
    from kervan.model.own_tests import model_test

__version__ = "0.1.0"

__all__ = [
    "Check",
    "Feature",
    "Goal",
    "KervanError",
    "Session",
    "__version__",
    "auto",
    "autolog",
    "check",
    "feature",
    "log_artifact",
    "log_metric",
    "log_params",
    "metric",
    "model_test",
    "open",
    "pipeline",
    "step",
    "transform",
]

# Looked up when first used: importing kervan costs nothing.
_PLACES = {
    "Check": "kervan.core.checking",
    "Feature": "kervan.core.features",
    "Goal": "kervan.core.goals",
    "KervanError": "kervan.core.errors",
    "Session": "kervan.api.session",
    "auto": "kervan.api.auto",
    "autolog": "kervan.api.autolog",
    "check": "kervan.data.checks.own",
    "feature": "kervan.core.called",
    "log_artifact": "kervan.api.autolog",
    "log_metric": "kervan.api.autolog",
    "log_params": "kervan.api.autolog",
    "metric": "kervan.model.own",
    "model_test": "kervan.model.own_tests",
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
