"""The HTTP application: its routes, and how errors leave it."""

from __future__ import annotations

import logging
import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from kervan.core.errors import KervanError, NotFound
from kervan.core.plugins import plugin
from kervan.serve import metrics
from kervan.serve.edge import Edge
from kervan.serve.guard import read_body
from kervan.serve.problem import HttpProblem, respond, to_problem
from kervan.serve.protocols.inference_v2 import model_metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from kervan.core.ports import Wire
    from kervan.serve.engine import Engine, Loaded

    Endpoint = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger("kervan.serve")
_VERSION = version("kervan")


def create_app(engine: Engine, host: str) -> ASGIApp:
    """Return the application that answers with `engine`, for requests to `host` or the loopback's names."""
    v2 = "/v2/models/{name}"
    v2_version = "/v2/models/{name}/versions/{version}"
    infer = _predict(engine, "inference-v2")
    metadata, model_ready = _metadata(engine), _model_ready(engine)
    routes = [
        Route("/", _about(engine), methods=["GET"]),
        Route("/predict", _predict(engine, "predict"), methods=["POST"]),
        Route("/livez", _alive, methods=["GET"]),
        Route("/readyz", _ready(engine), methods=["GET"]),
        Route("/metrics", _metrics(engine), methods=["GET"]),
        Route("/v2", _v2_server, methods=["GET"]),
        Route("/v2/health/live", _alive, methods=["GET"]),
        Route("/v2/health/ready", _ready(engine), methods=["GET"]),
        *(Route(f"{base}/infer", infer, methods=["POST"]) for base in (v2_version, v2)),
        *(Route(f"{base}/ready", model_ready, methods=["GET"]) for base in (v2_version, v2)),
        *(Route(base, metadata, methods=["GET"]) for base in (v2_version, v2)),
    ]
    on_error = _on_error(engine)
    kinds: tuple[type[Exception], ...] = (KervanError, HttpProblem, HTTPException, Exception)
    app = Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, on_error))
    app.router.redirect_slashes = False
    return Edge(app, engine.metrics, host)


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")


def _predict(engine: Engine, protocol: str) -> Endpoint:
    wire: Wire = plugin("protocol", protocol)

    async def predict(request: Request) -> Response:
        body = await read_body(request)
        loaded = engine.current  # taken once: what follows belongs to one version
        _check_model(request, loaded)
        asked = wire.decode(body, loaded.signature)
        answer = engine.answer(loaded, asked, protocol=protocol, request_id=request.state.request_id)
        return Response(wire.encode(answer, loaded.signature), media_type="application/json")

    return predict


def _check_model(request: Request, loaded: Loaded) -> None:
    """Raise `NotFound` if the path names another model or version than the one that answers."""
    manifest = loaded.manifest
    name = request.path_params.get("name", manifest.name)
    number = request.path_params.get("version", manifest.version)
    if (name, number) != (manifest.name, manifest.version):
        raise NotFound(f"there is no model {name}@{number} here", hint=f"{manifest.ref} answers")


def _about(engine: Engine) -> Endpoint:
    async def about(request: Request) -> Response:
        loaded = engine.current
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

    return about


async def _alive(request: Request) -> Response:
    return _json({"live": True})


def _ready(engine: Engine) -> Endpoint:
    async def ready(request: Request) -> Response:
        if engine.failure:
            raise HttpProblem(
                503, f"predictions cannot be recorded: {engine.failure}", headers={"retry-after": "1"}
            )
        return _json({"live": True, "ready": True})

    return ready


def _metrics(engine: Engine) -> Endpoint:
    async def exposition(request: Request) -> Response:
        return Response(engine.metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return exposition


async def _v2_server(request: Request) -> Response:
    return _json({"name": "kervan", "version": _VERSION, "extensions": []})


def _metadata(engine: Engine) -> Endpoint:
    async def metadata(request: Request) -> Response:
        loaded = engine.current
        _check_model(request, loaded)
        return _json(model_metadata(loaded.manifest))

    return metadata


def _model_ready(engine: Engine) -> Endpoint:
    async def model_ready(request: Request) -> Response:
        loaded = engine.current
        _check_model(request, loaded)
        is_ready = not engine.failure
        return _json({"name": loaded.manifest.name, "ready": is_ready}, 200 if is_ready else 503)

    return model_ready


def _on_error(engine: Engine) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def on_error(request: Request, error: Exception) -> Response:
        problem, reason = to_problem(error)
        request_id = request.state.request_id
        if reason:
            engine.metrics.refused.labels(reason).inc()
        if isinstance(error, KervanError) and problem.status == 500:  # the recorder logs its own failures
            _log.error(str(error), extra={"request": request_id, "status": problem.status})
        return respond(problem, request_id=request_id, path=request.url.path)

    return on_error
