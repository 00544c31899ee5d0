"""The server process: `python -m kervan.serve.server SERVING.json`, or `serve` in the foreground.

SIGHUP makes it read the file again and switch to the package that is named there; SIGTERM and SIGINT make
it finish what is being answered, write the records that wait, and end with status 0.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from kervan.core.access import check_doors
from kervan.core.errors import KervanError, Refused, ServerFailed
from kervan.core.nouns import ServerState, Serving
from kervan.serve.access import read_grants
from kervan.serve.address import only_from
from kervan.serve.connection import IDLE_SECONDS, Connection
from kervan.serve.desk import Desk
from kervan.serve.engine import Engine
from kervan.serve.http import App
from kervan.serve.log import log_json_lines
from kervan.serve.state import only_server, read_serving, write_state
from kervan.serve.tls import Certificates

if TYPE_CHECKING:
    from collections.abc import Generator

    from kervan.serve.rpc.door import Door

_log = logging.getLogger("kervan.serve")
_DRAIN_SECONDS = 10
_ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(serving: Serving, *, file: Path | None = None) -> None:
    """Answer until SIGTERM or SIGINT; takes over these signals, so it must run in the main thread.

    With `file`, from which `serving` was read, SIGHUP switches to what the file then says, and
    `state.json` beside it tells how it went. Raises `Refused` for an address that others could reach,
    `ServerFailed` if the address is taken or the package fails its health prediction.
    """
    check_doors(serving.host, serving)
    if serving.keys:
        read_grants(Path(serving.keys))
    certificates = Certificates(serving) if serving.certificate else None
    with _listen(serving.host, serving.port) as listener:
        before = {signum: signal.getsignal(signum) for signum in _ENDING}
        engine = Engine(serving)
        try:
            _run(engine, listener, file, certificates)
        finally:
            engine.close()
            for signum, handler in before.items():
                signal.signal(signum, handler)


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where the server listens; `grpc` is None where it does not speak that."""

    http: int
    grpc: int | None


class _Server(uvicorn.Server):
    """Ends well on SIGTERM and SIGINT, where uvicorn dies from the signal in the end.

    The handlers stay until the records that wait are written, so that a second signal cannot lose them.
    `door` speaks gRPC, and ends at the same time.
    """

    door: Door | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take the signals over."""
        for signum in _ENDING:
            signal.signal(signum, self.handle_exit)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is being answered, by HTTP and by gRPC."""
        ending = [super().shutdown(sockets)]
        if self.door is not None:
            ending.append(self.door.close(_DRAIN_SECONDS))
        await asyncio.gather(*ending)


def main(arguments: list[str]) -> int:
    """Run the server that the file named in the arguments describes; return the exit status."""
    log_json_lines()
    if len(arguments) != 1:
        _log.error("usage: python -m kervan.serve.server SERVING.json")
        return 2
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to switch from
    file = Path(arguments[0])
    try:
        with only_server(file.parent):
            return _serve_file(file)
    except (KervanError, OSError) as error:
        _log.error(str(error), extra={"hint": getattr(error, "hint", "")})
        return 1


