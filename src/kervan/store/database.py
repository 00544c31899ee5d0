"""Connections to the catalog's database, and its schema brought up to date before first use."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from kervan.core.errors import InvalidConfig, StorageFailed
from kervan.core.plugins import extras_named
from kervan.core.private import make_private, open_private
from kervan.store.tables import METADATA, REVISION

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUSY_SECONDS = 60
_URL_HINT = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
_REVISION_TABLE = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
# One writer at a time keeps versions without gaps and the events a chain; any number will do as its name.
_WRITER_LOCK = 0x6B657276616E


class Database:
    """An engine whose transactions write one at a time, and whose reads never wait for them."""

    def __init__(self, url: str, backups: Path) -> None:
        self.url = _parsed(url)
        self._backups = backups
        with storage_errors(self.place), extras_named():
            self._engine = self._make_engine()
        self._is_current = False

    @property
    def place(self) -> str:
        """Where the database is, without its password."""
        if self.url.get_backend_name() == "sqlite":
            return str(self.url.database)  # as it is written, not as a URL would write it
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees what was committed, statement by statement."""
        with storage_errors(self.place):
            self._bring_up_to_date()
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give the connection of the one writer; everything is committed at the end, or nothing."""
        with storage_errors(self.place):
            self._bring_up_to_date()
            with self._engine.begin() as connection:
                self._lock(connection)
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _make_engine(self) -> sa.Engine:
        if self.url.get_backend_name() != "sqlite":
            return sa.create_engine(self.url, pool_pre_ping=True)
        file = self.url.database
        if file:
            _make_private(Path(file))
        engine = sa.create_engine(self.url, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_to_write)
        return engine

    def _lock(self, connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))

    def _bring_up_to_date(self) -> None:
        if self._is_current:
            return
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            self._is_current = _revision(connection) == REVISION
        if not self._is_current:
            with self._engine.begin() as connection:
                self._lock(connection)
                self._migrate(connection)
            self._is_current = True

    def _migrate(self, connection: sa.Connection) -> None:
        revision = _revision(connection)
        if revision == REVISION:
            return
        if revision is None:
            METADATA.create_all(connection)
            connection.exec_driver_sql(_REVISION_TABLE)
            connection.execute(sa.text("INSERT INTO alembic_version VALUES (:it)"), {"it": REVISION})
            return
        if revision > REVISION:
            raise StorageFailed(
                f"{self.place} is of revision {revision}, this Kervan knows {REVISION}",
                hint="upgrade Kervan",
            )
        self._back_up(revision)
        _upgrade(connection)

    def _back_up(self, revision: str) -> None:
        file = self.url.database
        if self.url.get_backend_name() != "sqlite" or not file:
            return
        copy = self._backups / f"catalog-{revision}-{time.strftime('%Y%m%dT%H%M%S')}.sqlite"
        _make_private(copy)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)


def _make_private(file: Path) -> None:
    """Make the empty file before SQLite does, for its owner alone; what SQLite lays beside it is like it."""
    if file.name != ":memory:" and not file.exists():
        make_private(file.parent)
        os.close(open_private(file, os.O_APPEND))


def _parsed(url: str) -> sa.URL:
    """Read a database URL, or raise `InvalidConfig`; PostgreSQL is spoken to by the driver of our extra."""
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise InvalidConfig("[workspace] catalog: it is no URL of a database", hint=_URL_HINT) from error
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _DRIVERS.values():
        raise InvalidConfig(f"[workspace] catalog: {driver!r} is no database that it can use", hint=_URL_HINT)
    return parsed.set(drivername=driver)


def _begin_to_write(connection: sa.Connection) -> None:
    """Claim the database at once: of two readers that become writers, one would fail without waiting."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late and be deferred
    _use_write_ahead_log(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: Any) -> None:
    """Switch to WAL, waiting for other processes that switch a new file too: SQLite itself does not wait."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def storage_errors(place: str) -> Iterator[None]:
    """Turn errors of the disk and of the database into `StorageFailed` that says what to do."""
    try:
        yield
    except exc.OperationalError as error:
        raise StorageFailed(f"{place}: {error.orig}", hint=_database_hint(str(error.orig))) from error
    except exc.DatabaseError as error:
        if "malformed" not in str(error.orig) and "not a database" not in str(error.orig):
            raise
        raise StorageFailed(f"{place}: {error.orig}", hint="restore it from a backup") from error
    except OSError as error:
        if error.errno is None:
            raise
        where = error.filename or place
        raise StorageFailed(f"{where}: {os.strerror(error.errno)}", hint=_disk_hint(error.errno)) from error


def _database_hint(message: str) -> str:
    if "full" in message or "disk I/O" in message:  # a full disk stops SQLite's shared memory with the latter
        return "free some space on that disk, then try again: nothing was changed"
    if "readonly" in message or "read-only" in message or "unable to open" in message:
        return "make the folder writable for you, then try again"
    if "locked" in message:
        return "another process has been writing for a minute; wait for it, then try again"
    return "is the database running and reachable? check `catalog` in [workspace]"


def _disk_hint(code: int) -> str:
    if code in {errno.ENOSPC, errno.EDQUOT}:
        return "free some space on that disk, then try again: nothing was changed"
    if code in {errno.EACCES, errno.EROFS, errno.EPERM}:
        return "make the folder writable for you, then try again"
    return "check the path, then try again"
