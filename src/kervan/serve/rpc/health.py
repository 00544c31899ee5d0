"""`grpc.health.v1.Health`: SERVING exactly while `/readyz` says so."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kervan.serve.rpc.messages import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kervan.serve.engine import Engine

_SERVING, _NOT_SERVING, _UNKNOWN = 1, 2, 3
_LOOK_SECONDS = 0.5
_MOST_WATCHERS = 64  # anybody may watch: they must not take the places of those who ask


class HealthService:
    """Tells whether predictions can be made and recorded; the same for the server and all its services."""

    service = "grpc.health.v1.Health"
    names: tuple[str, ...] = ("",)

    def __init__(self, engine: Engine, ending: asyncio.Event) -> None:
        self._engine = engine
        self._ending = ending
        self._watchers = 0
        self._read = message("grpc.health.v1.HealthCheckRequest").FromString
        self._write = message("grpc.health.v1.HealthCheckResponse")

    def handler(self) -> Any:
        """Return what answers the calls."""
        import grpc

        written = {"request_deserializer": self._read, "response_serializer": self._write.SerializeToString}
        methods = {
            "Check": grpc.unary_unary_rpc_method_handler(self.check, **written),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch, **written),
        }
        return grpc.method_handlers_generic_handler(self.service, methods)

    async def check(self, asked: Any, context: Any) -> Any:
        """Tell the state now, or that there is no such service."""
        if asked.service not in self.names:
            from grpc import StatusCode

            await context.abort(StatusCode.NOT_FOUND, "there is no such service here")
        return self._write(status=self._state(asked.service))

    async def watch(self, asked: Any, context: Any) -> AsyncIterator[Any]:
        """Tell the state, and each other one that follows, until the caller goes or the server ends."""
        if self._watchers >= _MOST_WATCHERS:
            from grpc import StatusCode

            await context.abort(StatusCode.RESOURCE_EXHAUSTED, "too many watch; ask again and again instead")
        self._watchers += 1
        try:
            async for state in self._states(asked.service):
                yield self._write(status=state)
        finally:
            self._watchers -= 1

    async def _states(self, service: str) -> AsyncIterator[int]:
        told = None
        while True:
            state = self._state(service)
            if state != told:
                yield state
                told = state
            if self._ending.is_set():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _LOOK_SECONDS)

    def _state(self, service: str) -> int:
        if service not in self.names:
            return _UNKNOWN
        return _NOT_SERVING if self._ending.is_set() or self._engine.failure else _SERVING
