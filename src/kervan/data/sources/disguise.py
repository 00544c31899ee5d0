"""Files that are something else than their name says, told by how they begin."""

from __future__ import annotations

from kervan.core.errors import InvalidData

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_UTF8 = "save it as CSV in UTF-8"
_BEGINNINGS = (
    (b"PAR1", "a Parquet file", "end its name in .parquet"),
    (b"PK\x03\x04", "a zip file, as workbooks are", "unpack it, or save the sheet as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old workbook", "save the sheet as CSV in UTF-8"),
    (b"SQLite format 3\0", "an SQLite database", "export its table as CSV"),
    (b"%PDF-", "a PDF document", "get the table as CSV"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"BZh", "compressed by bzip2", "unpack it, or compress it by gzip"),
    (b"\xfd7zXZ\0", "compressed by xz", "unpack it, or compress it by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it, or compress it by gzip"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_PAGE = "it may say why the table was not sent: open it in a browser"


def refuse_disguised(content: bytes, file: str, wanted: str = "no UTF-8 text with columns") -> None:
    """Raise `InvalidData` that names what a file is, if it is not what its name says."""
    for kind, hint in filter(None, (_binary(content), _text(content))):
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
    line = start.split(b"\n", 1)[0].strip()
    if line.startswith(b'{"') and (line.endswith(b"}") or b'":' in line):
        return "JSON, an object on each line", "write it as CSV or Parquet"
    if line == b"{" or line in {b"[", b"[{"} or line.startswith((b'[{"', b"[[")):
        return "JSON", "write it as CSV or Parquet"
    return None
