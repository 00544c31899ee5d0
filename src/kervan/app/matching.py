"""The newest records of one file that fit what is asked for, without reading what cannot fit."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.compacted import is_compacted, lines_at, readable, sibling
from kervan.core.serving import ShareRole
from kervan.serve.keeper import text_of
from kervan.serve.record import FORM, bisect, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import polars as pl

    from kervan.serve.record import Segment

_BLOCK = 1 << 20
_NUMERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which records are looked for: ids from `low` to before `high`, about an entity, of a model.

    `model` is a name or a reference with a version. What is "" may be anything.
    """

    low: str
    high: str
    entity: str = ""
    model: str = ""

    def fits(self, model: str, entity: object) -> bool:
        """Say whether a record with this model and this entity, or a list of them, is meant."""
        if self.model and model != self.model and model.partition("@")[0] != self.model:
            return False
        return not self.entity or self.is_about(entity)

    def is_about(self, entity: object) -> bool:
        """Say whether a record is about the entity, or one of its rows is."""
        told = entity if isinstance(entity, list) else [entity]
        return any(each is not None and text_of(each) == self.entity for each in told)


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A record of which only the rows that are asked for are read; its members are those of `Prediction`."""

    id: str
    version: int = 1
    time: float
    environment: str
    model: str
    protocol: str
    seconds: float
    inputs: tuple[msgspec.Raw, ...]
    outputs: tuple[msgspec.Raw, ...]
    entity: Any = None
    role: ShareRole = ShareRole.STABLE

    @property
    def rows(self) -> int:
        """How many rows were asked."""
        return max(len(self.inputs), len(self.outputs), 1)

    def about(self, row: int) -> Any:
        """Return whom a row is about."""
        return self.entity[row] if isinstance(self.entity, list) else self.entity

    def asked(self, row: int) -> dict[str, Any]:
        """Return what is on record of a row's inputs."""
        return _row(self.inputs[row]) if self.inputs else {}

    def answered(self, row: int) -> dict[str, Any]:
        """Return what a row was answered."""
        return _row(self.outputs[row]) if self.outputs else {}


_brief = msgspec.json.Decoder(Brief).decode
_row = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that fits: its id, its row in a compacted file or byte in another, itself if it is read."""

    id: str
    segment: Segment
    place: int
    record: Brief | None = None


def read_hits(hits: Sequence[Hit]) -> list[Brief]:
    """Return the records, newest first, but for those whose files were taken away meanwhile."""
    found = [each.record for each in hits if each.record is not None]
    lying: defaultdict[Segment, list[int]] = defaultdict(list)
    for each in hits:
        if each.record is None:
            lying[each.segment].append(each.place)
    for segment, places in lying.items():
        found += [_read(line, segment.path, 0) for line in lines_at(segment, places)]
    return sorted(found, key=lambda each: each.id, reverse=True)


def newest_hits(segment: Segment, sought: Sought, count: int) -> list[Hit]:
    """Return the newest records of a segment that fit, newest first, so many at most."""
    if not is_compacted(segment):
        try:
            return list(islice(_in_lines(segment, sought), count))
        except FileNotFoundError:  # it was compacted a moment ago
            segment = sibling(segment)
    return list(islice(_in_table(segment, sought, count), count)) if segment.path.exists() else []


def _read(line: bytes, path: Path, place: int) -> Brief:
    """Return the record in a line, or raise what is wrong with it."""
    try:
        found = _brief(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        parse(line, path, place)
        raise
    if found.version > FORM:
        parse(line, path, place)
    return found


def _in_table(segment: Segment, sought: Sought, count: int) -> Iterator[Hit]:
    for place, ident, model, entity in reversed(_narrowed(segment, sought, count).rows()):
        is_list = bool(sought.entity) and entity != sought.entity
        if sought.fits(model, msgspec.json.decode(entity) if is_list else entity):
            yield Hit(ident, segment, place)


def _narrowed(segment: Segment, sought: Sought, count: int) -> pl.DataFrame:
    """Return row, id, model and entity of the records that may fit, oldest first.

    Only whether one of many rows is about the entity is left to be found out.
    """
    import polars as pl

    is_meant = (pl.col("id") >= sought.low) & (pl.col("id") < sought.high)
    if sought.model:
        is_meant &= (pl.col("model") == sought.model) | pl.col("model").str.starts_with(f"{sought.model}@")
    if sought.entity:
        about = pl.col("entity")
        written = msgspec.json.encode(sought.entity)[1:-1].decode()
        is_meant &= (about == sought.entity) | (
            about.str.starts_with("[") & about.str.contains(written, literal=True)
        )
    with readable(segment.path):
        table = pl.scan_parquet(segment.path).select("id", "model", "entity").with_row_index()
        found = table.filter(is_meant)
        return (found if sought.entity else found.tail(count)).collect()


def _in_lines(segment: Segment, sought: Sought) -> Iterator[Hit]:
    with segment.path.open("rb") as file:
        end = bisect(file, segment.path, lambda ident: ident < sought.high)
        for start, block in _blocks(file, end):
            for place, line in _candidates(block, _pattern(sought)):
                record = _read(line, segment.path, start + place)
                if record.id < sought.low:
                    return
                if sought.fits(record.model, record.entity):
                    yield Hit(record.id, segment, start + place, record)


def _blocks(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the whole lines before a place in blocks, the last block first, each with where it starts."""
    size = _BLOCK
    while end > 0:
        start = file.seek(max(0, end - size))
        block = file.read(end - start)
        cut = block.find(b"\n") + 1 if start else 0
        if start and cut == len(block):  # a line that is longer than this
            size *= 2
            continue
        yield start + cut, block[cut:]
        end, size = start + cut, _BLOCK


def _candidates(block: bytes, pattern: re.Pattern[bytes] | None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a block that may fit, the last first, each with where it starts."""
    if pattern is None:
        end = len(block)
        while end > 0:
            start = block.rfind(b"\n", 0, end - 1) + 1
            yield start, block[start:end]
            end = start
        return
    before = len(block)
    for found in reversed(list(pattern.finditer(block))):
        if found.start() >= before:  # in the line that was the last
            continue
        before = block.rfind(b"\n", 0, found.start()) + 1
        yield before, block[before : block.find(b"\n", found.end()) + 1]


def _pattern(sought: Sought) -> re.Pattern[bytes] | None:
    """Return what a line has in it that fits, None where nothing is known; so most need not be parsed."""
    if sought.entity:
        written = re.escape(msgspec.json.encode(sought.entity))
        if _NUMERAL.fullmatch(sought.entity):
            written = rb"(?:%b|%b(?:\.0)?)" % (written, re.escape(sought.entity.encode()))
        return re.compile(rb'"entity":(?:%b[,}]|\[[^\n]*?%b)' % (written, written))
    if sought.model:
        name = re.escape(msgspec.json.encode(sought.model)[:-1])
        return re.compile(rb'"model":%b["@]' % name)
    return None