def _serve_file(file: Path) -> int:
    serving = read_serving(file)
    try:
        serve(serving, file=file)
    except Exception as error:  # noqa: BLE001 - who started us reads the reason in the state
        hint = getattr(error, "hint", "")
        _log.error(str(error), extra={"hint": hint}, exc_info=not isinstance(error, KervanError))
        failed = ServerState(
            pid=os.getpid(),
            host=serving.host,
            port=serving.port,
            deployment="",
            model="",
            since=time.time(),
            attempt=serving.deployment,
            error=_in_full(error),
        )
        write_state(file.parent, failed)
        return 1
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """Claim the address at once, so that a second server for it fails before it has loaded anything."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ServerFailed(
                f"port {port} on {host} is taken", hint="choose another port, or 0 for a free one"
            ) from error
        raise ServerFailed(f"cannot listen on {host}:{port}: {reason}", hint="choose another port") from error
    return listener


def _run(
    engine: Engine, listener: socket.socket, file: Path | None, certificates: Certificates | None
) -> None:
    desk = Desk(engine, certificates)
    server = _uvicorn(desk, certificates)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve_and_switch(server, desk, listener, file))


def _uvicorn(desk: Desk, certificates: Certificates | None) -> _Server:
    serving = desk.engine.current.serving
    config = uvicorn.Config(
        App(desk),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=only_from(serving.proxy, Connection) if serving.proxy else Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    config.load()
    config.ssl = certificates.context if certificates else None
    return _Server(config)


async def _serve_and_switch(server: _Server, desk: Desk, listener: socket.socket, file: Path | None) -> None:
    engine = desk.engine
    serving = engine.current.serving
    ports = _Ports(listener.getsockname()[1], await _open_door(server, desk))
    _log.info(
        "serving",
        extra={
            "model": engine.current.manifest.ref,
            "url": serving.url(ports.http),
            **({} if ports.grpc is None else {"grpc": ports.grpc}),
        },
    )
    if file is None:
        await server.serve(sockets=[listener])
        return
    hung_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
    _write(file, engine, ports, attempt=serving.deployment)
    switching = asyncio.create_task(_switch_on_hangup(hung_up, engine, file, ports))
    try:
        await server.serve(sockets=[listener])
    finally:
        switching.cancel()


async def _open_door(server: _Server, desk: Desk) -> int | None:
    """Let the server speak gRPC too if it is to, and return the port."""
    serving = desk.engine.current.serving
    if serving.grpc_port is None:
        return None
    from kervan.serve.rpc.door import Door

    server.door = Door(desk)
    return await server.door.open(serving)


async def _switch_on_hangup(hung_up: asyncio.Event, engine: Engine, file: Path, ports: _Ports) -> None:
    while True:
        await hung_up.wait()
        hung_up.clear()
        attempt = error = ""
        try:
            serving = read_serving(file)
            attempt = serving.deployment
            _check_address(serving, engine.current.serving, ports)
            await asyncio.to_thread(engine.switch, serving)
            _log.info("switched", extra={"model": engine.current.manifest.ref, "deployment": attempt})
        except Exception as failure:  # noqa: BLE001 - whatever a new package does, the old one goes on
            error = _in_full(failure)
            _log.error(error, extra={"deployment": attempt}, exc_info=not isinstance(failure, KervanError))
        _write(file, engine, ports, attempt=attempt, error=error)


def _check_address(wanted: Serving, now: Serving, ports: _Ports) -> None:
    if wanted.host != now.host or wanted.port not in {0, now.port, ports.http}:
        raise Refused(
            f"a running server stays on {now.host}:{ports.http}", hint="stop it to serve on another address"
        )
    if wanted.closed != now.closed:
        raise Refused(
            "a running server keeps its keys, rate, certificates and proxy", hint="stop it to change them"
        )
    if wanted.grpc_port not in {now.grpc_port, ports.grpc} or wanted.reflection != now.reflection:
        raise Refused("a running server keeps its gRPC as it is", hint="stop it to change that")


def _write(file: Path, engine: Engine, ports: _Ports, *, attempt: str, error: str = "") -> None:
    loaded = engine.current
    state = ServerState(
        pid=os.getpid(),
        host=loaded.serving.host,
        port=ports.http,
        grpc_port=ports.grpc,
        deployment=loaded.serving.deployment,
        model=loaded.manifest.ref,
        since=loaded.since,
        attempt=attempt,
        error=error,
    )
    try:
        write_state(file.parent, state)
    except KervanError as failure:  # a full disk must not stop the answers
        _log.error(str(failure))


def _in_full(error: Exception) -> str:
    if not isinstance(error, KervanError):
        return f"{type(error).__name__}: {error}"
    return f"{error} ({error.hint})" if error.hint else str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
