"""Records with their lineage, aliases with their history, metrics and the audit trail, in one database.

A few verbs serve every kind of record: what differs between kinds is in the nouns.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kervan.core.errors import NotFound, did_you_mean
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Deployment, Event, Key, Model, Package, Record, Report, Run, Status
from kervan.core.releasing import Release
from kervan.core.shown import moment
from kervan.store.codec import DELETED, SAID, Kept, R, decode, event_of, kept_of, kind_of, last_event
from kervan.store.curves import curve_of, spans_of
from kervan.store.database import Database
from kervan.store.figures import all_figures
from kervan.store.points import point_of
from kervan.store.search import Wanted, count_runs, find_runs, known_names, rows_of
from kervan.store.tables import aliases, edges, events, metrics, records, results
from kervan.store.trail import events_after, known_words, newest_events
from kervan.store.traits import traits_among
from kervan.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kervan.store.curves import Span
    from kervan.store.points import Point
    from kervan.store.search import Condition, Field, RunRow
    from kervan.store.trail import Sought

KINDS: dict[str, type[Record]] = {
    kind_of(kind): kind for kind in (Dataset, Run, Report, Model, Package, Deployment, Release, Key)
}
_PAGE = 2_000
_SAID = tuple(records.c[name] for name in SAID)
_IS_THERE = records.c.state != DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasChange:
    """What an alias pointed to from `time` on, set by whom and why."""

    name: str
    target: str
    time: float
    actor: str
    why: str


class Catalog:
    """The one place that knows every record. Any number of processes may use it at once."""

    def __init__(self, url: str, *, actor: str, folder: Path) -> None:
        self._database = Database(url, folder / "backups")
        self._actor = actor
        self.folder = folder

    @property
    def place(self) -> str:
        """Where the database is, without its password."""
        return self._database.place

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Write records, aliases and events together: all of it, or nothing."""
        with self._database.writing() as connection:
            yield Transaction(connection, self._actor)

    def get(self, kind: type[R], ident: str, *, deleted: bool = False) -> R:
        """Return the record with this id; with `deleted` also what is kept of one that was."""
        found = self._first(kind, records.c.id == ident, sa.true() if deleted else _IS_THERE)
        if found is None:
            raise NotFound(
                f"there is no {kind_of(kind)} {ident}", hint="check the id: it has 26 letters and digits"
            )
        return found

    def find(self, kind: type[R], ref: Ref) -> R:
        """Return the record that a reference names: a version, an alias, or the newest of the name."""
        found = self._first(kind, _named(ref))
        if found is None and ref.version and not ref.version[0].isdecimal():
            pointed = self.alias(kind_of(kind), f"{ref.name}:{ref.version}")
            found = self._first(kind, records.c.id == pointed.target) if pointed and pointed.target else None
        if found is None:
            raise self._not_found(kind, ref)
        return found

    def deleted(self, kind: type[R], ref: Ref) -> tuple[R, Event] | None:
        """Return what is kept of a deleted version, without its files, and the event by which it went."""
        found = self._first(kind, _named(ref), state=records.c.state == DELETED)
        if found is None:
            return None
        (event,) = self.events(subject=found.id, action=f"{DELETED} {kind_of(kind)}")
        return found, event

    def newest(self, kind: type[R], name: str) -> R | None:
        """Return the newest record of a name, or None."""
        return self._first(kind, records.c.name == name)

    def with_hash(self, kind: type[R], content: str, *, name: str) -> R | None:
        """Return the newest record of a name with this content, or None."""
        return self._first(kind, (records.c.hash == content) & (records.c.name == name))

    def all(
        self, kind: type[R], *, name: str | None = None, limit: int | None = None, deleted: bool = False
    ) -> list[R]:
        """Return the records of a kind, newest first; with `deleted` also what is kept of those that were."""
        query = sa.select(records.c.body).where(records.c.kind == kind_of(kind))
        if not deleted:
            query = query.where(_IS_THERE)
        if name is not None:
            query = query.where(records.c.name == name)
        query = query.order_by(records.c.time.desc(), records.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [decode(kind, body) for body in connection.scalars(query)]

    def some(self, kind: type[R], place: slice) -> tuple[list[R], int]:
        """Return records of a kind by their places, newest first, and how many there are in all."""
        return self._counted(kind, sa.true(), place)

    def record(self, ident: str) -> Record:
        """Return the record of any kind with this id."""
        query = sa.select(records.c.kind, records.c.body).where(records.c.id == ident)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None or row.kind not in KINDS:
            raise NotFound(f"there is no record {ident}")
        return decode(KINDS[row.kind], row.body)

    def children(self, parent: str) -> list[tuple[str, str]]:
        """Return (id, role) of every record that came from `parent`."""
        query = sa.select(edges.c.child, edges.c.role).where(edges.c.parent == parent)
        with self._database.reading() as connection:
            return [(row.child, row.role) for row in connection.execute(query)]

    def descendants(self, kind: type[R], parent: str, *, limit: int) -> tuple[list[R], int]:
        """Return the newest records of a kind that came from `parent`, and how many there are."""
        came = records.c.id.in_(sa.select(edges.c.child).where(edges.c.parent == parent))
        return self._counted(kind, came, slice(0, limit))

    def blobs(self) -> set[str]:
        """Return the hashes of all stored files that a record points to."""
        query = sa.select(edges.c.parent).where(edges.c.parent.startswith("sha256:")).distinct()
        with self._database.reading() as connection:
            return {parent.removeprefix("sha256:") for parent in connection.scalars(query)}

    def alias(self, scope: str, name: str, *, at: float | None = None) -> AliasChange | None:
        """Return what an alias points to now, or pointed to at a time in the past."""
        changes = self.alias_history(scope, name)
        return next((change for change in changes if at is None or change.time <= at), None)

    def alias_history(self, scope: str, name: str | None = None) -> list[AliasChange]:
        """Return all changes of an alias, or of all in a scope, newest first."""
        query = sa.select(aliases).where(aliases.c.scope == scope).order_by(aliases.c.sequence.desc())
        if name is not None:
            query = query.where(aliases.c.name == name)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            AliasChange(name=row.name, target=row.target, time=row.time, actor=row.actor, why=row.why)
            for row in rows
        ]

    def alias_trail(self) -> list[dict[str, Any]]:
        """Return every change of every alias, oldest first, as the table holds it."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(aliases).order_by(aliases.c.sequence)).all()
        return [dict(row._mapping) for row in rows]

    def log_metrics(self, run: str, points: Sequence[Point]) -> None:
        """Store points of a run's metrics; a point of the same name and step replaces the older one.

        Runs are searched by the last finite value.
        """
        if points:
            with self.transaction() as transaction:
                transaction.log_metrics(run, points)

    def metric(self, run: str, name: str) -> list[Point]:
        """Return the history of one metric of a run, in order of its steps."""
        query = sa.select(metrics).where(metrics.c.run == run, metrics.c.name == name)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(metrics.c.step)).all()
        return [point_of(row) for row in rows]

    def spans(self, run: str) -> list[Span]:
        """Return the metrics of a run that have a history, of more than one point."""
        with self._database.reading() as connection:
            return spans_of(connection, run)

    def curve(self, run: str, span: Span, *, most: int) -> list[Point]:
        """Return a history of a run's metric in about `most` points."""
        with self._database.reading() as connection:
            return curve_of(connection, run, span, most)

    def search_runs(
        self, metric: str, *, ascending: bool = False, limit: int = 100
    ) -> list[tuple[Run, float]]:
        """Return the runs with the best last value of a metric, best first, each with the value."""
        best = (
            sa.select(results.c.run, results.c.value)
            .where(results.c.name == metric)
            .order_by(results.c.value.asc() if ascending else results.c.value.desc())
            .limit(limit)
            .subquery()
        )
        query = sa.select(records.c.body, best.c.value).join(best, best.c.run == records.c.id)
        query = query.order_by(best.c.value.asc() if ascending else best.c.value.desc())
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [(decode(Run, row.body), row.value) for row in rows]

    def runs_where(
        self, condition: Condition | None, order: Field, *, ascending: bool, place: slice, without: str = ""
    ) -> tuple[list[RunRow], int]:
        """Return the runs under a condition at a place of an order, and how many there are in all.

        Those that came of another run in the role `without` are left out.
        """
        wanted = Wanted(condition=condition, without=without)
        with self._database.reading() as connection:
            found = find_runs(connection, wanted, order, ascending=ascending, place=place)
            return found, count_runs(connection, wanted)

    def run_names(self) -> tuple[list[str], list[str]]:
        """Return the names of all metrics and of all parameters that any run has."""
        with self._database.reading() as connection:
            return known_names(connection)

    def run_rows(self, runs: Sequence[str]) -> list[RunRow]:
        """Return runs in short, in the order of their ids as they are given."""
        with self._database.reading() as connection:
            return rows_of(connection, runs)

    def running(self) -> list[Run]:
        """Return the runs that have not ended."""
        open_ones = (records.c.kind == kind_of(Run)) & (records.c.state == Status.RUNNING)
        with self._database.reading() as connection:
            return [
                decode(Run, body) for body in connection.scalars(sa.select(records.c.body).where(open_ones))
            ]

    def events(
        self, *, subject: str | None = None, action: str | None = None, after: int = 0
    ) -> Iterator[Event]:
        """Yield the audit trail in order, read in pages; all of it, or what is about a subject or action."""
        while True:
            query = sa.select(events).where(events.c.sequence > after).order_by(events.c.sequence)
            if subject is not None:
                query = query.where(events.c.subject == subject)
            if action is not None:
                query = query.where(events.c.action == action)
            with self._database.reading() as connection:
                rows = connection.execute(query.limit(_PAGE)).all()
            for row in rows:
                yield event_of(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].sequence

    def newest_events(self, sought: Sought, place: slice) -> tuple[list[Event], int]:
        """Return the events at a place among those that are as `sought`, newest first, and how many are."""
        with self._database.reading() as connection:
            return newest_events(connection, sought, place)

    def events_after(self, sought: Sought, after: int, *, most: int) -> list[Event]:
        """Return the next events after a number that are as `sought`, oldest first."""
        with self._database.reading() as connection:
            return events_after(connection, sought, after, most)

    def event_words(self) -> tuple[list[str], list[str]]:
        """Return everybody who ever acted, and every action."""
        with self._database.reading() as connection:
            return known_words(connection)

    def head(self) -> Event | None:
        """Return the newest event."""
        with self._database.reading() as connection:
            return last_event(connection)

    def kept(self) -> Iterator[Kept]:
        """Yield every record as the tables hold it, memories too, for checking against the audit trail."""
        query = sa.select(*_SAID, records.c.kind, records.c.rank, records.c.state, records.c.body)
        query = query.order_by(records.c.id).limit(_PAGE)
        last = ""
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(query.where(records.c.id > last)).all()
                among = edges.c.child.in_([row.id for row in rows])
                links = connection.execute(sa.select(edges).where(among)).all() if rows else []
                searched = traits_among(connection, [row.id for row in rows])
            lineage: dict[str, set[tuple[str, str]]] = {row.id: set() for row in rows}
            for link in links:
                lineage[link.child].add((link.parent, link.role))
            for row in rows:
                yield kept_of(row, lineage[row.id], searched.get(row.id, {}))
            if len(rows) < _PAGE:
                return
            last = rows[-1].id

    def orphans(self) -> set[str]:
        """Return the children in the lineage that are no records."""
        known = sa.select(records.c.id)
        with self._database.reading() as connection:
            return set(connection.scalars(sa.select(edges.c.child).where(edges.c.child.not_in(known))))

    def figures(self) -> dict[str, str]:
        """Return the hash over the metrics of every run that has any."""
        with self._database.reading() as connection:
            return all_figures(connection)

    def recall(self, kind: type[R], key: str) -> R | None:
        """Return what was remembered under a key, or None."""
        return self._first(kind, records.c.version == key)

    def _counted(self, kind: type[R], condition: sa.ColumnElement[bool], place: slice) -> tuple[list[R], int]:
        wanted = (records.c.kind == kind_of(kind)) & _IS_THERE & condition
        query = sa.select(records.c.body).where(wanted)
        query = query.order_by(records.c.time.desc(), records.c.id.desc()).slice(place.start, place.stop)
        with self._database.reading() as connection:
            found = [decode(kind, body) for body in connection.scalars(query)]
            count = connection.scalar(sa.select(sa.func.count()).where(wanted))
        return found, count or 0

    def _first(
        self, kind: type[R], condition: sa.ColumnElement[bool], state: sa.ColumnElement[bool] = _IS_THERE
    ) -> R | None:
        query = sa.select(records.c.body).where(records.c.kind == kind_of(kind), condition, state)
        query = query.order_by(records.c.rank.desc(), records.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            body = connection.scalar(query)
        return None if body is None else decode(kind, body)

    def _not_found(self, kind: type[Record], ref: Ref) -> NotFound:
        what = kind_of(kind)
        if ref.version is not None and (gone := self.deleted(kind, ref)):
            record, event = gone
            told = f"by {event.actor}, {moment(event.time)}: {event.why}"
            return NotFound(f"{what} {record.ref} was deleted {told}", hint="versions are never given again")
        of_kind = (records.c.kind == what) & _IS_THERE
        query = sa.select(records.c.name, records.c.version).where(of_kind).distinct()
        with self._database.reading() as connection:
            known = connection.execute(query).all()
        versions = [row.version for row in known if row.name == ref.name]
        if versions and ref.version is not None:
            shown = ", ".join(sorted(versions, key=_version_key)[-10:])
            return NotFound(f"{what} {ref.name!r} has no version {ref.version}", hint=f"known: {shown}")
        names = {row.name for row in known}
        maker = "kervan data ingest" if what == "dataset" else "kervan run"
        hint = did_you_mean(ref.name, names) if names else f"there are none yet: `{maker}` makes the first"
        return NotFound(f"there is no {what} {ref.name!r}", hint=hint)


def _named(ref: Ref) -> sa.ColumnElement[bool]:
    named: sa.ColumnElement[bool] = records.c.name == ref.name
    return named if ref.version is None else named & (records.c.version == ref.version)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
