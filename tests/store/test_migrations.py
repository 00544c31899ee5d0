from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import kervan
from kervan.core.errors import StorageFailed
from kervan.core.nouns import Report
from kervan.store.open import Store
from kervan.store.search import Comparison, Field, Known
from kervan.store.tables import METADATA, REVISION
from store.make import make_report, make_run

if TYPE_CHECKING:
    from kervan.core.nouns import Workspace

SOURCE = Path(kervan.__file__).parent
MIGRATIONS = SOURCE / "store" / "migrations"

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "0002"


def upgrade():
    op.add_column("records", sa.Column("note", sa.Text, nullable=False, server_default="boş"))
"""
BROKEN = NEXT + "    op.execute('SELECT nonsense FROM nowhere')\n"

READ = """
import pathlib, sys
from kervan.core.nouns import Report, Workspace
from kervan.store.open import Store

root, catalog = sys.argv[1:]
store = Store(Workspace(root=pathlib.Path(root), catalog=catalog, blobs=root + "/blobs", actor="a"))
print(*(report.name for report in store.catalog.all(Report)))
"""


def shape(url: str) -> dict[str, list[str]]:
    """Every table with its columns, keys and indexes, as the database describes them."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    looked = sa.inspect(engine)
    return {
        table: sorted(
            [str({**column, "type": str(column["type"])}) for column in looked.get_columns(table)]
            + [_in_words(index) for index in looked.get_indexes(table)]
            + [str(looked.get_pk_constraint(table)["constrained_columns"])]
        )
        for table in looked.get_table_names()
    }


def _in_words(index: Any) -> str:
    options = {name: str(value) for name, value in index["dialect_options"].items()}
    return str([index["name"], index["column_names"], bool(index["unique"]), options])


def upgrade_from_nothing(url: str) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


@pytest.fixture
def nothing(request: pytest.FixtureRequest, any_workspace: Workspace, tmp_path: Path) -> str:
    """The URL of a database without tables, of the same kind as the workspace's."""
    if any_workspace.catalog.startswith("postgresql"):
        return str(request.getfixturevalue("postgres_nothing"))
    return f"sqlite:///{tmp_path / 'boş.sqlite'}"


def test_the_migrations_lead_to_the_tables_of_a_new_catalog(nothing: str, any_workspace: Workspace) -> None:
    store = Store(any_workspace)
    assert store.catalog.head() is None
    store.close()
    upgrade_from_nothing(nothing)
    assert shape(nothing) == shape(any_workspace.catalog)
    with sa.create_engine(nothing, poolclass=sa.NullPool).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_newest_migration_is_the_revision_of_the_tables() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


def test_a_catalog_of_a_newer_revision_is_refused(local_store: Store, workspace: Workspace) -> None:
    file = local_store.root / "catalog.sqlite"
    assert local_store.catalog.head() is None
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    fresh = Store(workspace)
    with pytest.raises(StorageFailed, match=rf"of revision 9999, this Kervan knows {REVISION}") as caught:
        fresh.catalog.head()
    assert caught.value.hint == "upgrade Kervan"
    fresh.close()


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The folder of a later Kervan, whose catalogs have one column more."""
    folder = tmp_path / "next"
    shutil.copytree(SOURCE, folder / "kervan", ignore=shutil.ignore_patterns("__pycache__"))
    tables = folder / "kervan" / "store" / "tables.py"
    text = tables.read_text()
    assert f'REVISION = "{REVISION}"' in text
    tables.write_text(text.replace(f'REVISION = "{REVISION}"', 'REVISION = "9998"'))
    (folder / "kervan" / "store" / "migrations" / "versions" / "9998_next.py").write_text(NEXT)
    return folder


def read_with(release: Path, workspace: Workspace) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", READ, str(workspace.root), workspace.catalog]
    environment = {**os.environ, "PYTHONPATH": str(release)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def columns(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {row[1] for row in raw.execute("PRAGMA table_info(records)")}


def test_an_older_catalog_is_backed_up_and_upgraded_once_by_two_at_once(
    store: Store, next_release: Path
) -> None:
    with store.catalog.transaction() as transaction:
        transaction.put(make_report("eski"))
    store.close()
    readers = [read_with(next_release, store.workspace) for _ in range(2)]
    for reader in readers:
        out, trouble = reader.communicate(timeout=60)
        assert (out, trouble) == ("eski\n", "")
    assert "note" in str(shape(store.workspace.catalog)["records"])
    if store.workspace.catalog.startswith("sqlite"):
        [backup] = (store.root / "backups").iterdir()
        assert backup.name.startswith(f"catalog-{REVISION}-")
        assert columns(backup) == {column.name for column in METADATA.tables["records"].columns}


def test_runs_of_an_older_catalog_are_found_by_their_parameters(store: Store) -> None:
    with store.catalog.transaction() as transaction:
        for number in range(3):
            transaction.put(
                make_run(time=1.0, ended=1.0 + number, parameters={"lr": number, "şehir": "Iğdır"})
            )
    store.close()
    with sa.create_engine(store.workspace.catalog, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("DROP TABLE traits"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    again = Store(store.workspace)
    assert again.catalog.run_names() == ([], ["lr", "şehir"])
    longer = Comparison(Field(Known.SECONDS, "seconds"), ">", "0.5", 0.5)
    order = Field(Known.PARAMETER, "lr")
    found, total = again.catalog.runs_where(longer, order, ascending=False, place=slice(0, 5))
    assert ([run.parameters["lr"] for run in found], total) == ([2, 1], 2)
    again.close()


def test_a_migration_that_fails_leaves_the_old_catalog(store: Store, next_release: Path) -> None:
    (next_release / "kervan" / "store" / "migrations" / "versions" / "9998_next.py").write_text(BROKEN)
    with store.catalog.transaction() as transaction:
        transaction.put(make_report("eski"))
    store.close()
    _, trouble = read_with(next_release, store.workspace).communicate(timeout=60)
    assert "nowhere" in trouble
    assert "note" not in str(shape(store.workspace.catalog)["records"])
    again = Store(store.workspace)
    assert [report.name for report in again.catalog.all(Report)] == ["eski"]
    again.close()
