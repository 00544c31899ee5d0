"""What each version of an environment answered over time: requests, failures, and how long they took.

What was answered, or could not be, is on record: requests that were refused are counted by servers alone.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from kervan.app.compacted import all_segments, is_compacted, readable, sibling
from kervan.app.newest import AFTER_ALL, newest_first, told
from kervan.app.segments import records_folder
from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import first_id, id_time
from kervan.core.observed import STEP, edge
from kervan.serve.record import bisect, last_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.serve.record import Segment

_MOST = 2_000_000  # records: those of the newest files that are looked at
_BUCKETS = 120
_LEAST = 1e-6  # seconds
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7, 14, 28, 56, 112, 364, 728)
_STEPS = (*(60.0 * each for each in _MINUTES), *(86_400.0 * each for each in _DAYS))
_Count = tuple[str, int, int, bool, int]
SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a version did in each bucket of time.

    `failed` are requests that it gave no usable answer for, among all `requests`. The quantiles are of the
    seconds that requests took, at most 5 % above the truth, None where there were none.
    """

    model: str
    requests: tuple[int, ...]
    failed: tuple[int, ...]
    p50: tuple[float | None, ...]
    p90: tuple[float | None, ...]
    p99: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTime:
    """The figures of an environment: `times` are the beginnings of buckets of `step` seconds each.

    Versions come in the order in which they first answered. Where there is too much, only the newest files
    were looked at: `looked` is the time since when, in seconds since 1970.
    """

    environment: str
    step: float = _STEPS[0]
    times: tuple[float, ...] = ()
    versions: tuple[Version, ...] = ()
    looked: float | None = None

    def by_version(self, figure: str) -> dict[str, tuple[float | None, ...]]:
        """Return one figure of all versions, such as `requests` or `p99`."""
        return {each.model: getattr(each, figure) for each in self.versions}

    @property
    def total(self) -> int:
        """How many requests there were."""
        return sum(sum(each.requests) for each in self.versions)

    @property
    def failed(self) -> int:
        """How many of them got no usable answer."""
        return sum(sum(each.failed) for each in self.versions)


class _Line(msgspec.Struct):
    """What is needed of a record that is not compacted."""

    time: float
    model: str
    seconds: float
    outputs: msgspec.Raw


_lines = msgspec.json.Decoder(_Line)


def over_time(
    project: Project, environment: str, *, since: float | None = None, until: float | None = None
) -> OverTime:
    """Return the figures of an environment's versions between two times, by default of all that is on record.

    `since` (inclusive) and `until` are seconds since 1970. Buckets are as long as lets there be at most 120.
    """
    if since is not None and until is not None and since >= until:
        raise InvalidInput("the time ends before it begins", hint="give `until` after `since`")
    low = "" if since is None else first_id(since)
    high = AFTER_ALL if until is None else first_id(until)
    chosen, looked = newest_between(all_segments(records_folder(project, environment)), low, high)
    if not chosen:
        return OverTime(environment=environment)
    begin = max(id_time(min(each.first for each in chosen)), since or 0.0)
    end = min(max(map(_end, chosen)), math.inf if until is None else until)
    step = step_of(begin, end)
    first = begin // step
    counts: dict[tuple[str, int], _Bucket] = {}
    for model, bucket, place, is_failed, count in _counted(chosen, low, high, step):
        counts.setdefault((model, max(bucket - int(first), 0)), _Bucket()).add(place, count, is_failed)
    size = max((bucket for _, bucket in counts), default=-1) + 1
    return OverTime(
        environment=environment,
        step=step,
        times=tuple((first + place) * step for place in range(size)),
        versions=_versions(counts, size),
        looked=looked,
    )


def step_of(begin: float, end: float) -> float:
    """Return the seconds of a bucket with which at most 120 are between two times."""
    return next((each for each in _STEPS if (end - begin) / each < _BUCKETS - 1), _STEPS[-1])


@dataclass(slots=True)
class _Bucket:
    """One version in one bucket of time: requests by how long they took."""

    places: dict[int, int]
    failed: int

    def __init__(self) -> None:
        self.places, self.failed = {}, 0

    def add(self, place: int, count: int, is_failed: bool) -> None:
        self.places[place] = self.places.get(place, 0) + count
        self.failed += count if is_failed else 0

    def quantiles(self) -> list[float]:
        """Return the upper edges under which the shares of the requests lie."""
        total, sofar, found = sum(self.places.values()), 0, []
        for place in sorted(self.places):
            sofar += self.places[place]
            found += [edge(place)] * sum(
                sofar - self.places[place] < each * total <= sofar for each in SHARES
            )
        return found


