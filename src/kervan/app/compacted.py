"""Prediction records as Parquet: one file for each segment, which gives every line back as it was written.

Columns that people ask for are typed. `inputs` and `outputs` stay the JSON that was written: models differ in
their columns, and numbers keep their digits. `rest` is the line without `id`, `inputs`, `outputs` and
`chain`, which is the link in 32 bytes; so the chain is checked as
before, and the SHA-256 of all lines is what was sealed.
"""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Corrupted
from kervan.core.identity import first_id, sha256_file
from kervan.core.private import open_private
from kervan.serve.chain import lines_of
from kervan.serve.keeper import text_of
from kervan.serve.record import find_in, parse, read_segment, segments
from kervan.store.blobs import flush_folder
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import polars as pl

    from kervan.core.nouns import Prediction
    from kervan.serve.record import Segment

SUFFIX = ".parquet"
_ABOUT = "kervan"  # the key of what the file says of itself
_ROWS = 8_192  # in a group: an id is looked for in one of them
_APART = 100  # rows that are read in vain rather than in two goes
_ID_END = len('{"id":"') + 26
_CUT = (b"inputs", b"outputs", b"chain")
_TYPED = (
    "time",
    "environment",
    "deployment",
    "model",
    "package",
    "protocol",
    "caller",
    "request",
    "trace",
    "seconds",
    "decode",
    "wait",
    "score",
    "share",
    "rows",
)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_RESTORING = ("id", "rest", "inputs", "outputs", "chain")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a compacted file says of itself: the segment that it was, its size and SHA-256.

    `last` is the chain's last link, `last_id` the last record's id, `tail` what a crash left behind it.
    """

    form: int = 1
    records: int
    size: int
    sha256: str
    last: str
    last_id: str
    tail: str = ""


def all_segments(folder: Path) -> list[Segment]:
    """List the segments of both forms, in the order of their first ids, each once."""
    lines = {segment.name: segment for segment in segments(folder)}  # first: they become tables, never back
    found = {segment.name: segment for segment in segments(folder, SUFFIX)} | lines
    return [found[name] for name in sorted(found)]


def is_compacted(segment: Segment) -> bool:
    """Say whether a segment is Parquet."""
    return segment.path.suffix == SUFFIX


def read_any(segment: Segment, since: float | None = None) -> Iterator[Prediction]:
    """Yield the records of a segment of either form; one that is taken away meanwhile has no more."""
    if not is_compacted(segment):
        try:
            yield from read_segment(segment, since)
        except FileNotFoundError:  # it was compacted a moment ago
            segment = sibling(segment)
        else:
            return
    if segment.path.exists():
        for place, line in enumerate(_lines(segment.path, since)):
            yield parse(line, segment.path, place)


def find_any(segment: Segment, record: str) -> Prediction | None:
    """Return a record of a segment of either form by its id."""
    import polars as pl

    if not is_compacted(segment):
        try:
            return find_in(segment, record)
        except FileNotFoundError:
            segment = sibling(segment)
    if not segment.path.exists():
        return None
    with readable(segment.path):
        found = pl.scan_parquet(segment.path).filter(pl.col("id") == record).select(_RESTORING).collect()
    return next((parse(_line(row), segment.path, 0) for row in found.iter_rows()), None)


def lines_at(segment: Segment, places: Sequence[int]) -> list[bytes]:
    """Return the lines of records in a compacted segment by their rows, none if the file is gone."""
    import polars as pl

    if not segment.path.exists():
        return []
    found = []
    with readable(segment.path):
        for first, last in _spans(sorted(places)):
            table = pl.scan_parquet(segment.path).slice(first, last - first + 1).select(_RESTORING).collect()
            found += [_line(table.row(place - first)) for place in places if first <= place <= last]
    return found


def any_lines(segment: Segment) -> Iterator[bytes]:
    """Yield the lines of a segment of either form as they were written, also what a crash left at its end."""
    if not is_compacted(segment):
        yield from lines_of(segment.path)
        return
    yield from _lines(segment.path)
    if tail := about(segment.path).tail:
        yield base64.b64decode(tail)


def any_ids(segment: Segment) -> list[str]:
    """Return the ids of the whole records in a segment of either form, oldest first."""
    import polars as pl

    if not is_compacted(segment):
        try:
            with segment.path.open("rb") as file:
                whole = (line for line in file if line.endswith(b"\n"))
                return [line[_ID_END - 26 : _ID_END].decode("ascii", "replace") for line in whole]
        except FileNotFoundError:
            segment = sibling(segment)
    if not segment.path.exists():
        return []
    with readable(segment.path):
        found: list[str] = pl.read_parquet(segment.path, columns=["id"])["id"].to_list()
    return found


def about(path: Path) -> About:
    """Return what a compacted file says of itself, or raise `Corrupted`."""
    import polars as pl

    with readable(path):
        told = pl.read_parquet_metadata(path)
    try:
        return msgspec.json.decode(told[_ABOUT], type=About)
    except (KeyError, msgspec.DecodeError) as error:
        raise Corrupted(f"{path} is no file of prediction records", hint="restore it from a copy") from error


def sibling(segment: Segment) -> Segment:
    """Return a segment as it is once it was compacted."""
    return replace(segment, path=segment.path.with_suffix(SUFFIX))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of what cannot be read that it was altered."""
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Corrupted(
            f"{path} cannot be read as prediction records: {error}", hint="restore it from a copy"
        ) from error


