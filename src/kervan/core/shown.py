"""Text that is shown to people: nothing in it steers their terminal, and no password stands in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Control letters but for tab and line feed, and those that turn the direction of what follows or hide it.
_UNSEEN = "\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
STEERING = re.compile(f"[\x00-\x08\x0b-\x1f{_UNSEEN}\ud800-\udfff]")
# As URLs are written, and, the second, as people write them: with a "/" or "?" that should have been "%2F".
_PASSWORD = re.compile(r"""(?<=://)([^\s/@:?#]*):(?:[^\s/?#"']*|[^\s@"']*)@""")
_SECRET = re.compile(r"(?i)([?&;](?:password|passwd|pwd|sslpassword|token|secret|secret_?key|sig)=)[^&\s;]+")
MASK = "***"


def printable(text: str) -> str:
    r"""Write letters that would steer a terminal as what they are called in Python.

    >>> printable("a\x1b[2Jb\u202e\n")
    'a\\x1b[2Jb\\u202e\n'
    """
    return STEERING.sub(_named, text)


def without_passwords(text: str) -> str:
    """Hide the passwords of the URLs in a text.

    >>> without_passwords("postgresql://ayse:gizli@host/db?sslpassword=x")
    'postgresql://ayse:***@host/db?sslpassword=***'
    """
    return _SECRET.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", text))


def shown(text: str) -> str:
    """Return a text as people may see it."""
    return without_passwords(printable(text))


def moment(time: float) -> str:
    """Write a time, in seconds since 1970, for people: in the local zone."""
    return datetime.fromtimestamp(time, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def masked(value: object) -> object:
    """Return a value of JSON with the passwords in its texts hidden."""
    if isinstance(value, str):
        return without_passwords(value)
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    if isinstance(value, dict):
        return _masked_table(value)
    return value


def _masked_table(table: Mapping[str, object]) -> dict[str, object]:
    return {name: masked(value) for name, value in table.items()}


def _named(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
