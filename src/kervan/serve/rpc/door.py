"""The gRPC server: it runs in the event loop of the HTTP server, and asks the same desk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from kervan.core.access import read_network
from kervan.core.errors import ServerFailed
from kervan.core.identity import new_id
from kervan.core.plugins import extras_named, plugin, plugins
from kervan.core.ports import Action, Call, Reply, Service
from kervan.serve.desk import SMALL
from kervan.serve.guard import MAX_BODY
from kervan.serve.problem import HttpProblem
from kervan.serve.routing import Mounted, Router
from kervan.serve.rpc.health import HealthService
from kervan.serve.rpc.messages import pool
from kervan.serve.rpc.peers import comes_from, credentials_of
from kervan.serve.rpc.status import code_of, metadata_of, words_of
from kervan.serve.turn import Turn
from kervan.serve.visit import Visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from kervan.serve.desk import Admission, Desk

_PATIENCE = 8  # turns: gRPC takes one call after the other, with some turns of the loop in between
_MOST_CALLS = 1_000  # under way at any time; more are refused at once
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_BODY),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_concurrent_streams", _MOST_CALLS),
    ("grpc.max_connection_idle_ms", 300_000),
)


class Door:
    """Answers gRPC calls at a desk, by every service that is installed."""

    def __init__(self, desk: Desk) -> None:
        with extras_named():
            import grpc.aio
        self._desk = desk
        self._grpc = grpc
        self._ending = asyncio.Event()
        self._turn = Turn(desk, asyncio.get_running_loop(), _PATIENCE)
        self._health = HealthService(desk.engine, self._ending)
        services: dict[str, Service] = {name: plugin("service", name) for name in plugins("service")}
        self._health.names = ("", *(service.service for service in services.values()))
        Router(services)  # refuses routes that do not say who may use them
        self._server = grpc.aio.server(
            options=(*_OPTIONS, ("grpc.so_reuseport", int(desk.engine.is_one_of_many))),
            maximum_concurrent_rpcs=_MOST_CALLS,
        )
        self._server.add_generic_rpc_handlers(
            (*(self._handler(*each) for each in services.items()), self._health.handler())
        )
        if desk.engine.current.serving.reflection:
            self._reflect(self._health.names[1:])

    async def open(self) -> int:
        """Listen, and return the port. Raises `ServerFailed` where it cannot be had."""
        serving = self._desk.engine.current.serving
        host = f"[{serving.host}]" if ":" in serving.host else serving.host
        address = f"{host}:{serving.grpc_port}"
        port: int
        try:
            if serving.certificate:
                port = self._server.add_secure_port(address, credentials_of(serving))
            else:
                port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise ServerFailed(
                f"port {serving.grpc_port} on {serving.host} cannot be had for gRPC",
                hint="choose another gRPC port, or 0 for a free one",
            ) from error
        await self._server.start()
        return port

    async def close(self, seconds: float) -> None:
        """Take no more calls, and wait for the answers to those that came."""
        self._ending.set()
        await self._server.stop(seconds)

    def _reflect(self, names: Iterable[str]) -> None:
        with extras_named():
            from grpc_reflection.v1alpha import reflection
        health = self._health.service
        reflection.enable_server_reflection(
            (*names, health, reflection.SERVICE_NAME), self._server, pool=pool()
        )

    def _handler(self, protocol: str, service: Service) -> Any:
        """Return what answers the calls of one service. Messages stay bytes: the services read them."""
        methods = {}
        for route in service.routes:
            call = _Method(self, Mounted(route, protocol, service), service)
            if route.call in service.streamed:
                methods[route.call] = self._grpc.stream_stream_rpc_method_handler(call.stream)
            else:
                methods[route.call] = self._grpc.unary_unary_rpc_method_handler(call.answer)
        return self._grpc.method_handlers_generic_handler(service.service, methods)


class _Waiting:
    """A call that waits for the end of a turn."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[tuple[Reply, str]] = asyncio.get_running_loop().create_future()

    def answer(self, reply: Reply, request_id: str) -> None:
        """Take an answer; whoever went away needs none."""
        if not self.future.done():
            self.future.set_result((reply, request_id))

    def answer_well(self, body: bytes, request_id: str) -> None:
        """Take predictions."""
        self.answer(Reply(body=body), request_id)