def compact(segment: Segment, announce: Callable[[About, str], None]) -> Path:
    """Write a closed segment as Parquet in its place, and return the file.

    Whole or not at all: what a crash leaves is the one form, the other, or both. Before it takes its place,
    `announce` hears what the file says of itself and its SHA-256, and may raise.
    """
    path = segment.path.with_suffix(SUFFIX)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    table, told = _table(segment)
    with storage_errors(str(path)):
        try:
            with os.fdopen(open_private(fresh, os.O_TRUNC), "wb") as file:
                table.write_parquet(
                    file,
                    compression="zstd",
                    row_group_size=_ROWS,
                    metadata={_ABOUT: msgspec.json.encode(told).decode()},
                )
                file.flush()
                os.fsync(file.fileno())
            announce(told, sha256_file(fresh))
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        flush_folder(path.parent)
        segment.path.unlink(missing_ok=True)
    return path


def _table(segment: Segment) -> tuple[pl.DataFrame, About]:
    """Return the records of a segment, and what is told of them."""
    import polars as pl

    digest = hashlib.sha256()
    rows: list[tuple[Any, ...]] = []
    size, tail, line = 0, b"", b""
    for line in lines_of(segment.path):
        digest.update(line)
        size += len(line)
        if line.endswith(b"\n"):
            rows.append(_row(line, parse(line, segment.path, size - len(line))))
        else:
            tail = line
    last = rows[-1] if rows else None
    told = About(
        records=len(rows),
        size=size,
        sha256=digest.hexdigest(),
        last=last[-2].hex() if last and last[-2] else "",
        last_id=last[0] if last else segment.first,
        tail=base64.b64encode(tail).decode(),
    )
    schema = {
        "id": pl.String,
        **dict.fromkeys(_TYPED, pl.String),
        **dict.fromkeys(("time", "seconds", "decode", "wait", "score", "share"), pl.Float64),
        "rows": pl.Int64,
        "entity": pl.String,
        "inputs": pl.String,
        "outputs": pl.String,
        "chain": pl.Binary,
        "rest": pl.Binary,
    }
    return pl.DataFrame(rows, schema=schema, orient="row"), told


def _spans(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of rows that lie close enough to each other to be read at once."""
    first = last = places[0]
    for place in places[1:]:
        if place - last > _APART:
            yield first, last
            first = place
        last = place
    yield first, last


def _row(line: bytes, prediction: Prediction) -> tuple[Any, ...]:
    members = _members(line)
    values = [bytes(members.get(name.decode(), b"")) for name in _CUT]
    rest = line[_ID_END:]
    for name, value in zip(_CUT, values, strict=True):
        rest = rest.replace(b'"%b":%b' % (name, value), b'"%b":' % name, 1)
    link = bytes.fromhex(values[2][1:-1].decode()) if values[2] else None
    inputs, outputs = values[0].decode(), values[1].decode()
    if _line((prediction.id, rest, inputs, outputs, link)) != line:
        rest = line  # a line that somebody else wrote is kept whole
    entity = None if prediction.entity is None else text_of(prediction.entity)
    typed = [getattr(prediction, name) for name in _TYPED]
    return (prediction.id, *typed, entity, inputs, outputs, link, rest)


def _line(row: tuple[Any, ...]) -> bytes:
    """Put a line together again."""
    ident, rest, inputs, outputs, link = row
    if rest.startswith(b"{"):
        whole: bytes = rest
        return whole
    parts = [b'{"id":"', ident.encode()]
    values = (inputs.encode(), outputs.encode(), b'"%b"' % link.hex().encode() if link else b"")
    for name, value in _in_order(rest, values):
        before, mark, rest = rest.partition(b'"%b":' % name)
        parts += [before, mark, value]
    return b"".join([*parts, rest])


def _in_order(rest: bytes, values: tuple[bytes, ...]) -> Iterable[tuple[bytes, bytes]]:
    """Return the members that were cut out, in the order of the line."""
    places = [rest.find(b'"%b":' % name) for name in _CUT]
    order = sorted((place, each) for each, place in enumerate(places) if place >= 0)
    return [(_CUT[each], values[each]) for _, each in order]


def _lines(path: Path, since: float | None = None) -> Iterator[bytes]:
    import polars as pl

    with readable(path):
        table = pl.scan_parquet(path)
        if since is not None:
            table = table.filter(pl.col("id") >= first_id(since))
        table = table.select(_RESTORING)
        found = table.collect()
    for row in found.iter_rows():
        yield _line(row)
