"""Files that are something else than their name says, told by how they begin."""

from __future__ import annotations

import re

from kervan.core.errors import InvalidData

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_UTF8 = "save it as CSV in UTF-8"
_BEGINNINGS = (
    (b"PAR1", "a Parquet file", "end its name in .parquet"),
    (b"PK\x03\x04", "a zip file, as workbooks are", "end a workbook's name in .xlsx, or unpack the file"),
    (b"\xd0\xcf\x11\xe0", "an old workbook", "save it as .xlsx, or the sheet as CSV in UTF-8"),
    (b"SQLite format 3\0", "an SQLite database", 'say source = "sqlite:///NAME", and table = "…"'),
    (b"%PDF-", "a PDF document", "get the table as CSV"),
    (b"ARROW1", "an Arrow file", "end its name in .arrow"),
    (b"FEA1", "a Feather file of the first version", "write it as Parquet, or by a newer pyarrow"),
    (b"Obj\x01", "an Avro file", "end its name in .avro"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_JSON = re.compile(rb'\s*(\{\s*"([^"\\]|\\.)*"\s*:|\{\s*\}|\[\s*[\[{\]])')
_PAGE = "it may say why the table was not sent: open it in a browser"


def refuse_disguised(
    content: bytes, file: str, wanted: str = "no UTF-8 text with columns", unless: str = "\0"
) -> None:
    """Raise `InvalidData` that names what a file is, if it is not what its name says, nor `unless`."""
    for kind, hint in filter(None, (_binary(content), _text(content))):
        if unless in kind:
            continue
        raise InvalidData(f"{file} is {wanted}, but {kind}", hint=hint)


def _binary(content: bytes) -> tuple[str, str] | None:
    for beginning, kind, hint in _BEGINNINGS:
        if content.startswith(beginning):
            return kind, hint
    if content.startswith(_UTF32):
        return "a text in UTF-32", _UTF8
    if content.startswith(_UTF16):
        return "a text in UTF-16", _UTF8
    sample = content[:400]
    odd, even = sample[1::2], sample[::2]
    if len(sample) > 20 and max(odd.count(0), even.count(0)) > 0.4 * len(odd) > 10 * min(
        odd.count(0), even.count(0)
    ):
        return "a text in UTF-16 without its mark", _UTF8
    return None


def _text(content: bytes) -> tuple[str, str] | None:
    start = content[:4096].lstrip().lower()
    if start.startswith(_HTML):
        return (
            ("an XML document", "get the table as CSV")
            if start.startswith(b"<?xml")
            else ("an HTML page", _PAGE)
        )
    if is_json(content):
        return "JSON", "end its name in .json"
    return None


def is_json(content: bytes) -> bool:
    """Say whether a text begins like JSON: an object, a list, or an object on each line."""
    return _JSON.match(content[:4096]) is not None
