"""An Arrow stream, parted into streams of some batches each, as Polars reads only whole ones.

The form of a message is that of Arrow's columnar format: "Serialization and Interprocess Communication".
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_BYTES = 16 << 20
_CONTINUES = b"\xff\xff\xff\xff"
_END = _CONTINUES + bytes(4)
_BATCH = 3  # a message's kind
_KIND, _LENGTH = 1, 3  # the places of these fields in a message's table


def parts_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield whole streams: each has the schema, the dictionaries so far and some of the batches.

    What is broken is handed on as it is, for the reader to complain about.
    """
    head, part, came = b"", b"", False
    for message in _messages(stream):
        is_batch = _is_batch(message)
        if part and (not is_batch or len(part) >= PART_BYTES):
            yield head + part + _END
            part, came = b"", True
        if is_batch:
            part += message
        else:
            head += message  # the schema, or a dictionary that holds from here on
    if part or not came:
        yield head + part + _END


def _messages(stream: IO[bytes]) -> Iterator[bytes]:
    while start := stream.read(8):
        size = int.from_bytes(start[4:], "little", signed=True)
        if len(start) == 8 and not size:
            return
        about = stream.read(max(0, size))
        body = _field(about, _LENGTH, "<q")
        yield start + about + stream.read(max(0, body))


def _is_batch(message: bytes) -> bool:
    return _field(message[8:], _KIND, "<B") == _BATCH


def _field(about: bytes, field: int, form: str) -> int:
    """Return a field of a message's table (as FlatBuffers write it), 0 where it has none or is broken."""
    try:
        (table,) = struct.unpack_from("<I", about)
        (back,) = struct.unpack_from("<i", about, table)
        (size,) = struct.unpack_from("<H", about, table - back)
        entry = 4 + 2 * field
        (place,) = struct.unpack_from("<H", about, table - back + entry) if entry < size else (0,)
        return int(struct.unpack_from(form, about, table + place)[0]) if place else 0
    except struct.error:
        return 0
