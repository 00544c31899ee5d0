"""The server's log: one JSON object a line on stderr, with the names of the Elastic Common Schema.

What that has no name for is called `kervan.` and its own. Here alone it is said what things are called.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from kervan.core.shown import STEERING

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "8.17.0"
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "color_message", "taskName"}
FIELDS = {
    "certificate": "tls.server.x509.alternative_names",
    "duration": "event.duration",
    "environment": "service.environment",
    "exit": "process.exit_code",
    "file": "file.path",
    "method": "http.request.method",
    "path": "url.path",
    "protocol": "network.protocol",
    "reason": "event.reason",
    "request": "http.request.id",
    "status": "http.response.status_code",
    "trace": "trace.id",
    "url": "url.full",
}  # ours, by the names under which they are logged


class JsonLines(logging.Formatter):
    """Line breaks and control letters inside a message begin no line of their own and steer no terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._service = {
            "ecs.version": SCHEMA,
            "service.name": "kervan",
            "service.version": version("kervan"),
            "event.dataset": "kervan.server",
            "process.pid": os.getpid(),
        }

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        content = {
            "@timestamp": _moment(record.created),
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "log.logger": record.name,
            **self._service,
            **dict(_named(record)),
        }
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
        return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _named(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield what was logged beside the message under the schema's names, empty ones left out."""
    for name, value in vars(record).items():
        if name == "error":
            yield from _told(value)
        elif name == "dataset":
            yield "event.dataset", value
        elif name not in _PLAIN and value != "":
            yield FIELDS.get(name, f"kervan.{name}"), value
    if record.exc_info and record.exc_info[1] is not None:
        yield from _told(record.exc_info[1])
        yield "error.stack_trace", logging.Formatter().formatException(record.exc_info)


def _told(error: BaseException) -> Iterator[tuple[str, Any]]:
    yield "error.type", type(error).__name__
    yield "error.message", str(error)
    hint = getattr(error, "hint", "")
    if hint:
        yield "kervan.hint", hint


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_json_lines() -> None:
    """Send all logging of this process to stderr, in JSON lines."""
    _send_to_stderr(JsonLines())


def _send_to_stderr(formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # It has a line for every malformed request, with which anybody could fill a disk.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
