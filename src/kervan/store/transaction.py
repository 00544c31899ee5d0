"""What one writer adds to the catalog: all of it, or nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from kervan.core.errors import Conflict, NotFound
from kervan.core.identity import FIRST_VERSION, Bump, Version, sha256
from kervan.core.nouns import Event, Link, Model, Record, Run, Status
from kervan.store.codec import DELETED, decode, kind_of, last_event, upsert
from kervan.store.events import Entry, canonical, chain
from kervan.store.figures import figures_of
from kervan.store.points import last_finite, row_of
from kervan.store.tables import aliases, edges, events, metrics, records, results, traits
from kervan.store.traits import traits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.store.points import Point


FILE = "sha256:"  # how the name of a stored file begins where it is a parent
POINTED = "pointed "  # how the event of a changed alias begins; its scope follows


class Transaction:
    """What one writer adds to the catalog."""

    def __init__(self, connection: sa.Connection, actor: str) -> None:
        self._connection = connection
        self._actor = actor

    def put(self, record: Record, *, action: str = "created", why: str = "") -> None:
        """Add a record with its lineage, and put that on the audit trail."""
        body = self._insert(record)
        self._record_event(record, body, action, why)

    def remember(self, record: Record) -> None:
        """Add a record that may be forgotten again, and is not on the audit trail."""
        taken = sa.select(records.c.id).where(
            records.c.kind == kind_of(type(record)),
            records.c.name == record.name,
            records.c.version == record.version,
        )
        if self._connection.scalar(taken) is None:
            self._insert(record)

    def forget(self, kind: type[Record], ident: str) -> None:
        """Remove a memory."""
        self._connection.execute(sa.delete(edges).where(edges.c.child == ident))
        name = kind_of(kind)
        self._connection.execute(sa.delete(records).where(records.c.kind == name, records.c.id == ident))

    def forget_holders(self, kind: type[Record], parent: str) -> None:
        """Remove the memories of a kind that came from a record or hold a stored file (`sha256:…`)."""
        holds = sa.select(edges.c.child).where(edges.c.parent == parent)
        of_kind = (records.c.kind == kind_of(kind)) & records.c.id.in_(holds)
        for ident in self._connection.scalars(sa.select(records.c.id).where(of_kind)).all():
            self.forget(kind, ident)

    def update(self, record: Record, *, action: str, why: str = "") -> None:
        """Replace a record that is still growing (a run), and put that on the audit trail."""
        body = canonical(record).decode()
        changed = {"body": body, "hash": record.hash, "state": getattr(record, "status", "")}
        query = sa.update(records).where(records.c.id == record.id).values(**changed)
        if self._connection.execute(query).rowcount != 1:
            raise NotFound(f"there is no record {record.id}")
        self._link(record)
        self._describe(record, body)
        self._record_event(record, body, action, why)

    def retire(self, record: Record, *, why: str) -> None:
        """Delete a record, on the audit trail: its files may go, its name and version stay taken for ever."""
        parents = tuple(link for link in record.parents if not link.parent.startswith(FILE))
        told = msgspec.to_builtins(replace(record, parents=parents))
        body = canonical({**told, "status": DELETED}).decode()
        changed = {"body": body, "state": DELETED}
        still_there = (records.c.id == record.id) & (records.c.state != DELETED)
        if self._connection.execute(sa.update(records).where(still_there).values(**changed)).rowcount != 1:
            raise NotFound(f"there is no record {record.id}")
        files = (edges.c.child == record.id) & edges.c.parent.startswith(FILE)
        self._connection.execute(sa.delete(edges).where(files))
        self._record_event(record, body, DELETED, why)

    def log_metrics(self, run: str, points: Sequence[Point]) -> None:
        """Store points of a run's metrics; of a run that has ended they go before its record.

        What is put on the audit trail of a run that has ended are the metrics that are there by then.
        """
        upsert(self._connection, metrics, [row_of(run, point) for point in points])
        found = last_finite(points)
        upsert(self._connection, results, [(run, name, value) for name, value in found.items()])

    def next_number(self, kind: type[Record], name: str) -> str:
        """Claim the next whole-number version of a name: 1, 2, 3, … without gaps."""
        return str(self._last_rank(kind, name) + 1)

    def next_version(self, name: str, step: Callable[[Model], Bump]) -> Version:
        """Claim the next semantic version of a model; `step` sees the newest and says how far to go."""
        newest = self._newest_body("model", name)
        if newest is None:
            return FIRST_VERSION
        model = decode(Model, newest)
        return Version.parse(model.version).bumped(step(model))

    def point(self, scope: str, name: str, target: str, *, why: str) -> None:
        """Let an alias point to a record from now on; what it pointed to before stays in its history."""
        values = {"scope": scope, "name": name, "target": target, "time": time.time()}
        made = self._connection.execute(sa.insert(aliases).values(**values, actor=self._actor, why=why))
        (sequence,) = made.inserted_primary_key or (0,)
        body = {"target": target, "sequence": sequence, "since": values["time"]}
        self.event(Entry(action=f"{POINTED}{scope}", subject=name, why=why, body=body))

    def event(self, entry: Entry) -> Event:
        """Append to the audit trail."""
        made = chain(entry, previous=last_event(self._connection), actor=self._actor, time=time.time())
        values = {name: getattr(made, name) for name in events.c.keys() if name != "body"}  # noqa: SIM118
        body = canonical(made.body).decode()
        self._connection.execute(sa.insert(events).values(**values, body=body))
        return made

    def _insert(self, record: Record) -> str:
        kind = kind_of(type(record))
        body = canonical(record).decode()
        values = {
            "id": record.id,
            "kind": kind,
            "name": record.name,
            "version": record.version,
            "rank": self._last_rank(type(record), record.name) + 1 if record.version else 0,
            "state": getattr(record, "status", ""),
            "hash": record.hash,
            "creator": record.creator,
            "time": record.time,
            "body": body,
        }
        try:
            self._connection.execute(sa.insert(records).values(**values))
        except sa.exc.IntegrityError as error:
            raise Conflict(f"{kind} {record.ref} exists already", hint="give it another version") from error
        self._link(record)
        self._describe(record, body)
        return body

    def _link(self, record: Record) -> None:
        rows = {(record.id, link.parent, link.role) for link in record.parents}
        upsert(self._connection, edges, sorted(rows))

    def _describe(self, record: Record, body: str) -> None:
        """Let a run be found by what its body says."""
        if isinstance(record, Run):
            found = traits_of(body)
            self._connection.execute(sa.delete(traits).where(traits.c.run == record.id))
            upsert(self._connection, traits, [(record.id, name, *value) for name, value in found.items()])

    def _record_event(self, record: Record, body: str, action: str, why: str) -> None:
        kind = kind_of(type(record))
        detail = {"kind": kind, "ref": record.ref, "sha256": sha256(body.encode())}
        if isinstance(record, Run) and record.status is not Status.RUNNING:  # its metrics are all there
            detail["figures"] = figures_of(self._connection, [record.id])[record.id]
        self.event(Entry(action=f"{action} {kind}", subject=record.id, why=why, body=detail))

    def _last_rank(self, kind: type[Record], name: str) -> int:
        where = (records.c.kind == kind_of(kind)) & (records.c.name == name)
        return self._connection.scalar(sa.select(sa.func.max(records.c.rank)).where(where)) or 0

    def _newest_body(self, kind: str, name: str) -> str | None:
        query = sa.select(records.c.body).where(records.c.kind == kind, records.c.name == name)
        body: str | None = self._connection.scalar(query.order_by(records.c.rank.desc()).limit(1))
        return body


def stored(blob: str, role: str) -> Link:
    """Return the edge from a record to a stored file."""
    return Link(parent=f"{FILE}{blob}", role=role)