class _Method:
    """One method of a service."""

    def __init__(self, door: Door, mounted: Mounted, service: Service) -> None:
        self._desk = door._desk
        self._codes = door._grpc.StatusCode
        self._end = door._grpc.aio.EOF
        self._ending = door._ending
        proxy = self._desk.engine.current.serving.proxy
        self._proxy = read_network(proxy) if proxy else None
        self._mounted = mounted
        self._service = service
        self._turn = door._turn
        is_one = mounted.route.action is Action.PREDICT and mounted.route.call not in service.streamed
        self._peek = getattr(service, "peek", None) if is_one else None

    async def answer(self, body: bytes, context: Any) -> bytes:
        """Answer a call with one message."""
        try:
            admission = self._admit(context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            reply, request_id = self._complain(error, Visit(request_id=new_id()))
        else:
            read = self._peek(body) if self._peek is not None and len(body) <= SMALL else None
            if read is None:
                reply, request_id = await self._alone(admission, body)
            else:
                waiting = _Waiting()
                self._turn.add(waiting, admission, body, read)
                reply, request_id = await waiting.future
        if reply.status != 200:
            return await self._abort(context, reply, request_id)
        context.set_trailing_metadata((("x-request-id", request_id),))
        return reply.body

    async def _alone(self, admission: Admission, body: bytes) -> tuple[Reply, str]:
        visit = Visit(request_id=admission.request_id or new_id(), admission=admission)
        try:
            reply = await self._desk.answer(visit, admission, body)
        except Exception as error:  # noqa: BLE001
            return self._complain(error, visit)
        self._desk.count(visit, reply.status)
        return reply, visit.request_id

    def _complain(self, error: Exception, visit: Visit) -> tuple[Reply, str]:
        reply = self._desk.complain(error, visit)
        self._desk.count(visit, reply.status)
        return reply, visit.request_id

    async def stream(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Answer the messages of a stream, each by itself; one that is refused does not end it."""
        try:
            admission = self._admit(context)
        except Exception as error:  # noqa: BLE001
            await self._abort(context, *self._complain(error, Visit(request_id=new_id())))
        async for body in self._arriving(context):
            reply, _ = await self._alone(admission, body)
            if reply.status == 200:
                yield reply.body
            else:
                yield self._service.complain(Call(route=self._mounted.route, body=body), words_of(reply))

    async def _arriving(self, context: Any) -> AsyncIterator[bytes]:
        """Give the messages of a stream until its end, or until the server is to end."""
        ending = asyncio.create_task(self._ending.wait())
        try:
            while not self._ending.is_set():
                reading = asyncio.ensure_future(context.read())
                await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    return
                body = reading.result()
                if body is self._end:
                    return
                yield body
        finally:
            ending.cancel()

    def _admit(self, context: Any) -> Admission:
        if self._proxy is not None and not comes_from(self._proxy, context.peer()):
            raise HttpProblem(403, "only the proxy may connect here")
        return self._desk.admit_call(self._mounted, _read_metadata(context.invocation_metadata()))

    async def _abort(self, context: Any, reply: Reply, request_id: str) -> bytes:
        code = getattr(self._codes, code_of(reply))
        await context.abort(code, words_of(reply), metadata_of(reply, request_id))
        raise AssertionError  # `abort` always raises


def _read_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> Iterable[tuple[bytes, bytes]]:
    return [
        (name.encode(), value.encode() if isinstance(value, str) else value) for name, value in metadata or ()
    ]
