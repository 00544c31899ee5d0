"""The catalog's few tables. `REVISION` names the migration that they match."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

REVISION = "0002"

METADATA = MetaData()

# `rank` counts the versions of one name from 1, so that the newest is found without reading versions;
# `state` is what a run has come to, and empty for everything else.
records = Table(
    "records",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("hash", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("body", Text, nullable=False),
    Index("records_of_name", "kind", "name", "rank"),
    Index("records_by_time", "kind", "time"),
    Index("records_by_state", "kind", "state"),
    Index("records_by_hash", "kind", "hash"),
    Index(
        "one_record_a_version",
        "kind",
        "name",
        "version",
        unique=True,
        sqlite_where=text("version <> ''"),
        postgresql_where=text("version <> ''"),
    ),
)

edges = Table(
    "edges",
    METADATA,
    Column("child", String(26), nullable=False),
    Column("parent", String(71), nullable=False),
    Column("role", Text, nullable=False),
    PrimaryKeyConstraint("child", "parent", "role"),
    Index("edges_by_parent", "parent"),
)

# A value that is no number (NaN) is null: databases disagree about it.
metrics = Table(
    "metrics",
    METADATA,
    Column("run", String(26), nullable=False),
    Column("name", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Float),
    Column("time", Float, nullable=False),
    PrimaryKeyConstraint("run", "name", "step"),
    sqlite_with_rowid=False,
)

# The last finite value of each metric of a run, for searching runs without touching their histories.
results = Table(
    "results",
    METADATA,
    Column("run", String(26), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Float, nullable=False),
    PrimaryKeyConstraint("run", "name"),
    Index("results_by_value", "name", "value"),
)

# What else runs are searched by: parameters, as numbers where they are, and the seconds that they took.
traits = Table(
    "traits",
    METADATA,
    Column("run", String(26), nullable=False),
    Column("name", Text, nullable=False),
    Column("number", Float),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("run", "name"),
    Index("traits_by_number", "name", "number"),
)

# Append-only: the newest row of (scope, name) is what the alias points to now.
aliases = Table(
    "aliases",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("scope", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("aliases_of_name", "scope", "name", "sequence"),
)

events = Table(
    "events",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("events_of_subject", "subject", "sequence"),
)
