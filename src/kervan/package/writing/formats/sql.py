"""One query for each database, scored by the database itself."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from kervan.core.errors import Corrupted, MissingTool, Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.core.schema import Type
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.scalar.dialects import DIALECTS
from kervan.package.writing.scalar.sql import TABLE, Script, write_script
from kervan.package.writing.scalar.sql_answers import answers_of
from kervan.package.writing.scalar.sql_formulas import free_name
from kervan.package.writing.spark.engine import Question, SparkPredictor, check_java

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.package.writing.scalar.dialects import Dialect

FILE, NODES = "model.sql", "nodes.sql"
_HEAD = "-- The nodes of the trees that the query walks through: run this once in each database.\n"
_ROWS_AT_ONCE = 200
_AGAIN = "package the model again"


class SqlFormat:
    """A model as a query in the dialect of one database, with a table of nodes for many or large trees."""

    dialect: Dialect
    about: About
    requires: tuple[str, ...] = ()

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the query.

        Raises `Refused` for a model that is too large, or needs sorting or searching, and for names that the
        database does not take or takes for one.
        """
        self.dialect.check_names(fitted.signature.inputs.names)
        script = write_script(fitted.form, self.dialect)
        (folder / FILE).write_text(script.query, encoding="utf-8", newline="\n")
        if script.nodes:
            content = _HEAD + "".join(f"{statement};\n" for statement in script.nodes)
            (folder / NODES).write_text(content, encoding="utf-8", newline="\n")

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a query is run by a database."""
        raise Refused(
            f"{folder / FILE} is run by a database, not by Kervan",
            hint="serve the model in the format `onnx`",
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return the database that runs the query."""
        return {"": QueryPredictor(self.script(folder, signature), signature, self.dialect, self.connect())}

    def script(self, folder: Path, signature: Signature) -> Script:
        """Read what was written, and let it give the rows' key too; or raise `Corrupted`."""
        nodes = folder / NODES
        statements = _read(nodes).removeprefix(_HEAD).split(";\n")[:-1] if nodes.is_file() else []
        return Script(query=_read(folder / FILE), nodes=tuple(statements)).keyed(_key(signature))

    def connect(self) -> Callable[[], Any]:
        """Return what connects to a database of this kind, or raise `MissingTool`."""
        raise NotImplementedError

    def check_ready(self) -> None:
        """Raise `MissingTool` unless the database answers in which the query is proved."""
        self.connect()().close()


class SqliteFormat(SqlFormat):
    """A query for SQLite."""

    dialect = DIALECTS["sqlite"]
    about = About(
        title="SQL for SQLite",
        extension=".sql",
        licence="public domain",
        readers="SQLite 3.35",
        text=True,
        is_code=True,
    )

    def connect(self) -> Callable[[], Any]:
        """Connect to an empty database in memory."""
        return lambda: sqlite3.connect(":memory:")


class DuckdbFormat(SqlFormat):
    """A query for DuckDB."""

    dialect = DIALECTS["duckdb"]
    requires = ("duckdb",)
    about = About(
        title="SQL for DuckDB", extension=".sql", licence="MIT", readers="DuckDB", text=True, is_code=True
    )

    def connect(self) -> Callable[[], Any]:
        """Connect to an empty database in memory."""
        with extras_named():
            import duckdb
        return lambda: duckdb.connect(":memory:")


class PostgresqlFormat(SqlFormat):
    """A query for PostgreSQL, proved in the database that KERVAN_PROOF_POSTGRESQL names."""

    dialect = DIALECTS["postgresql"]
    about = About(
        title="SQL for PostgreSQL",
        extension=".sql",
        licence="PostgreSQL",
        readers="PostgreSQL and what speaks its dialect",
        text=True,
        is_code=True,
    )

    def connect(self) -> Callable[[], Any]:
        """Connect to the database that was named for proofs."""
        url = _url("KERVAN_PROOF_POSTGRESQL", "postgresql://user@localhost/database")
        with extras_named():
            import psycopg
        return lambda: _reached("KERVAN_PROOF_POSTGRESQL", lambda: psycopg.connect(url))


class MysqlFormat(SqlFormat):
    """A query for MySQL and MariaDB, proved in the database that KERVAN_PROOF_MYSQL names."""

    dialect = DIALECTS["mysql"]
    about = About(
        title="SQL for MySQL",
        extension=".sql",
        licence="GPL-2.0",
        readers="MySQL 8.0.17, MariaDB",
        text=True,
        is_code=True,
    )

    def connect(self) -> Callable[[], Any]:
        """Connect to the database that was named for proofs."""
        url = _url("KERVAN_PROOF_MYSQL", "mysql://user@localhost/database")
        with extras_named():
            import pymysql

        def connect() -> Any:
            parts = urlsplit(url)
            return pymysql.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=parts.path.lstrip("/"),
                charset="utf8mb4",
            )

        return lambda: _reached("KERVAN_PROOF_MYSQL", connect)


