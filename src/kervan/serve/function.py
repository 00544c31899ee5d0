"""A package as a function: events of a platform are answered by the same desk as requests to a server.

The platform's runtime imports this module and calls `aws`, `google` or `azure`; there is no socket and no
loop. The package is loaded once, by the first event or by `warm`, and stays as long as the instance. The
platform in front lets in who may ask, unless KERVAN_KEYS names a file of keys. An instance is frozen once it
has answered, so its record is written before. Its disk goes away with it: KERVAN_RECORDS=log writes records
to the log instead, which the platform keeps.
"""

from __future__ import annotations

import logging
import os
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from kervan.core.feedback import FOLDER
from kervan.core.log import log_json_lines
from kervan.serve.container import serving_of
from kervan.serve.desk import Desk, Head, request_id_of
from kervan.serve.engine import Engine
from kervan.serve.events import ANY_BYTE, asks_directly, direct_request, event_request, event_response
from kervan.serve.guard import MAX_BODY, too_large
from kervan.serve.headers import headers_of
from kervan.serve.loglines import LogLines
from kervan.serve.recorder import Recorder
from kervan.serve.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.ports import Reply
    from kervan.core.serving import Serving
    from kervan.serve.metrics import Metrics

LOG = "log"  # instead of a folder of records
RECORDS = "/tmp/kervan/records"  # noqa: S108 - all of a function's disk that can be written
_log = logging.getLogger("kervan.serve")


class RequestRefused(Exception):
    """What whoever invokes a function directly is told instead of an answer: an RFC 9457 problem, as JSON."""


class Function:
    """One instance of a function: a package that is loaded, and the desk that answers with it.

    Raises `KervanError` if the package cannot be served.
    """

    def __init__(self, serving: Serving, *, to_log: bool = False) -> None:
        self._engine = Engine(serving, recorder=_to_log if to_log else _at_once)
        self._desk = Desk(self._engine)
        self._turn = threading.Lock()

    def answer(self, head: Head, body: bytes) -> tuple[Reply, dict[str, str]]:
        """Answer one request, and return the reply with all its headers; its record is written then."""
        visit = Visit(request_id=request_id_of(head.headers), method=head.method)
        try:
            with self._turn:  # some platforms call from several threads
                if len(body) > MAX_BODY:
                    raise too_large()
                visit.admission = admission = self._desk.admit(head)
                reply = self._desk.reply(visit, admission, body)
            self._engine.flush()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            reply = self._desk.complain(error, visit)
        self._desk.count(visit, reply.status)
        return reply, headers_of(reply, visit.request_id)

    def close(self) -> None:
        """Write what waits to be written, and tell what is to be told."""
        self._desk.close()
        self._engine.close()


def aws(event: Any, context: Any = None) -> Any:
    """Answer an event of AWS Lambda.

    It comes from a function URL, from API Gateway (REST or HTTP), from a load balancer, or from somebody who
    invokes the function with what `POST /predict` or `/invocations` takes: one row, `{"features": …}`,
    `{"instances": […]}`. The latter get the answer itself, and `RequestRefused` where there is none.
    """
    function = warm()
    if asks_directly(event):
        reply, _ = function.answer(*direct_request(event, getattr(context, "aws_request_id", "")))
        if reply.status >= 400:
            raise RequestRefused(reply.body.decode())
        return msgspec.json.decode(reply.body)
    return event_response(event, *function.answer(*event_request(event)))


def google(request: Any) -> tuple[bytes, int, dict[str, str]]:
    """Answer an HTTP request of Google's functions framework, which is one of Flask.

    In `main.py` it needs another name: the framework looks for a module that is called like its function.
    """
    query = request.query_string.decode("latin-1")
    reply, headers = _answer(request.method, request.path, query, request.headers.items(), request.get_data())
    return reply.body, reply.status, headers


def azure(request: Any) -> Any:
    """Answer an `azure.functions.HttpRequest`; `host.json` has to have an empty `routePrefix`."""
    path, _, query = request.url.partition("?")
    _, _, after = path.partition("://")
    path = "/" + after.partition("/")[2] if after else path
    pairs = request.headers.items()
    reply, headers = _answer(request.method, path, query, pairs, request.get_body(), logs=False)
    kind = headers.pop("content-type")
    response = import_module("azure.functions").HttpResponse
    return response(reply.body, status_code=reply.status, headers=headers, mimetype=kind)


def _answer(
    method: str, path: str, query: str, headers: Any, body: bytes, *, logs: bool = True
) -> tuple[Reply, dict[str, str]]:
    pairs = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    return warm(logs=logs).answer(Head(method, quote(path, safe=ANY_BYTE), query, pairs, "https"), body)


def warm(*, logs: bool = True) -> Function:
    """Load the package that variables of the environment name, unless it is loaded already.

    These are the ones of an image, read by `kervan.serve.container`. With `logs` the log of the process
    becomes ours, in JSON lines. Raises `KervanError`.
    """
    with _LOADING:
        if not _LOADED:
            if logs:
                log_json_lines()
            serving = _serving(os.environ)
            _LOADED.append(Function(serving, to_log=serving.records == LOG))
            _log.info("serving", extra={"model": serving.package})
        return _LOADED[0]


_LOADED: list[Function] = []
_LOADING = threading.Lock()


def _serving(told: Mapping[str, str]) -> Serving:
    usual = {"KERVAN_ENVIRONMENT": "function", "KERVAN_DEPLOYMENT": "function", "KERVAN_RECORDS": RECORDS}
    guard = {} if told.get("KERVAN_KEYS") else {"KERVAN_PLATFORM": "1"}
    return serving_of({**usual, **{name: value for name, value in told.items() if value}, **guard})


def _at_once(folder: Path, metrics: Metrics | None) -> Recorder:
    """Return a recorder that waits for nobody: what is frozen next must be written before."""
    return Recorder(folder, metrics, interval=0.0)


def _to_log(folder: Path, metrics: Metrics | None) -> Recorder:
    dataset = "kervan.feedback" if folder.name == FOLDER else "kervan.prediction"
    return Recorder(folder, metrics, interval=0.0, sheets=LogLines(dataset))
