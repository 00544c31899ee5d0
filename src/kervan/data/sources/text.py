"""Texts as UTF-8, whatever mark they begin with, or a refusal that names the byte."""

from __future__ import annotations

from kervan.core.errors import InvalidConfig, InvalidData

_UTF8 = b"\xef\xbb\xbf"
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def unmarked(content: bytes, file: str) -> bytes:
    """Return a text without its mark; one that is marked as UTF-16 or UTF-32 becomes UTF-8."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding).encode()
            except UnicodeError as error:
                raise InvalidData(
                    f"{file} is no whole text in {encoding}: {error}",
                    hint="fetch it again, or save it as UTF-8",
                ) from error
    return content.removeprefix(_UTF8)


def recoded(content: bytes, encoding: str, file: str) -> bytes:
    """Return a text that is in a named encoding as UTF-8, or raise `InvalidData` that names the byte."""
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError as error:
        raise InvalidConfig(
            f"[data] encoding: {encoding!r} is none",
            hint='for example "windows-1254", "latin-1", "utf-16-le"',
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidData(
            f"{file} is not in {encoding}: {error.reason} at {_line(content, error.start)}",
            hint="name the encoding in which it was saved",
        ) from error


def check_utf8(content: bytes, file: str) -> None:
    """Raise `InvalidData` that names the first byte which is not UTF-8, or is zero."""
    if b"\0" in content:
        place = f"there is a zero byte in {_line(content, content.find(0))}"
        raise InvalidData(f"{file} is no UTF-8 text: {place}", hint="save it as CSV in UTF-8")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise InvalidData(
            f"{file} is not UTF-8: byte 0x{content[error.start]:02x} in {_line(content, error.start)}",
            hint="save it as UTF-8, or say what it is in: older Turkish files are often in Windows-1254, "
            '`[data] encoding = "windows-1254"`',
        ) from error


def _line(content: bytes, place: int) -> str:
    number = content.count(b"\n", 0, place) + 1
    return f"line {number} (byte {place})"