class _TranslatedFormat(SqlFormat):
    """A query for a database that cannot run here: it is parsed by its grammar and run by DuckDB."""

    requires = ("duckdb", "sqlglot")

    def connect(self) -> Callable[[], Any]:
        """Connect to an empty database in memory."""
        return DuckdbFormat().connect()

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Translate the query and run it by DuckDB."""
        with extras_named():
            import sqlglot
        script = self.script(folder, signature)
        try:
            query = self._translated(script.query)
            # Rows of plain numbers are written alike everywhere, and take seconds to parse.
            nodes = [each if each.startswith("INSERT") else self._translated(each) for each in script.nodes]
        except sqlglot.errors.SqlglotError as error:
            raise Corrupted(f"{folder / FILE} is no query: {error}", hint=_AGAIN) from error
        script = Script(query=query, nodes=tuple(nodes))
        return {"": QueryPredictor(script, signature, DIALECTS["duckdb"], self.connect())}

    def _translated(self, statement: str) -> str:
        import sqlglot

        return str(sqlglot.transpile(statement, read=self.dialect.name, write="duckdb")[0])


class BigqueryFormat(_TranslatedFormat):
    """A query for BigQuery."""

    dialect = DIALECTS["bigquery"]
    about = About(
        title="SQL for BigQuery",
        extension=".sql",
        vendor="Google",
        licence="proprietary",
        readers="BigQuery",
        text=True,
        is_code=True,
    )


class SparkFormat(SqlFormat):
    """A query for Spark SQL."""

    dialect = DIALECTS["spark"]
    requires = ("pyspark",)
    about = About(
        title="SQL for Spark",
        extension=".sql",
        licence="Apache-2.0",
        readers="Spark 4",
        text=True,
        is_code=True,
    )

    def check_ready(self) -> None:
        """Raise `MissingTool` without Java."""
        check_java()

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return Spark, over a view of rows."""
        script = self.script(folder, signature)
        question = Question(signature=signature, key=_key(signature), query=script.query)
        return {"": SparkPredictor(question, folder / FILE)}


class QueryPredictor:
    """Fills a table of a database with rows and runs a query over it; nothing of that stays.

    Databases give rows in any order: a key, as users have one, tells which answer is whose.
    """

    def __init__(
        self, script: Script, signature: Signature, dialect: Dialect, connect: Callable[[], Any]
    ) -> None:
        self._script = script
        self._signature = signature
        self._dialect = dialect
        self._connect = connect

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        if not len(matrix):
            return answers_of([], self._signature)
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            rows = decode_rows(matrix, self._signature)
            try:
                cursor.execute(self._table())
                for start in range(0, len(rows), _ROWS_AT_ONCE):
                    cursor.execute(self._insertion(rows[start : start + _ROWS_AT_ONCE], start))
                for statement in self._script.nodes:
                    cursor.execute(statement.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1))
                cursor.execute(self._script.query)
                found = cursor.fetchall()
            except Exception as error:  # databases share no base of their errors
                reason = str(error).strip().partition("\n")[0]
                if "out of range" in reason:
                    raise Refused(
                        f"{self._dialect.name} has no numbers as small or large as this model computes",
                        hint="choose `duckdb` or `sqlite`, or another model",
                    ) from error
                raise Corrupted(f"the query cannot be run: {reason}", hint=_AGAIN) from error
        if len(found) != len(matrix):
            raise Corrupted(f"the query gave {len(found)} rows for {len(matrix)}", hint=_AGAIN)
        return answers_of(found, self._signature)

    def _table(self) -> str:
        kinds = {Type.CATEGORY: "TEXT", Type.BOOLEAN: "BOOLEAN"}
        columns = ", ".join(
            f"{self._dialect.identifier(column.name)} {kinds.get(column.type, self._dialect.double)}"
            for column in self._signature.inputs
        )
        key = f"{_key(self._signature)} INTEGER"
        return f"CREATE TEMPORARY TABLE {self._dialect.identifier(TABLE)} ({key}, {columns})"

    def _insertion(self, rows: list[tuple[Any, ...]], start: int) -> str:
        values = ", ".join(
            f"({key}, {', '.join(self._literal(value) for value in row)})"
            for key, row in enumerate(rows, start)
        )
        return f"INSERT INTO {self._dialect.identifier(TABLE)} VALUES {values}"  # noqa: S608 - our own rows

    def _literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, str):
            return self._dialect.literal(value)
        return repr(value) if "e" in repr(value) else f"{value!r}e0"


def _key(signature: Signature) -> str:
    return free_name("row_key", signature)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Corrupted(f"{path} cannot be read", hint=_AGAIN) from error


def _reached(variable: str, connect: Callable[[], Any]) -> Any:
    """Connect to the database for proofs, or raise `MissingTool` that says why it cannot be."""
    try:
        return connect()
    except Exception as error:  # a wrong login, port or name: databases share no base of their errors
        reason = " ".join(str(error).split())[:200]
        raise MissingTool(
            f"the database to prove the query in cannot be used: {reason}",
            hint=f"check the address in {variable}",
        ) from error


def _url(variable: str, example: str) -> str:
    url = os.environ.get(variable, "")
    if not url:
        raise MissingTool(
            "there is no database to prove the query in", hint=f"name one, such as {variable}={example}"
        )
    return url
