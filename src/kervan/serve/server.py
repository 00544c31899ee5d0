"""The server process: `python -m kervan.serve.server SERVING.json`, or `serve` in the foreground.

A replica, one of many at the same address, gets the descriptors that it inherits as further arguments.
SIGHUP makes it read the file again and switch to the package that is named there; SIGTERM and SIGINT make
it finish what is being answered, write the records that wait, and end with status 0.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.access import check_doors
from kervan.core.errors import KervanError, Refused
from kervan.core.locks import only_server, sign
from kervan.core.log import log_json_lines
from kervan.core.serving import ServerState, Serving
from kervan.core.sockets import DOOR, hand_over, listen, open_door
from kervan.serve.access import read_grants
from kervan.serve.desk import Desk
from kervan.serve.engine import Engine
from kervan.serve.library import Shelf
from kervan.serve.listening import ENDING, WellEndingServer, server_of
from kervan.serve.seen import Watcher
from kervan.serve.sharing import Sharing
from kervan.serve.state import read_serving, write_state
from kervan.serve.tls import Certificates

if TYPE_CHECKING:
    from kervan.serve.screen import Screen

_log = logging.getLogger("kervan.serve")


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a replica has from its supervisor, as descriptors.

    A socket that listens already, the lock of its own folder, and, if it is to end with its supervisor, what
    says so by coming to its end.
    """

    listener: int
    lock: int
    keeper: int | None = None


def serve(
    serving: Serving,
    *,
    file: Path | None = None,
    inherited: Inherited | None = None,
    screen: Screen | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT; takes over these signals, so it must run in the main thread.

    With `file`, from which `serving` was read, SIGHUP switches to what the file then says, and
    `state.json` beside it tells how it went. What is `inherited` makes it one of several replicas; `screen`
    is the terminal of somebody who watches. Raises `Refused` for an address that others could reach without
    a key, `ServerFailed` if the address is taken or the package fails its health prediction.
    """
    check_doors(serving.host, serving)
    if serving.keys:
        read_grants(Path(serving.keys))
    certificates = Certificates(serving) if serving.certificate else None
    with _listener(serving, inherited) as listener:
        before = {signum: signal.getsignal(signum) for signum in ENDING}
        engine = Engine(serving)
        engine.is_one_of_many = inherited is not None
        sharing = Sharing(engine.metrics, file.parent.parent) if file and engine.is_one_of_many else None
        try:
            _run(_Task(engine, listener, file, sharing, screen, inherited), certificates)
        finally:
            engine.close()
            for signum, handler in before.items():
                signal.signal(signum, handler)


@dataclass(frozen=True, slots=True)
class _Task:
    """What one process answers with and where, and whom it tells of it."""

    engine: Engine
    listener: socket.socket
    file: Path | None
    sharing: Sharing | None
    screen: Screen | None
    inherited: Inherited | None


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where a server listens; `grpc` is None where it does not speak that."""

    http: int
    grpc: int | None


def _listener(serving: Serving, inherited: Inherited | None) -> socket.socket:
    if inherited is None:
        return listen(serving.host, serving.port)
    return socket.socket(fileno=inherited.listener)


def main(arguments: list[str]) -> int:
    """Run the server that the file named in the arguments describes; return the exit status."""
    log_json_lines()
    if len(arguments) not in {1, 3, 4}:
        _log.error("usage: python -m kervan.serve.server SERVING.json [LISTENER LOCK [KEEPER]]")
        return 2
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to switch from
    file = Path(arguments[0])
    inherited = Inherited(*map(int, arguments[1:])) if arguments[1:] else None
    try:
        with only_server(file.parent) if inherited is None else nullcontext():
            return _serve_file(file, inherited)
    except (KervanError, OSError) as error:
        _log.error(str(error), extra={"error": error})
        return 1


def _serve_file(file: Path, inherited: Inherited | None) -> int:
    if inherited is not None:
        sign(inherited.lock, os.getpid())  # its supervisor may have been killed before it could
        for each in (inherited.listener, inherited.lock):
            os.set_inheritable(each, False)
    serving = read_serving(file)
    try:
        serve(serving, file=file, inherited=inherited)
    except Exception as error:  # noqa: BLE001 - who started us reads the reason in the state
        _log.error(str(error), extra={"error": error}, exc_info=not isinstance(error, KervanError))
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


def _log_start(serving: Serving, ports: _Ports, model: str, screen: Screen | None) -> None:
    url = serving.url(ports.http)
    if screen is not None:
        screen.greet(serving, url, ports.grpc)
        return
    grpc = {} if ports.grpc is None else {"grpc_port": ports.grpc}
    _log.info("serving", extra={"model": model, "url": url, **grpc})


def _run(task: _Task, certificates: Certificates | None) -> None:
    desk = Desk(task.engine, certificates)
    server = server_of(desk, certificates)
    server.take_signals()  # before anybody hears that it serves
    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(server, task))
    finally:
        desk.close()


async def _serve(server: WellEndingServer, task: _Task) -> None:
    engine, listener, file, sharing = task.engine, task.listener, task.file, task.sharing
    serving = engine.current.serving
    ports = _Ports(listener.getsockname()[1], await server.open_door())
    beside = [asyncio.create_task(sharing.keep())] if sharing else []
    if serving.folder:
        beside.append(asyncio.create_task(Shelf(engine).watch()))
    if file is not None and task.inherited is not None:
        beside.append(asyncio.create_task(_answer_supervisor(server, listener, file.with_name(DOOR))))
        _end_with_keeper(server, task.inherited.keeper)
    if file is not None:
        beside.append(asyncio.create_task(Watcher(engine, file.parent).keep()))
        hung_up = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
        beside.append(asyncio.create_task(_switch_on_hangup(hung_up, engine, file, ports)))
    _log_start(serving, ports, engine.current.manifest.ref, task.screen)
    if task.screen is not None:
        task.screen.watch(engine.metrics.all_counted)
    if file is not None:
        await asyncio.sleep(0)  # the door is open before anybody hears that it serves
        _write(file, engine, ports, attempt=serving.deployment)
    try:
        await server.serve(sockets=[listener])
    finally:
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _answer_supervisor(server: WellEndingServer, listener: socket.socket, path: Path) -> None:
    """Give the listening socket to a supervisor that asks, which is a sign of life, until it is closed."""
    loop = asyncio.get_running_loop()
    with open_door(path) as door:
        loop.add_reader(door, hand_over, door, listener)
        try:
            await server.closed.wait()
        finally:
            loop.remove_reader(door)
            path.unlink(missing_ok=True)


def _end_with_keeper(server: WellEndingServer, keeper: int | None) -> None:
    """End once the process that keeps the other end of a pipe is gone."""
    if keeper is None:
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True
        loop.remove_reader(keeper)

    loop.add_reader(keeper, end)


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
            is_surprise = not isinstance(failure, KervanError)
            _log.error(error, extra={"deployment": attempt, "error": failure}, exc_info=is_surprise)
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
        _log.error(str(failure), extra={"error": failure})


def _in_full(error: Exception) -> str:
    if not isinstance(error, KervanError):
        return f"{type(error).__name__}: {error}"
    return f"{error} ({error.hint})" if error.hint else str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