def _versions(counts: Mapping[tuple[str, int], _Bucket], size: int) -> tuple[Version, ...]:
    """Lay the buckets of each version out in a row."""
    first: dict[str, int] = {}
    for model, bucket in counts:
        first[model] = min(bucket, first.get(model, size))
    return tuple(
        _version(model, counts, size) for model in sorted(first, key=lambda each: (first[each], each))
    )


def _version(model: str, counts: Mapping[tuple[str, int], _Bucket], size: int) -> Version:
    own = [counts.get((model, bucket)) for bucket in range(size)]
    quantiles = [each.quantiles() if each else [None] * len(SHARES) for each in own]
    p50, p90, p99 = zip(*quantiles, strict=True)
    return Version(
        model=model,
        requests=tuple(sum(each.places.values()) if each else 0 for each in own),
        failed=tuple(each.failed if each else 0 for each in own),
        p50=p50,
        p90=p90,
        p99=p99,
    )


def newest_between(found: Sequence[Segment], low: str, high: str) -> tuple[list[Segment], float | None]:
    """Return the segments that may hold such ids, and since when they are where all would be too many."""
    chosen: list[Segment] = []
    records = 0
    for bound, segment in newest_first(found):
        if bound <= low:
            break
        if records > _MOST:
            return chosen, id_time(bound)
        if segment.first < high and segment.path.exists():
            chosen.append(segment)
            records += told(segment).records if is_compacted(segment) else 0
    return chosen, None


def _end(segment: Segment) -> float:
    """Return the time of a segment's last record."""
    try:
        return id_time(told(segment).last_id if is_compacted(segment) else last_id(segment))
    except FileNotFoundError:  # it was compacted a moment ago
        return id_time(told(sibling(segment)).last_id)


def _counted(segments: Sequence[Segment], low: str, high: str, step: float) -> Iterator[_Count]:
    """Yield model, bucket of time, bucket of seconds, whether it failed, and how many records are so."""
    for each in segments:
        compacted = each if is_compacted(each) else sibling(each)
        if not is_compacted(each):
            with suppress(FileNotFoundError):  # it was compacted a moment ago
                yield from _grouped(_plain(each, low, high), step)
                continue
        with suppress(FileNotFoundError):  # it was removed a moment ago
            is_whole = low <= compacted.first and told(compacted).last_id < high
            changed = compacted.path.stat().st_mtime_ns
            ends = ("", AFTER_ALL) if is_whole else (low, high)
            yield from _of_file(compacted.path, changed, ends, step)


@lru_cache(maxsize=1_000)
def _of_file(path: Path, _changed: int, ends: tuple[str, str], step: float) -> list[_Count]:
    """Return the figures of a compacted file, which are the same as long as it is."""
    import polars as pl

    with readable(path):
        table = pl.scan_parquet(path).filter((pl.col("id") >= ends[0]) & (pl.col("id") < ends[1]))
        return _grouped(table.select("time", "model", "seconds", failed=pl.col("outputs") == "[]"), step)


def _plain(segment: Segment, low: str, high: str) -> pl.LazyFrame:
    """Return the figures of a segment that is not compacted."""
    import polars as pl

    with segment.path.open("rb") as file:
        start = bisect(file, segment.path, lambda ident: ident < low)
        end = bisect(file, segment.path, lambda ident: ident < high)
        file.seek(start)
        content = file.read(end - start)
    try:
        read = _lines.decode_lines(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "restore the file from a copy"
        raise Corrupted(f"{segment.path}: not a prediction: {error}", hint=hint) from error
    columns = {
        "time": [each.time for each in read],
        "model": [each.model for each in read],
        "seconds": [each.seconds for each in read],
        "failed": [bytes(each.outputs) == b"[]" for each in read],
    }
    types = {"time": pl.Float64, "model": pl.String, "seconds": pl.Float64, "failed": pl.Boolean}
    return pl.LazyFrame(columns, schema=types)


def _grouped(table: pl.LazyFrame, step: float) -> list[_Count]:
    import polars as pl

    seconds = pl.col("seconds").clip(lower_bound=_LEAST) / _LEAST
    grouped = table.group_by(
        "model",
        (pl.col("time") / step).floor().cast(pl.Int64).alias("bucket"),
        seconds.log(STEP).ceil().cast(pl.Int32).alias("place"),
        "failed",
    )
    return grouped.len().collect().rows()
