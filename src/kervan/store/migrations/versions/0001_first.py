"""The first tables, as they were: a new catalog gets the present ones from `kervan.store.tables` directly."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_records()
    _create_figures()
    _create_trail()


def _create_records() -> None:
    op.create_table(
        "records",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("creator", sa.Text, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("records_of_name", "records", ["kind", "name", "rank"])
    op.create_index("records_by_time", "records", ["kind", "time"])
    op.create_index("records_by_state", "records", ["kind", "state"])
    op.create_index("records_by_hash", "records", ["kind", "hash"])
    has_version = sa.text("version <> ''")
    op.create_index(
        "one_record_a_version",
        "records",
        ["kind", "name", "version"],
        unique=True,
        sqlite_where=has_version,
        postgresql_where=has_version,
    )
    op.create_table(
        "edges",
        sa.Column("child", sa.String(26), primary_key=True),
        sa.Column("parent", sa.String(71), primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
    )
    op.create_index("edges_by_parent", "edges", ["parent"])


def _create_figures() -> None:
    op.create_table(
        "metrics",
        sa.Column("run", sa.String(26), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Float),
        sa.Column("time", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "results",
        sa.Column("run", sa.String(26), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_index("results_by_value", "results", ["name", "value"])


def _create_trail() -> None:
    op.create_table(
        "aliases",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("aliases_of_name", "aliases", ["scope", "name", "sequence"])
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("events_of_subject", "events", ["subject", "sequence"])
