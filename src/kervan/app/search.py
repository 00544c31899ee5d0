"""Recorded predictions found by id, entity, model, environment and time, newest first, in pages."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Any

from kervan.app.came_back import said_about
from kervan.app.compacted import all_segments
from kervan.app.entity import rows_about
from kervan.app.environments import environment_names, find_environment
from kervan.app.keeping import keeping_of
from kervan.app.matching import Sought, newest_hits, read_hits
from kervan.app.newest import AFTER_ALL, newest_first
from kervan.app.records import find_record
from kervan.app.segments import records_folder
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.identity import first_id, id_time
from kervan.serve.keeper import keeper_of
from kervan.serve.record import row_ids, split_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.matching import Hit
    from kervan.app.project import Project
    from kervan.core.nouns import Prediction
    from kervan.core.serving import ShareRole
    from kervan.serve.record import Segment

PAGE = 50
_MOST = 1_000
_SECONDS = 0.15  # after which no further file is looked at
_LETTERS = re.compile("[0-9A-HJKMNP-TV-Z]{1,26}")
_PSEUDONYM = re.compile("[0-9a-f]{32}")
_COLUMNS = 8  # of a row that are shown in a list
_LONGEST = 80  # letters of a text that are


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which predictions are looked for; what is "" or None may be anything.

    `ident` is an id or how one begins, `model` a name or a reference with a version, `environment` the name
    of one or of a model that answers there. `since` (inclusive) and `until` are seconds since 1970.
    """

    ident: str = ""
    environment: str = ""
    entity: str = ""
    model: str = ""
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """One prediction in a list; of a request of many `rows` it is the first that fits.

    `inputs` has the first few columns of `columns`, long texts cut. `answer` is the label or value, None
    where the model gave no usable one, `probability` that of the label. `label` and `reward` are the newest
    that name it by its id.
    """

    id: str
    time: float
    environment: str
    model: str
    role: ShareRole
    protocol: str
    entity: Any
    rows: int
    inputs: Mapping[str, Any]
    columns: int
    answer: Any
    probability: float | None
    seconds: float
    label: Any = None
    reward: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of predictions, newest first; `before` asks for the next one, "" where there is none.

    Where time ran out first, all were looked at that were made since `looked`, in seconds since 1970.
    """

    rows: tuple[Glimpse, ...] = ()
    before: str = ""
    looked: float | None = None


def search(project: Project, wanted: Wanted, *, before: str = "", limit: int = PAGE) -> Found:
    """Return the newest predictions that fit, `before` that of an id, without reading what cannot fit.

    A whole id stands for the rows of its request, from the first on; `before` is then the last one shown.
    """
    if not 1 <= limit <= _MOST:
        raise InvalidInput(f"{limit} predictions cannot be a page", hint=f"ask for 1 to {_MOST:,}")
    if "." in wanted.ident or len(wanted.ident) == len(AFTER_ALL):
        return _rows_of(project, wanted.ident.upper(), before, limit)
    sought = _sought(wanted, _kept(project, wanted.entity), before)
    hits, reached = _hits(_segments(project, wanted.environment), sought, limit + 1)
    further = hits[limit - 1].id if len(hits) > limit else reached
    return Found(
        rows=_labelled(project, [_glimpse(each, sought.entity) for each in read_hits(hits[:limit])]),
        before=further,
        looked=id_time(reached) if reached and further == reached else None,
    )


def _sought(wanted: Wanted, entity: str, before: str) -> Sought:
    """Say between which ids they lie."""
    low = "" if wanted.since is None else first_id(wanted.since)
    high = AFTER_ALL if wanted.until is None else first_id(wanted.until)
    if wanted.ident:
        begin = wanted.ident.upper()
        if not _LETTERS.fullmatch(begin):
            hint = "ids have 26 letters and digits: give one, or how it begins"
            raise InvalidInput(f"no id of a prediction begins with {wanted.ident!r}", hint=hint)
        low, high = max(low, begin), min(high, begin.ljust(len(AFTER_ALL) + 1, "Z"))
    if before:
        high = min(high, split_id(before)[0])
    return Sought(low=low, high=high, entity=entity, model=wanted.model)


def _kept(project: Project, entity: str) -> str:
    """Return how records name an entity: where they have pseudonyms, that or one itself may be given."""
    if not entity or _PSEUDONYM.fullmatch(entity):
        return entity
    keeping = keeping_of(project)
    keeper = keeper_of(keeping, keeping.entity)
    return entity if keeper is None else keeper.entity(entity) or entity


def _segments(project: Project, environment: str) -> list[Segment]:
    names = [find_environment(project, environment)] if environment else environment_names(project)
    return [each for name in names for each in all_segments(records_folder(project, name))]


def _hits(segments: Sequence[Segment], sought: Sought, count: int) -> tuple[list[Hit], str]:
    """Return the newest that fit, and the id down to which was looked at, "" where that is all.

    Files that may hold the newest are always looked at, so that each page comes further than the last.
    """
    started = 0.0  # the clock runs from when the first was looked at
    hits: list[Hit] = []
    for bound, segment in newest_first(segments):
        if bound <= sought.low or (len(hits) == count and bound <= hits[-1].id):
            break
        if segment.first >= sought.high:
            continue
        if bound < sought.high and started and time.monotonic() - started > _SECONDS:
            return [each for each in hits if each.id >= bound], bound
        fresh = {each.id: each for each in (*hits, *newest_hits(segment, sought, count))}
        hits = nlargest(count, fresh.values(), key=lambda each: each.id)
        started = started or time.monotonic()
    return hits, ""


def _rows_of(project: Project, ident: str, before: str, limit: int) -> Found:
    """Return the rows of one request, or the one that is named."""
    try:
        _, record = find_record(project, ident)
    except NotFound:
        return Found()
    named = split_id(ident)[1]
    first = named if named is not None else 0 if not before else (split_id(before)[1] or 0) + 1
    last = record.rows if named is None else first + 1
    shown = range(first, min(last, first + limit))
    glimpses = [_glimpse_of(record, row) for row in shown]
    is_more = shown.stop < last
    return Found(rows=_labelled(project, glimpses), before=glimpses[-1].id if is_more else "")


def _glimpse(record: Prediction, entity: str) -> Glimpse:
    """Show a request by its first row, or by the first that is about an entity."""
    ident = next(rows_about(record, entity), "") if entity else ""
    return _glimpse_of(record, int(ident.partition(".")[2] or 0))


def _glimpse_of(record: Prediction, row: int) -> Glimpse:
    inputs, outputs = record.asked(row), record.answered(row)
    answer = outputs.get("label", outputs.get("value"))
    return Glimpse(
        id=row_ids(record.id, record.rows)[row],
        time=record.time,
        environment=record.environment,
        model=record.model,
        role=record.role,
        protocol=record.protocol,
        entity=record.about(row),
        rows=record.rows,
        inputs={name: _short(inputs[name]) for name in islice(inputs, _COLUMNS)},
        columns=len(inputs),
        answer=_short(answer),
        probability=outputs.get("probabilities", {}).get(answer),
        seconds=record.seconds,
    )


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}…"
    return value


def _labelled(project: Project, glimpses: Sequence[Glimpse]) -> tuple[Glimpse, ...]:
    """Add what came back."""
    said: dict[str, tuple[Any, Any]] = {}
    for name in {each.environment for each in glimpses}:
        asked = {each.id: each.model for each in glimpses if each.environment == name}
        said |= said_about(project, name, asked)
    return tuple(
        replace(each, label=_short(said[each.id][0]), reward=said[each.id][1]) if each.id in said else each
        for each in glimpses
    )
