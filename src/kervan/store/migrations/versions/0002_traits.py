"""Runs are searched by their parameters and by how long they took."""

import sqlalchemy as sa
from alembic import op

from kervan.store.traits import traits_of

revision = "0002"
down_revision = "0001"

_PAGE = 500


def upgrade() -> None:
    op.create_table(
        "traits",
        sa.Column("run", sa.String(26), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.Float),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("traits_by_number", "traits", ["name", "number"])
    _fill()


def _fill() -> None:
    connection = op.get_bind()
    page = sa.text(
        f"SELECT id, body FROM records WHERE kind = 'run' AND id > :last ORDER BY id LIMIT {_PAGE}"  # noqa: S608
    )
    insert = sa.text("INSERT INTO traits (run, name, number, text) VALUES (:run, :name, :number, :text)")
    last = ""
    while rows := connection.execute(page, {"last": last}).all():
        found = [
            {"run": row.id, "name": name, "number": number, "text": text}
            for row in rows
            for name, (number, text) in traits_of(row.body).items()
        ]
        if found:
            connection.execute(insert, found)
        last = rows[-1].id
