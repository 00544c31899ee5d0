"""Sockets on which several processes listen: claimed once, inherited, and handed over by whoever has them."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.errors import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOOR = "door"  # the socket in a replica's folder at which its listening socket is to be had
_BACKLOG = 2048
_LONGEST_NAME = 100  # bytes of the path of a socket: Linux has room for 107, others for less


def listen(host: str, port: int) -> socket.socket:
    """Claim an address at once, so that a second server for it fails before it has loaded anything.

    Raises `ServerFailed`.
    """
    listener = _bind(host, port)
    listener.listen(_BACKLOG)
    return listener


def reserve(host: str, port: int, *, is_ours: bool = False) -> socket.socket:
    """Claim an address for processes that will share it, without listening there. Raises `ServerFailed`.

    With `is_ours` such processes may listen there already.
    """
    if not is_ours:
        with _bind(host, port) as first:
            port = first.getsockname()[1]
    return _bind(host, port, is_shared=True)


def _bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ServerFailed(
                f"port {port} on {host} is taken", hint="choose another port, or 0 for a free one"
            ) from error
        raise ServerFailed(f"cannot listen on {host}:{port}: {reason}", hint="choose another port") from error
    return listener


def open_door(path: Path) -> socket.socket:
    """Return a socket in the file system at which `hand_over` gives another one away."""
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(door.fileno(), 0o600)  # which on Linux is what the file gets, whatever the umask
    with _short(path) as name:
        door.bind(name)
    door.listen(8)
    door.setblocking(False)
    return door


def hand_over(door: socket.socket, listener: socket.socket) -> None:
    """Give the listening socket to whoever knocks at the door."""
    try:
        caller = door.accept()[0]
    except OSError:
        return
    with caller:
        try:
            socket.send_fds(caller, [b"."], [listener.fileno()])
        except OSError:  # the caller is gone
            return


def knock(path: Path) -> socket.socket | None:
    """Knock at a door; what is returned does not block, and `take_over` reads the answer from it."""
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.setblocking(False)
    try:
        with _short(path) as name:
            caller.connect(name)
    except OSError:
        caller.close()
        return None
    return caller


def take_over(caller: socket.socket) -> socket.socket | None:
    """Return the socket that was handed over, or None if none came.

    Raises `BlockingIOError` as long as nobody has answered.
    """
    try:
        _, descriptors, _, _ = socket.recv_fds(caller, 1, 1)
    except BlockingIOError:
        raise
    except OSError:
        return None
    return socket.socket(fileno=descriptors[0]) if descriptors else None


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name of the path that is short enough for a socket."""
    if len(os.fsencode(path)) <= _LONGEST_NAME:
        yield os.fspath(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
