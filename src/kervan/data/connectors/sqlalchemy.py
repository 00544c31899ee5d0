"""Any other database for which somebody wrote a dialect of SQLAlchemy: warehouses among them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, KervanError, ServerFailed, first_line
from kervan.core.fetching import Estimate, Fetched
from kervan.data.connectors.batches import ROWS, rows_as_batches
from kervan.data.connectors.sql import fetch_rows, query_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.core.fetching import TableRequest, Tell

# The distribution to install for each, and what sqlglot calls it.
_DIALECTS = {
    "bigquery": ("sqlalchemy-bigquery", "bigquery"),
    "clickhouse": ("clickhouse-sqlalchemy", "clickhouse"),
    "databricks": ("databricks-sqlalchemy", "databricks"),
    "mssql": ("pyodbc", "tsql"),
    "oracle": ("oracledb", "oracle"),
    "redshift": ("sqlalchemy-redshift", "redshift"),
    "snowflake": ("snowflake-sqlalchemy", "snowflake"),
    "sqlite": ("sqlalchemy", "sqlite"),
    "trino": ("trino", "trino"),
}


class SqlalchemyConnector:
    """A table, a query or a cube of a database that SQLAlchemy reaches, by the URL that its dialect wants."""

    def accepts(self, location: str) -> bool:
        """Say whether it is a URL of a dialect that is known or installed."""
        scheme, mark, _ = location.partition("://")
        dialect = scheme.partition("+")[0]
        return bool(mark) and (dialect in _DIALECTS or _is_installed(dialect, scheme))

    def estimate(self, request: TableRequest) -> Estimate:
        """Count the rows of a table; what a query would cost is not tried: warehouses charge for it."""
        request.require_only("query", "table", "cube")
        if not request.table:
            return Estimate()
        with _reading(request) as connection:
            return Estimate(rows=connection.exec_driver_sql(_query(request).count).scalar())

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file while they come."""
        query = _query(request)
        with _reading(request) as connection:
            result = connection.execution_options(stream_results=True).exec_driver_sql(query.text)
            groups = ([tuple(row) for row in rows] for rows in result.partitions(ROWS))
            batches = rows_as_batches(list(result.keys()), groups, {})
            return fetch_rows(request, query, batches, folder, tell)


def _query(request: TableRequest) -> Any:
    dialect = request.location.partition("://")[0].partition("+")[0]
    return query_of(request, _DIALECTS.get(dialect, ("", ""))[1])


def _is_installed(dialect: str, scheme: str) -> bool:
    from importlib.metadata import entry_points

    names = {each.name for each in entry_points(group="sqlalchemy.dialects")}
    return dialect in names or scheme.replace("+", ".") in names


@contextmanager
def _reading(request: TableRequest) -> Iterator[Any]:
    """Connect, and say in words what the database complains about; what is read is never committed."""
    import sqlalchemy as sa

    dialect = request.location.partition("://")[0].partition("+")[0]
    try:
        engine = sa.create_engine(request.location, poolclass=sa.NullPool)
        with engine.connect() as connection:
            yield connection
    except KervanError:
        raise
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        package = _DIALECTS.get(dialect, (f"the dialect of {dialect}", ""))[0]
        raise InvalidInput(f"{dialect}:// needs a package: {error}", hint=f"pip install {package}") from error
    except sa.exc.ArgumentError as error:
        raise InvalidInput(
            f"{request.source} is no URL: {error}", hint="write dialect://host/database"
        ) from error
    except (sa.exc.ProgrammingError, sa.exc.DataError) as error:
        raise InvalidInput(
            f"the database refuses the query: {_first(error)}", hint="mend `query` in [data]"
        ) from error
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise ServerFailed(
            f"the database does not answer, or broke off: {_first(error)}",
            hint="check the address and the login",
        ) from error


def _first(error: Exception) -> str:
    return first_line(getattr(error, "orig", None) or error)
