"""Tables of Delta Lake, as they are or as they were: read by `deltalake`, which needs no Spark.

Buckets are reached by its own chain of credentials (`AWS_*`, `AZURE_*`, `GOOGLE_*` in the environment).
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, KervanError, NotFound, ServerFailed
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.data.connectors.batches import all_batches, write_batches
from kervan.data.connectors.states import number_of, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from kervan.core.fetching import TableRequest, Tell

LOG = "_delta_log"
_MARK = re.compile(r"delta:|delta\+(?=\w+://)")
_IN_ORDER = {"datafusion.execution.target_partitions": "1"}  # rows come in the order of the files
_COLOURS = re.compile(r"\x1b\[\d*m")


class DeltaConnector:
    """A table of Delta Lake: `delta:sales`, `delta+s3://bucket/sales`, or a folder with a `_delta_log`."""

    def accepts(self, location: str) -> bool:
        """Say whether it begins as such a name does; what a folder holds is seen by who opens it."""
        return _MARK.match(location) is not None

    def estimate(self, request: TableRequest) -> Estimate:
        """Return what the log tells of the files: their rows and bytes."""
        request.require_only("version")
        import pyarrow as pa

        with _opened(request) as table:
            files = pa.table(table.get_add_actions(flatten=True))
            rows = files["num_records"].to_pylist() if "num_records" in files.column_names else [None]
            size = sum(files["size_bytes"].to_pylist())
        return Estimate(rows=None if None in rows else sum(rows), fetched=size, stored=size)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file while they come; the version that was read goes on record."""
        now = time.time()
        with _opened(request) as table:
            path = folder / "delta.parquet"
            write_batches(_rows(table), path, tell)
            version = str(table.version())
        return Fetched(path=path, retrieval=Retrieval(time=now, version=version))


def is_delta(folder: Path) -> bool:
    """Say whether a folder holds the log of such a table."""
    return (folder / LOG).is_dir()


def _rows(table: Any) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from deltalake import QueryBuilder

    query = QueryBuilder(_IN_ORDER).register("lake", table)
    return all_batches(pa.RecordBatchReader.from_stream(query.execute("SELECT * FROM lake")))


@contextmanager
def _opened(request: TableRequest) -> Iterator[Any]:
    """Open the table at the version that is wanted, and say in words what is wrong with it."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    place = _MARK.sub("", request.location, count=1)
    where = place if "://" in place else str(request.folder / Path(place).expanduser())
    try:
        table = DeltaTable(where)
        if request.version:
            _go_back(table, request)
        yield table
    except KervanError:
        raise
    except TableNotFoundError as error:
        raise NotFound(
            f"there is no Delta table {request.source}", hint=f"name the folder in which {LOG} lies"
        ) from error
    except DeltaError as error:
        raise InvalidInput(
            f"{request.source} cannot be read: {_first(error)}", hint="check the table with what wrote it"
        ) from error
    except Exception as error:  # deltalake passes on what each store and DataFusion raise
        hint = "check the files, and for a bucket the login in the environment"
        raise ServerFailed(f"{request.source} cannot be read: {_first(error)}", hint=hint) from error


def _go_back(table: Any, request: TableRequest) -> None:
    """Load the version that is wanted."""
    from deltalake.exceptions import DeltaError

    newest = table.version()
    number = number_of(request.version)
    if number is None:
        number = _at(table, time_of(request.version, f"a number up to {newest}"), request)
    try:
        table.load_as_version(number)
    except (DeltaError, OverflowError) as error:
        raise NotFound(
            f"{request.source} has no version {request.version}",
            hint=f"the newest is {newest}; old ones go when the log is cleaned up",
        ) from error


def _at(table: Any, moment: datetime, request: TableRequest) -> int:
    """Return the version that was there at a time, by what the log says.

    `deltalake` itself goes by when the log's files were changed, which a copy of the table forgets.
    """
    told = {each["version"]: each["timestamp"] for each in table.history() if "timestamp" in each}
    before = [version for version, written in told.items() if written <= moment.timestamp() * 1000]
    if before:
        return int(max(before))
    began = datetime.fromtimestamp(min(told.values(), default=0) / 1000, UTC).isoformat(timespec="seconds")
    raise NotFound(f"{request.source} was not there at {request.version}", hint=f"its log begins at {began}")


def _first(error: Exception) -> str:
    text = _COLOURS.sub("", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__
