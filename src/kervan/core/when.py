"""Times as people write them."""

from __future__ import annotations

import time
from datetime import datetime

from kervan.core.access import read_span
from kervan.core.errors import InvalidInput


def read_time(text: str | None) -> float | None:
    """Return the seconds since 1970 of a time, or of so long ago, such as 7d; None where nothing is given.

    >>> read_time("2026-05-01T12:00+00:00")
    1777636800.0
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return time.time() - read_span(text)
    except InvalidInput as error:
        hint = "write 2026-05-01, 2026-05-01T12:00, or how long ago: 7d, 12h, 30m"
        raise InvalidInput(f"{text!r} is no time", hint=hint) from error
