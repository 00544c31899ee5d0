"""Recorded requests answered once more: by a candidate, or by the very package that answered them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.app.again import Again, figures_of, in_pieces, truth_of
from kervan.app.environments import PRODUCTION, find_deployment
from kervan.app.feedback import labelled
from kervan.app.newest import first_of_newest
from kervan.app.records import predictions
from kervan.app.register import find_model
from kervan.core.errors import NotFound
from kervan.core.identity import id_time
from kervan.model.metrics import task_of
from kervan.model.paired import paired
from kervan.monitor.changes import Changes
from kervan.package.answers import chosen
from kervan.serve.answer import name_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from kervan.app.again import LeftOut, Row
    from kervan.app.project import Project
    from kervan.model.paired import Paired
    from kervan.monitor.changes import Changed

_AT_ONCE = 2_000
_MOST_FIGURES = 4_000_000  # of labelled rows, held at once
_TELL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a model would have answered to an environment's recorded requests, beside what was answered.

    `against` says which versions answered then, and how many of the rows that are compared; `begin` and `end`
    are the times of the first and the last request, in seconds since 1970. `labelled` counts the rows whose
    label came back and by which `quality` compares both.
    """

    model: str
    environment: str
    requests: int
    begin: float
    end: float
    against: Mapping[str, int]
    left_out: tuple[LeftOut, ...]
    changed: Changed
    labelled: int
    quality: tuple[Paired, ...]


def replay(
    project: Project,
    ref: str,
    environment: str = "",
    *,
    since: float | None = None,
    until: float | None = None,
    limit: int | None = None,
) -> Replayed:
    """Let a model answer the requests that an environment has on record, and compare the answers.

    The environment is by default the one to which `[release]` goes, or else `production`.
    `since` (inclusive) and `until` (exclusive) are seconds since 1970; with a `limit` only the newest so many
    of all requests count. No server is asked and nothing recorded. Requests that a shadow saw count once.
    Raises `NotFound` if there is none on record.
    """
    model = find_model(project, ref)
    environment = find_deployment(project, environment or project.config.release.to or PRODUCTION).name
    if limit is not None and (first := first_of_newest(project, environment, limit)):
        since = max(since or 0.0, id_time(first))
    with project.stage("replay") as tell:
        again = Again(project, model)
        seen = _Seen(project, environment, since, until)
        changes = Changes(model.signature)
        against: Counter[str] = Counter()
        for rows in in_pieces(seen.rows(again), _AT_ONCE):
            scored = again.score(rows)
            if scored.rows:
                ids, before = [row.id for row in scored.rows], [row.before for row in scored.rows]
                changes.add(ids, scored.matrix, before, name_values(scored.values, model.signature))
                against.update(row.model for row in scored.rows)
        if not seen.requests:
            raise NotFound(
                f"no request to {environment} is on record for that time",
                hint="give another time, or ask it for some: kervan predict -f rows.csv",
            )
        left_out, changed = again.left_out, changes.found()
        count, quality = _quality(again, seen) if changed.rows else (0, ())
        tell(f"{model.ref} on {changed.rows:,} rows of {seen.requests:,} requests to {environment}")
    return Replayed(
        model=model.ref,
        environment=environment,
        requests=seen.requests,
        begin=seen.begin,
        end=seen.end,
        against=dict(against.most_common()),
        left_out=left_out,
        changed=changed,
        labelled=count,
        quality=quality,
    )


class _Seen:
    """The requests of an environment in some time, counted as they are read."""

    def __init__(self, project: Project, environment: str, since: float | None, until: float | None) -> None:
        self._project = project
        self._environment = environment
        self._since, self._until = since, until
        self.requests = 0
        self.begin, self.end = inf, 0.0

    def rows(self, again: Again) -> Iterator[Row]:
        """Yield the rows that can be asked once more; every ten seconds the observer hears how far it is."""
        told = time.monotonic()
        for each in predictions(self._project, self._environment, since=self._since, until=self._until):
            self.requests += 1
            self.begin, self.end = min(self.begin, each.time), max(self.end, each.time)
            yield from again.rows_of(each)
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                self._project.remark("replay", f"{self.requests:,} requests so far")

    def labelled(self, again: Again) -> Iterator[Row]:
        """Yield the rows that can be asked once more and whose label came back."""
        for each in labelled(self._project, self._environment, since=self._since, until=self._until):
            if each.label is None:
                continue
            for row in again.rows_of(each.prediction):
                if row.id == each.id:
                    yield replace(row, label=each.label)


def _quality(again: Again, seen: _Seen) -> tuple[int, tuple[Paired, ...]]:
    """Return how many rows have a label that both answered, and how good both are on these."""
    signature = again.signature
    most = _MOST_FIGURES // max(1, len(signature.output.allowed))
    useful = (
        row
        for row in seen.labelled(again)
        if truth_of(row.label, signature) is not None and figures_of(row.before, signature) is not None
    )
    truths: list[Any] = []
    before: list[Any] = []
    after: list[NDArray[np.float64]] = []
    named: list[int] = []
    classes = signature.output.allowed if signature.is_classification else ()
    for piece in in_pieces(islice(useful, most), _AT_ONCE):
        scored = again.score(piece)
        truths += [truth_of(row.label, signature) for row in scored.rows]
        before += [figures_of(row.before, signature) for row in scored.rows]
        named += [classes.index(row.before["label"]) for row in scored.rows if classes]
        after += [scored.values] if scored.rows else []
    if not truths:
        return 0, ()
    kind = np.int64 if signature.is_classification else np.float64
    truth, was = np.array(truths, dtype=kind), np.array(before, dtype=np.float64)
    is_now = np.concatenate(after)
    labels = (np.array(named, dtype=np.int64), chosen(is_now, signature.naming)) if classes else None
    return len(truth), paired(task_of(signature), truth, was, is_now, labels)
