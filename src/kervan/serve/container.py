"""The process of an image: `python -m kervan.serve.container`, told by variables of its environment.

It answers on `$PORT` for the package in `/opt/kervan/package`, in JSON log lines on stderr. Doors are closed
in one of two ways: with keys, behind a proxy that brings TLS (or with a certificate), or by a platform in
front that lets in only who may ask (`KERVAN_PLATFORM=1`). With neither it does not start. SIGTERM makes it
finish what is being answered, write the records that wait, and end with status 0. `--health` asks the server
beside it whether it is ready.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import msgspec

from kervan.core.access import read_network
from kervan.core.errors import InvalidConfig, KervanError, Refused
from kervan.core.keeping import Keeping
from kervan.core.log import log_json_lines
from kervan.core.places import KEYS, PACKAGE, PORT, RECORDS
from kervan.core.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EVERYWHERE = "0.0.0.0/0"
HEALTH = "--health"
_ARGUMENTS: tuple[list[str], ...] = ([], ["serve"], [HEALTH])  # platforms start images with `serve`
_YES = {"1": True, "true": True, "": False, "0": False, "false": False}
_PATIENCE = 5.0

_log = logging.getLogger("kervan.serve")

T = TypeVar("T")


def serving_of(told: Mapping[str, str]) -> Serving:
    """Return what variables of the environment say is to be served.

    Raises `InvalidConfig` that names the variable, `Refused` if neither keys nor a platform close the doors.

    >>> serving_of({"KERVAN_PLATFORM": "1", "PORT": "9000"}).port
    9000
    """
    platform = _read(told, "KERVAN_PLATFORM", lambda text: _YES[text.lower()], False, "1 or 0")
    keys = "" if platform else told.get("KERVAN_KEYS", "") or (KEYS if Path(KEYS).is_file() else "")
    if not platform and not keys:
        raise Refused(
            "anybody could ask this server: there are no keys, and no platform is said to guard it",
            hint=f"mount the file that `kervan key create` wrote to {KEYS}, or name it in KERVAN_KEYS; "
            "where a platform in front lets in only who may ask, set KERVAN_PLATFORM=1",
        )
    certificate = told.get("KERVAN_CERTIFICATE", "")
    return Serving(
        environment=told.get("KERVAN_ENVIRONMENT", "") or "container",
        deployment=told.get("KERVAN_DEPLOYMENT", "") or "container",
        package=told.get("KERVAN_PACKAGE", "") or PACKAGE,
        folder=told.get("KERVAN_FOLDER", ""),
        records=told.get("KERVAN_RECORDS", "") or RECORDS,
        host="0.0.0.0",  # noqa: S104 - inside of a container: what is published is decided outside
        port=_read(told, "PORT", _port, PORT, "a port"),
        grpc_port=_read(told, "KERVAN_GRPC_PORT", _port, None, "a port"),
        trusted=tuple(filter(None, told.get("KERVAN_TRUSTED", "").split(","))),
        allow=tuple(filter(None, told.get("KERVAN_ALLOW", "").split(","))),
        share=_read(told, "KERVAN_SHARE", float, 1.0, "a share from 0 to 1"),
        keeping=_read(told, "KERVAN_KEEPING", _keeping, Keeping(), "JSON of what to keep"),
        slow=_read(told, "KERVAN_SLOW", float, 1.0, "seconds"),
        otlp=told.get("KERVAN_OTLP", ""),
        keys=keys,
        rate=told.get("KERVAN_RATE", ""),
        certificate=certificate,
        certificate_key=told.get("KERVAN_CERTIFICATE_KEY", ""),
        client_ca=told.get("KERVAN_CLIENT_CA", ""),
        proxy="" if platform else told.get("KERVAN_PROXY", "") or ("" if certificate else EVERYWHERE),
        platform=platform,
    )


def _read(told: Mapping[str, str], name: str, reader: Callable[[str], T], default: T, words: str) -> T:
    text = told.get(name, "").strip()
    if not text:
        return default
    try:
        return reader(text)
    except (ValueError, KeyError, msgspec.DecodeError) as error:
        raise InvalidConfig(f"{name}={text!r} is not {words}", hint="change the variable") from error


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _keeping(text: str) -> Keeping:
    return msgspec.json.decode(text, type=Keeping)


def is_ready(serving: Serving) -> bool:
    """Ask the server that runs beside this process whether it is ready to answer.

    Where only a proxy may connect, or callers show certificates, that it takes connections has to do.
    """
    only_others = serving.proxy and not read_network(serving.proxy).overlaps(read_network("127.0.0.1"))
    if only_others or serving.client_ca:
        try:
            socket.create_connection(("127.0.0.1", serving.port), timeout=_PATIENCE).close()
        except OSError:
            return False
        return True
    if serving.certificate:  # which is for the name by which others come
        context = ssl._create_unverified_context()  # noqa: S323
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", serving.port, timeout=_PATIENCE, context=context
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str], told: Mapping[str, str] = os.environ) -> int:
    """Answer until SIGTERM, or say whether the server that runs is ready; return the exit status."""
    signal.signal(signal.SIGTERM, _end)  # the first process of a container ends by no signal that it ignores
    log_json_lines()
    if arguments not in _ARGUMENTS:
        _log.error("usage: python -m kervan.serve.container [serve | --health]")
        return 2
    try:
        serving = serving_of(told)
        if arguments == [HEALTH]:
            return 0 if is_ready(serving) else 1
        _check_records(Path(serving.records))
        from kervan.serve.server import serve

        serve(serving)
    except (KervanError, OSError) as error:
        _log.error(str(error), extra={"error": error})
        return 1
    return 0


def _end(*_: object) -> NoReturn:
    raise SystemExit(0)


def _check_records(folder: Path) -> None:
    """Raise `Refused` where records cannot be written, before the first prediction would fail by it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        is_writable = False
    if not is_writable:
        raise Refused(
            f"predictions cannot be recorded: user {os.getuid()} may not write into {folder}",
            hint="mount a volume or a tmpfs there that this user may write",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
