"""The server's own pages: who answers, whether it lives and is ready, what it counts, what came back."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.ports import Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.serve import metrics
from kervan.serve.manual import POLICY, page
from kervan.serve.openapi import document
from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature
    from kervan.serve.engine import Engine
    from kervan.serve.routing import Mounted

_VERSION = version("kervan")
_TELL: dict[str, Any] = {"action": Action.INFORM, "method": "GET"}


class OwnPages:
    """A protocol without predictions."""

    complaint = ""
    routes = (
        Route(path="/", scope=Scope.OPEN, call="about", **_TELL),
        Route(path="/livez", scope=Scope.OPEN, call="live", **_TELL),
        Route(path="/readyz", scope=Scope.OPEN, call="ready", **_TELL),
        Route(path="/metrics", scope=Scope.METRICS, call="metrics", **_TELL),
        Route(path="/feedback", action=Action.FEEDBACK, scope=Scope.FEEDBACK),
        Route(path="/models/{name}/feedback", action=Action.FEEDBACK, scope=Scope.FEEDBACK),
        Route(path="/openapi.json", scope=Scope.DOCS, call="openapi", **_TELL),
        Route(path="/docs", scope=Scope.DOCS, call="docs", **_TELL),
    )

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.mounted: Sequence[Mounted] = ()  # all that is to be told of

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Show one of the pages."""
        match call.route.call:
            case "live":
                return _json({"live": True})
            case "ready":
                return self._ready()
            case "metrics":
                return Reply(body=self._engine.metrics.exposition(), kind=metrics.CONTENT_TYPE)
            case "openapi":
                return _json(self._document(models))
            case "docs":
                return self._manual(models)
        return self._about()

    def decode(self, call: Call, choose: Choose) -> Request:
        """Nothing is predicted here."""
        raise NotImplementedError

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Nothing is predicted here."""
        raise NotImplementedError

    def _document(self, models: Sequence[Served]) -> dict[str, Any]:
        return document(self.mounted, models, needs_keys=bool(self._engine.current.serving.keys))

    def _manual(self, models: Sequence[Served]) -> Reply:
        return Reply(
            body=page(self._document(models)).encode(),
            kind="text/html; charset=utf-8",
            headers={"content-security-policy": POLICY},
        )

    def _about(self) -> Reply:
        loaded = self._engine.current
        content = {
            "name": "kervan",
            "version": _VERSION,
            "model": loaded.manifest.ref,
            "environment": loaded.serving.environment,
            "deployment": loaded.serving.deployment,
            "since": loaded.since,
            "pid": os.getpid(),
        }
        return _json(content)

    def _ready(self) -> Reply:
        failure = self._engine.failure
        if failure:
            raise HttpProblem(503, f"predictions cannot be recorded: {failure}", headers={"retry-after": "1"})
        return _json({"live": True, "ready": True})


def _json(content: Any) -> Reply:
    return Reply(body=msgspec.json.encode(content))
