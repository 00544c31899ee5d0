"""The log: the Elastic Common Schema's names, one line whatever a message holds."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kervan.core.errors import StorageFailed
from kervan.core.log import JsonLines
from serve.live import JSON, Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable


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


def slow(server: Live) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log.splitlines()]
    return [line for line in lines if line["event.dataset"] == "kervan.slow"]


def test_slow_requests_are_logged_with_what_they_took(live: Callable[..., Live]) -> None:
    server = live(slow=0.0)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {**JSON, "traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "r1"}
    answer = server.ask("POST", "/predict", ROW, headers).json
    assert server.ask("POST", "/v2/models/nobody/infer", {"inputs": []}).status == 404
    found = {line["url.path"]: line for line in slow(server)}
    told = found["/predict"]
    assert told["http.request.id"] == "r1"
    assert told["trace.id"] == trace
    assert told["kervan.prediction"] == answer["id"]
    assert told["kervan.model"] == "gelir@1.0.0"
    assert told["kervan.rows"] == 1
    parts = told["kervan.wait"] + told["kervan.decode"] + told["kervan.score"]
    assert 0 < parts < told["event.duration"] / 1e9
    assert found["/v2/models/nobody/infer"]["http.response.status_code"] == 404


def test_slow_requests_do_not_fill_the_disk(live: Callable[..., Live]) -> None:
    server = live(slow=0.0)
    for _ in range(300):
        server.ask("GET", "/livez")
    seconds = {line["@timestamp"][:19] for line in slow(server)}
    assert len(slow(server)) <= 10 * (len(seconds) + 1)


def test_quick_requests_are_not_logged(shared: Live) -> None:
    assert shared.predict(ROW).status == 200
    assert not slow(shared)


def test_who_releases_may_say_what_is_slow(live: Callable[..., Live]) -> None:
    server = live()
    server.predict(ROW)
    assert not slow(server)
    server.write(replace(server.serving, deployment="D2", slow=0.0))
    server.hang_up()
    server.until(lambda: server.state.deployment == "D2")
    server.predict(ROW)
    server.until(lambda: slow(server))
