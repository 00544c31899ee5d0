"""The kind of a table, told by how its content begins: a name may be wrong."""

from __future__ import annotations

import codecs

from kervan.core.errors import InvalidData
from kervan.data.sources.disguise import is_json, refuse_disguised
from kervan.data.sources.packed import ZIP
from kervan.data.sources.structure import SEPARATORS
from kervan.data.sources.text import unmarked

_BEGINNINGS = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
    (b"Obj\x01", "avro"),
    (ZIP, "excel"),  # whatever else is in a zip file was unpacked
    (b"\xd0\xcf\x11\xe0", "excel"),
)


def kind_of(start: bytes) -> str:
    """Return the name of the source that reads a content which begins so, or "" if it cannot be told.

    >>> kind_of(b"PAR1"), kind_of(b"a;b\\n1;2\\n"), kind_of(b'[{"a": 1}]'), kind_of(b"%PDF-1.4")
    ('parquet', 'csv', 'json', '')
    """
    for beginning, kind in _BEGINNINGS:
        if start.startswith(beginning):
            return kind
    text = _text(start)
    if is_json(text):
        return "json"
    line = text.split(b"\n", 1)[0]
    is_table = not line.startswith((b"{", b"[")) and any(each.encode() in line for each in SEPARATORS)
    return "csv" if is_table else ""


def _text(start: bytes) -> bytes:
    """Return a beginning as UTF-8 without leading blanks, or nothing if it is no text."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start[: len(start) // 4 * 4]
    try:
        text = unmarked(start, "")
        codecs.getincrementaldecoder("utf-8")().decode(text)
        refuse_disguised(text, "", unless="JSON")
    except (InvalidData, UnicodeDecodeError):
        return b""
    return b"" if b"\0" in text else text.lstrip()
