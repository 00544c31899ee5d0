"""What some of the recorded predictions answered: those with some ids, and those about some entities."""

from __future__ import annotations

import time
from bisect import bisect_left
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.compacted import is_compacted, readable, sibling
from kervan.app.newest import newest_first
from kervan.core.errors import Corrupted
from kervan.core.identity import id_time
from kervan.serve.keeper import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.serve.record import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A record without what was asked: who answered when, whom about, and what to each row."""

    id: str
    time: float
    model: str
    entities: tuple[str | None, ...]
    outputs: tuple[Mapping[str, Any], ...]


class _Line(msgspec.Struct):
    """What is needed of a record that is not compacted."""

    id: str
    time: float
    model: str
    outputs: msgspec.Raw
    entity: Any = None


_lines = msgspec.json.Decoder(_Line)
_outputs = msgspec.json.Decoder(tuple[dict[str, Any], ...])
_entities = msgspec.json.Decoder(list[Any])


def outcomes(
    segments: Sequence[Segment], ids: set[str], entities: set[str], seconds: float = inf
) -> tuple[dict[str, Outcome], float | None]:
    """Return the records with these ids, and those that are about these entities or about many, by id.

    Segments come newest first; after some seconds no further one is looked at. Then the time is returned too
    since when all were found.
    """
    started = time.monotonic()
    ordered = sorted(ids)
    found: dict[str, Outcome] = {}
    for bound, segment in newest_first(segments):
        if time.monotonic() - started > seconds:
            return {ident: each for ident, each in found.items() if ident >= bound}, id_time(bound)
        inside = ordered[bisect_left(ordered, segment.first) : bisect_left(ordered, bound)]
        if inside or entities:
            found |= {each.id: each for each in _of_segment(segment, set(inside), entities)}
    return found, None


def _of_segment(segment: Segment, ids: set[str], entities: set[str]) -> Iterator[Outcome]:
    if is_compacted(segment):
        return _in_table(segment, ids, entities)
    try:
        content = segment.path.read_bytes()
    except FileNotFoundError:  # it was compacted a moment ago
        return _in_table(sibling(segment), ids, entities)
    return _in_lines(segment, content, ids, entities)


def _in_lines(segment: Segment, content: bytes, ids: set[str], entities: set[str]) -> Iterator[Outcome]:
    try:
        read = _lines.decode_lines(content[: content.rfind(b"\n") + 1])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "restore the file from a copy"
        raise Corrupted(f"{segment.path}: not a prediction: {error}", hint=hint) from error
    for each in read:
        told = each.entity if isinstance(each.entity, list) else [each.entity]
        named = tuple(None if one is None else text_of(one) for one in told)
        if each.id in ids or not entities.isdisjoint(named):
            yield _outcome(each.id, each.time, each.model, named, bytes(each.outputs))


def _in_table(segment: Segment, ids: set[str], entities: set[str]) -> Iterator[Outcome]:
    import polars as pl

    is_meant = pl.col("id").is_in(list(ids))
    if entities:
        about = pl.col("entity")
        is_meant |= about.is_in(list(entities)) | about.str.starts_with("[")
    if not segment.path.exists():
        return
    with readable(segment.path):
        table = pl.scan_parquet(segment.path).filter(is_meant)
        found = table.select("id", "time", "model", "entity", "outputs").collect()
    for ident, moment, model, entity, outputs in found.iter_rows():
        named = (entity,) if entity in entities or not _is_list(entity) else _named(entity)
        yield _outcome(ident, moment, model, named, outputs.encode())


def _is_list(entity: str | None) -> bool:
    return entity is not None and entity.startswith("[")


def _named(entity: str) -> tuple[str | None, ...]:
    return tuple(None if each is None else text_of(each) for each in _entities.decode(entity))


def _outcome(
    ident: str, moment: float, model: str, entities: tuple[str | None, ...], outputs: bytes
) -> Outcome:
    return Outcome(id=ident, time=moment, model=model, entities=entities, outputs=_outputs.decode(outputs))
