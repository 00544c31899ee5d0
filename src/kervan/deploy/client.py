"""Asking a server that runs: predictions for rows, and which deployment it is."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from kervan.core.errors import InvalidInput, KervanError, NotFound, RefusedRow, ServerFailed, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SECONDS = 60.0
_AT_ONCE = 2_000  # rows in one request: far below the server's limits, and in its cache
_READY_SECONDS = 30.0


def ask(
    url: str, rows: Sequence[Mapping[str, Any]], tell: Callable[[int], None] = lambda _done: None
) -> list[dict[str, Any]]:
    """Ask the server at `url` for predictions, in as many requests as it takes; `tell` hears of each one.

    Returns for each row its prediction's `id`, the `model` that answered, and `label` and `probabilities`
    or `value`. Raises `RefusedRow` with the row's place in `rows`, `ServerFailed` if no server answers.
    """
    if not rows:
        raise InvalidInput("there are no rows to predict", hint="give at least one row")
    connection = _connect(url)
    predictions: list[dict[str, Any]] = []
    try:
        for first in range(0, len(rows), _AT_ONCE):
            predictions += _ask_some(connection, url, rows[first : first + _AT_ONCE], first)
            tell(len(predictions))
    finally:
        connection.close()
    return predictions


def confirm(url: str, deployment: str) -> None:
    """Wait until the server at `url` answers for the deployment and is ready, or raise `ServerFailed`."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        found = _get(url, "/").get("deployment", "")
        status = _get(url, "/readyz")
        if found == deployment and status.get("ready") is True:
            return
        if time.monotonic() > deadline:
            detail = status.get("detail") or f"deployment {found!r} answers there"
            raise ServerFailed(f"{url} is not ready for {deployment}: {detail}", hint="see its server.log")
        time.sleep(0.1)


def _ask_some(
    connection: http.client.HTTPConnection, url: str, rows: Sequence[Mapping[str, Any]], first: int
) -> list[dict[str, Any]]:
    body = msgspec.json.encode({"features": [dict(row) for row in rows]}, enc_hook=float)
    status, answer = _exchange(connection, url, "POST", "/predict", body)
    if status != 200:
        raise _error(status, answer, first)
    record, model = answer["id"], answer["model"]
    many = len(rows) > 1
    return [
        {"id": f"{record}.{place}" if many else record, "model": model, **prediction}
        for place, prediction in enumerate(answer["predictions"])
    ]


def _get(url: str, path: str) -> dict[str, Any]:
    connection = _connect(url)
    try:
        return _exchange(connection, url, "GET", path)[1]
    finally:
        connection.close()


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    try:
        if parts.scheme == "http" and parts.hostname:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS)
    except ValueError:
        pass
    raise InvalidInput(f"{url!r} is not a server's URL", hint="write http://127.0.0.1:8000")


def _exchange(
    connection: http.client.HTTPConnection, url: str, method: str, path: str, body: bytes | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"content-type": "application/json"} if body is not None else {}
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
    kinds: dict[int, type[KervanError]] = {404: NotFound, 503: StorageFailed}
    kind = kinds.get(status, InvalidInput if status < 500 else ServerFailed)
    return kind(detail, hint=hint)
