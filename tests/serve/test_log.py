"""The log: the Elastic Common Schema's names, one line whatever a message holds."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from kervan.core.errors import StorageFailed
from kervan.serve.log import JsonLines


def written(message: str, **fields: Any) -> dict[str, Any]:
    record = logging.makeLogRecord(
        {"msg": message, "created": 1.25, "levelname": "ERROR", "name": "kervan.serve"}
    )
    vars(record).update(fields)
    line = JsonLines().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_begins_with_what_the_schema_wants_first() -> None:
    line = written("serving", model="gelir@1.0.0", url="http://127.0.0.1:8000", hint="")
    assert list(line)[:3] == ["@timestamp", "log.level", "message"]
    assert line["@timestamp"] == "1970-01-01T00:00:01.250Z"
    assert line["log.level"] == "error"
    assert line["kervan.model"] == "gelir@1.0.0"
    assert line["url.full"] == "http://127.0.0.1:8000"
    assert "kervan.hint" not in line


def test_an_error_is_told_by_type_and_message() -> None:
    line = written(
        "it failed", error=StorageFailed("the disk is full", hint="free it"), request="r1", status=503
    )
    assert line["error.type"] == "StorageFailed"
    assert line["error.message"] == "the disk is full"
    assert line["kervan.hint"] == "free it"
    assert (line["http.request.id"], line["http.response.status_code"]) == ("r1", 503)
    assert "error.stack_trace" not in line


def test_a_surprise_has_its_trace() -> None:
    try:
        raise ValueError("a\nb\x1b[2J")
    except ValueError:
        line = written("the server failed", exc_info=sys.exc_info())
    assert line["error.type"] == "ValueError"
    assert line["error.stack_trace"].startswith("Traceback")
