"""Events as AWS documents them, cut down to what a function looks at."""

from __future__ import annotations

import base64
from typing import Any

JSON = "application/json"


def url_event(method: str, path: str, body: bytes = b"", *, stage: str = "$default") -> dict[str, Any]:
    """Form 2.0: of a function URL or an HTTP API."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "abc.lambda-url.eu-central-1.on.aws", "content-type": JSON},
        "requestContext": {"http": {"method": method, "path": path}, "stage": stage},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def rest_event(method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    """Form 1.0: of a REST API."""
    return {
        "version": "1.0",
        "httpMethod": method,
        "path": path,
        "headers": {"Host": "api.example.com", "Content-Type": JSON},
        "multiValueHeaders": {"Host": ["api.example.com"], "Content-Type": [JSON]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": "prod", "httpMethod": method},
        "body": body.decode() or None,
        "isBase64Encoded": False,
    }


def balancer_event(method: str, path: str, body: bytes = b"", *, multi_value: bool = False) -> dict[str, Any]:
    """Of an application load balancer, whose target group hands on single values, or many."""
    headers = {"host": "lb.example.com", "content-type": JSON}
    told: dict[str, Any] = (
        {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
        if multi_value
        else {"headers": headers}
    )
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        **told,
        "body": body.decode(),
        "isBase64Encoded": False,
    }
