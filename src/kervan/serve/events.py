"""Events of AWS Lambda as requests, and answers as what Lambda hands on. No I/O.

Four kinds come: those of function URLs and HTTP APIs (form 2.0), of REST APIs (form 1.0), of load balancers,
and whatever somebody invokes the function with, which is a body.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from kervan.serve.desk import Head
from kervan.serve.protocols.invocations import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kervan.core.ports import Reply

ANY_BYTE = "".join(map(chr, range(0x21, 0x7F)))  # of a path that is quoted already, where need be
_TEXTS = ("text/", "application/json", "application/problem+json", "application/jsonlines")


def asks_directly(event: Any) -> bool:
    """Say whether an event is a body that somebody invokes the function with, and no request over HTTP."""
    return not (isinstance(event, dict) and isinstance(event.get("requestContext"), dict))


def direct_request(event: Any, request_id: str = "") -> tuple[Head, bytes]:
    """Return the request that a bare body stands for.

    What other platforms call `instances`, `inputs` or `dataframe_…` is answered as `/invocations` does.
    """
    is_foreign = isinstance(event, dict) and any(isinstance(event.get(name), dict | list) for name in FORMS)
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if request_id:
        headers.append((b"x-request-id", request_id.encode("latin-1", "replace")))
    path = "/invocations" if is_foreign else "/predict"
    return Head("POST", path, "", headers, "https"), msgspec.json.encode(event)


def event_request(event: Mapping[str, Any]) -> tuple[Head, bytes]:
    """Return the request that an event holds."""
    context = event["requestContext"]
    if event.get("version") == "2.0":
        method, path, query = context["http"]["method"], event["rawPath"], event.get("rawQueryString", "")
        path = _without_stage(path, context.get("stage", ""))
    else:
        method, path, query = event["httpMethod"], event["path"], _query(event)
    body = event.get("body") or ""
    content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    return Head(method, quote(path, safe=ANY_BYTE), query, list(_headers(event)), "https"), content


def event_response(event: Mapping[str, Any], reply: Reply, headers: Mapping[str, str]) -> dict[str, Any]:
    """Write an answer as the sender of an event wants it."""
    is_text = reply.kind.startswith(_TEXTS)
    body = reply.body if event.get("httpMethod") != "HEAD" else b""
    response: dict[str, Any] = {
        "statusCode": reply.status,
        "headers": dict(headers),
        "body": body.decode() if is_text else base64.b64encode(body).decode(),
        "isBase64Encoded": not is_text,
    }
    if "elb" in event["requestContext"]:
        response["statusDescription"] = f"{reply.status} {HTTPStatus(reply.status).phrase}"
        if "multiValueHeaders" in event:  # then the balancer looks at these alone
            response["multiValueHeaders"] = {name: [value] for name, value in response.pop("headers").items()}
    return response


def _headers(event: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    found = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    if not any(name.lower() == "host" for name in found):
        yield b"host", b"localhost"  # the console's tests have none
    for name, values in found.items():
        for value in values:
            yield name.encode("latin-1", "replace"), value.encode("latin-1", "replace")


def _query(event: Mapping[str, Any]) -> str:
    """Return the query of an event of form 1.0; that of a load balancer is still quoted."""
    several = event.get("multiValueQueryStringParameters")
    if several is None:
        single = event.get("queryStringParameters") or {}
        several = {name: [value] for name, value in single.items()}
    if "elb" in event["requestContext"]:
        return "&".join(f"{name}={value}" for name, values in several.items() for value in values)
    return urlencode(several, doseq=True)


def _without_stage(path: str, stage: str) -> str:
    """Leave the stage of an HTTP API out of a path, where its address begins with one.

    >>> _without_stage("/prod/predict", "prod"), _without_stage("/predict", "$default")
    ('/predict', '/predict')
    """
    begin = f"/{stage}"
    return path.removeprefix(begin) or "/" if path == begin or path.startswith(f"{begin}/") else path
