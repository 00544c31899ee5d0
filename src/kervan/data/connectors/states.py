"""Which state of a lake's table is wanted: its number, or the one that was there at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from kervan.core.errors import InvalidConfig


def number_of(version: str) -> int | None:
    """Return a version that is written as a number, None for any other.

    >>> number_of("17"), number_of("2024-05-01"), number_of("")
    (17, None, None)
    """
    return int(version) if version.isascii() and version.isdigit() else None


def time_of(version: str, others: str) -> datetime:
    """Return a version that is written as a time; one without a zone is in UTC.

    Raises `InvalidConfig`, which names what `others` could be written.

    >>> time_of("2024-05-01 12:00", "").isoformat()
    '2024-05-01T12:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(version)
    except ValueError as error:
        raise InvalidConfig(
            f"[data] version = {version!r} is no version", hint=f"write {others}, or a time: 2024-05-01T12:00"
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
