"""Asking a server that runs: predictions for rows, and which deployment it is."""

from __future__ import annotations

import http.client
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from kervan.core.errors import (
    InvalidInput,
    KervanError,
    NotFound,
    Refused,
    RefusedRow,
    ServerFailed,
    StorageFailed,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

KEY = "KERVAN_KEY"  # where those who ask keep their key
_SECONDS = 60.0
_AT_ONCE = 2_000  # rows in one request: far below the server's limits, and in its cache
_READY_SECONDS = 30.0
_PEM_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What we show a server, our `key`, and by which `certificate` (a PEM file) we know it.

    Without a file the authorities of this machine have to vouch for the server, under the name that is asked.
    """

    key: str = field(default_factory=lambda: os.environ.get(KEY, ""), repr=False)
    certificate: str = ""


def ask(
    url: str,
    rows: Sequence[Mapping[str, Any]],
    tell: Callable[[int], None] = lambda _done: None,
    credentials: Credentials | None = None,
) -> list[dict[str, Any]]:
    """Ask the server at `url` for predictions, in as many requests as it takes; `tell` hears of each one.

    Returns for each row its prediction's `id`, the `model` that answered, and `label` and `probabilities`
    or `value`. Raises `RefusedRow` with the row's place in `rows`, `ServerFailed` if no server answers.
    """
    if not rows:
        raise InvalidInput("there are no rows to predict", hint="give at least one row")
    shown = credentials or Credentials()
    connection = _connect(url, shown)
    predictions: list[dict[str, Any]] = []
    try:
        for first in range(0, len(rows), _AT_ONCE):
            predictions += _ask_some(connection, url, rows[first : first + _AT_ONCE], first, shown)
            tell(len(predictions))
    finally:
        connection.close()
    return predictions


def confirm(url: str, deployment: str, credentials: Credentials | None = None) -> None:
    """Wait until the server at `url` answers for the deployment and is ready, or raise `ServerFailed`."""
    deadline = time.monotonic() + _READY_SECONDS
    shown = credentials or Credentials()
    while True:
        found = _get(url, "/", shown).get("deployment", "")
        status = _get(url, "/readyz", shown)
        if found == deployment and status.get("ready") is True:
            return
        if time.monotonic() > deadline:
            detail = status.get("detail") or f"deployment {found!r} answers there"
            raise ServerFailed(f"{url} is not ready for {deployment}: {detail}", hint="see its server.log")
        time.sleep(0.1)


def _ask_some(
    connection: http.client.HTTPConnection,
    url: str,
    rows: Sequence[Mapping[str, Any]],
    first: int,
    credentials: Credentials,
) -> list[dict[str, Any]]:
    body = msgspec.json.encode({"features": [dict(row) for row in rows]}, enc_hook=float)
    status, answer = _exchange(connection, url, ("POST", "/predict", body), credentials.key)
    if status != 200:
        raise _error(status, answer, first)
    record, model = answer["id"], answer["model"]
    many = len(rows) > 1
    return [
        {"id": f"{record}.{place}" if many else record, "model": model, **prediction}
        for place, prediction in enumerate(answer["predictions"])
    ]


def _get(url: str, path: str, credentials: Credentials) -> dict[str, Any]:
    connection = _connect(url, credentials)
    try:
        return _exchange(connection, url, ("GET", path, None))[1]
    finally:
        connection.close()


def _connect(url: str, credentials: Credentials) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    try:
        if parts.scheme == "http" and parts.hostname:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS)
        if parts.scheme == "https" and parts.hostname:
            context = _context(credentials.certificate)
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=_SECONDS, context=context)
    except ValueError:
        pass
    raise InvalidInput(f"{url!r} is not a server's URL", hint="write http://127.0.0.1:8000")


def _context(certificate: str) -> ssl.SSLContext:
    """Trust the very certificate that a server of ours shows, whatever its names, or else the authorities."""
    import ssl

    if not certificate:
        return ssl.create_default_context()
    try:
        text = Path(certificate).read_text(encoding="ascii")
        context = ssl.create_default_context(cadata=text[: text.index(_PEM_END) + len(_PEM_END)])
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{certificate} is no certificate: {error}", hint="release the model again"
        ) from error
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _exchange(
    connection: http.client.HTTPConnection, url: str, asked: tuple[str, str, bytes | None], key: str = ""
) -> tuple[int, dict[str, Any]]:
    method, path, body = asked
    headers = {"content-type": "application/json"} if body is not None else {}
    if key:
        headers["authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = msgspec.json.decode(response.read())
    except (OSError, http.client.HTTPException) as error:
        raise ServerFailed(
            f"no server answers at {url}: {error or type(error).__name__}",
            hint="release a model, or serve one",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServerFailed(f"{url} gave no JSON: another program runs there", hint="check the URL") from error
    if not isinstance(content, dict):
        raise ServerFailed(f"another program runs at {url}", hint="check the URL")
    return response.status, content


def _error(status: int, problem: Mapping[str, Any], first: int) -> KervanError:
    """Turn a problem into the error that it was on the server; a row's place counts from the first of all."""
    detail, hint = str(problem.get("detail", f"the server answered {status}")), str(problem.get("hint", ""))
    if "row" in problem:
        row = int(problem["row"])
        detail = detail.replace(f"row {row},", f"row {first + row},", 1)
        return RefusedRow(detail, row=first + row, field=str(problem.get("field", "")), hint=hint)
    if status == 401:
        hint = f"keep a key in the variable {KEY}: kervan key create --scope predict"
    kinds: dict[int, type[KervanError]] = {
        401: Refused,
        403: Refused,
        404: NotFound,
        429: Refused,
        503: StorageFailed,
    }
    kind = kinds.get(status, InvalidInput if status < 500 else ServerFailed)
    return kind(detail, hint=hint)
