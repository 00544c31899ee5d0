"""The server's log: one JSON object a line on stderr."""

from __future__ import annotations

import logging
import sys

import msgspec

from kervan.core.shown import STEERING

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "color_message", "taskName"}


class _JsonLines(logging.Formatter):
    """Line breaks and control letters inside a message begin no line of their own and steer no terminal."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        line = msgspec.json.encode(content, enc_hook=str).decode()
        return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def log_json_lines() -> None:
    """Send all logging of this process to stderr, in JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
