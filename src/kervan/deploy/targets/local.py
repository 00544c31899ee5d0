"""This machine: a supervisor and its replicas for each folder of a release, without containers or a cluster.

`serving.json` is what is wanted; `live.json` is what the server was told last. The two differ only while a
release is under way, or after one failed.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from kervan.core.access import is_loopback
from kervan.core.errors import Conflict, KervanError, NotFound, ServerFailed, StorageFailed
from kervan.core.locks import process_number
from kervan.core.places import Place
from kervan.core.private import write_private
from kervan.core.serving import Serving
from kervan.deploy.client import Credentials, confirm
from kervan.deploy.kept import Kept, parse_kept
from kervan.deploy.process import LOG, STATE, orphans, running, start, stop, switch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kervan.core.serving import Plan, ServerState

WANTED = "serving.json"
_LIVE = "live.json"
_LOCK = "release.lock"


class LocalTarget:
    """Runs a release as processes of its own on this machine."""

    about = Place(
        title="this machine",
        strategies=("at-once", "blue-green", "canary", "rolling", "shadow", "ab", "bandit"),
        watched=True,
        checked="every setting, when it is read",
        proved="all of it, with real processes",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return `serving.json`, with the plan in it."""
        kept = Kept(**{each.name: getattr(serving, each.name) for each in fields(Serving)}, plan=plan)
        return {PurePath(WANTED): _written(kept)}

    def apply(self, folder: Path, plan: Plan) -> str:
        """Make replicas answer as `serving.json` in the folder says, and return their URL.

        What runs on the same address changes without failing a request; for another address it is stopped
        first. Raises `ServerFailed` if the new release does not come up, after what ran
        before answers again, and `Conflict` while another release to the same folder is under way.
        """
        with _only_release(folder):
            wanted = _read(folder / WANTED)
            serving = replace(parse_kept(wanted, folder / WANTED), plan=plan)
            wanted = _written(serving).encode()
            before = (folder / _LIVE).read_bytes() if (folder / _LIVE).is_file() else None
            try:
                state = _bring_up(folder, wanted, serving)
                _confirm(state, serving)
            except (KervanError, KeyboardInterrupt) as error:
                _bring_back(folder, before, error)
                raise
            return serving.url(state.port)

    def remove(self, folder: Path) -> None:
        """Stop the server of the folder, if one runs."""
        if not folder.is_dir():
            return
        with _only_release(folder):
            stop(folder)
            for name in (_LIVE, STATE):
                (folder / name).unlink(missing_ok=True)

    def runs(self, folder: Path) -> bool:
        """Say whether replicas answer from the folder. Where their supervisor is gone, they get another."""
        if running(folder) is not None:
            return True
        if not orphans(folder):
            return False
        with suppress(KervanError), _only_release(folder):
            _look_after_again(folder)
        return True

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of the supervisor and its replicas."""
        try:
            with (folder / LOG).open(encoding="utf-8", errors="replace") as file:
                return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
        except FileNotFoundError:
            return []

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell in the folder."""
        return ("sh", "-c", 'cd "$1" && exec "${SHELL:-sh}"', "kervan", os.fspath(folder))


def _written(kept: Kept) -> str:
    return msgspec.json.format(msgspec.json.encode(kept), indent=2).decode() + "\n"


def _look_after_again(folder: Path) -> ServerState | None:
    """Return what runs; where replicas answer and their supervisor was killed, start another one first."""
    state = running(folder)
    is_alone = process_number(folder) is None and (folder / _LIVE).is_file() and orphans(folder)
    if state is None and is_alone:
        with suppress(ServerFailed):
            return start(folder / _LIVE)
    return state


def _bring_up(folder: Path, wanted: bytes, serving: Kept) -> ServerState:
    state = _look_after_again(folder)
    if state is not None and _stays(folder, state, serving):
        _write(folder / _LIVE, wanted)
        return switch(folder, serving.deployment)
    if state is None:
        stop(folder)  # a server that never came up would hold the address
    _check_free(serving)
    stop(folder)
    _write(folder / _LIVE, wanted)
    return start(folder / _LIVE)


def _bring_back(folder: Path, before: bytes | None, why: BaseException) -> None:
    """Let the folder say again what runs, and start that if the failed release has ended it."""
    try:
        _restore(folder, before)
    except KervanError as error:
        raise ServerFailed(
            f"{why}; what ran before did not come back either: {error}", hint=error.hint
        ) from why


def _restore(folder: Path, before: bytes | None) -> None:
    if before is None:
        stop(folder)
        (folder / _LIVE).unlink(missing_ok=True)
        return
    _write(folder / _LIVE, before)
    _write(folder / WANTED, before)
    if process_number(folder) is None:
        start(folder / _LIVE)


def _stays(folder: Path, state: ServerState, serving: Serving) -> bool:
    """Say whether what runs can change to this where it is: only another URL needs another start."""
    before = parse_kept((folder / _LIVE).read_bytes(), folder / _LIVE)
    kept = [(each.grpc_port, bool(each.certificate)) for each in (before, serving)]
    return kept[0] == kept[1] and state.host == serving.host and serving.port in {0, state.port}


def _check_free(serving: Serving) -> None:
    """Raise `ServerFailed` if the address is taken, while what runs is still untouched."""
    for port in (serving.port, serving.grpc_port):
        if port is not None:
            _check_port(serving.host, port)


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise ServerFailed(
                f"port {port} on {host} cannot be had: {reason}",
                hint="choose another port, or 0 for a free one",
            ) from error


def _confirm(state: ServerState, serving: Serving) -> None:
    """Ask the server whether it answers, unless its doors are closed to us: then its own word counts."""
    is_for_others = serving.client_ca or (serving.proxy and not is_loopback(serving.proxy.partition("/")[0]))
    if not is_for_others:
        confirm(serving.url(state.port), serving.deployment, Credentials(certificate=serving.certificate))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", hint="render the release first") from error


def _write(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise StorageFailed(f"cannot write {path}: {error.strerror}", hint="free the disk") from error


@contextmanager
def _only_release(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed(f"cannot use {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Conflict(
            f"another release to {folder} is under way", hint="try again when it is done"
        ) from error
    finally:
        os.close(descriptor)
