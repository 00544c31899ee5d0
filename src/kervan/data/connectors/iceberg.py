"""Tables of Apache Iceberg, as they are or as they were, by the catalogs that `pyiceberg` knows.

Catalogs and their logins stand where that library looks for them: in `.pyiceberg.yaml`, or in variables such
as `PYICEBERG_CATALOG__LAKE__URI`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, InvalidInput, KervanError, NotFound, ServerFailed, did_you_mean
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.data.connectors.batches import all_batches, write_batches
from kervan.data.connectors.states import number_of, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.core.fetching import TableRequest, Tell

_MARK = "iceberg:"
_PARTS = 3  # catalog, namespace, table


class IcebergConnector:
    """A table of a catalog: `iceberg:lake.sales.orders`."""

    def accepts(self, location: str) -> bool:
        """Say whether it begins so."""
        return location.startswith(_MARK)

    def estimate(self, request: TableRequest) -> Estimate:
        """Return what the snapshot's summary tells: rows and bytes of the files."""
        request.require_only("version")
        with _opened(request) as (_, snapshot):
            summary = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        rows, size = (summary.get(f"total-{name}") for name in ("records", "files-size"))
        deleted = any(int(summary.get(f"total-{kind}-deletes", 0)) for kind in ("position", "equality"))
        size = None if size is None else int(size)
        return Estimate(rows=None if rows is None or deleted else int(rows), fetched=size, stored=size)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file while they come; the snapshot that was read goes on record."""
        now = time.time()
        with _opened(request) as (table, snapshot):
            path = folder / "iceberg.parquet"
            scan = table.scan(snapshot_id=snapshot.snapshot_id if snapshot else None)
            write_batches(all_batches(scan.to_arrow_batch_reader()), path, tell)
        version = str(snapshot.snapshot_id) if snapshot else ""
        return Fetched(path=path, retrieval=Retrieval(time=now, version=version))


@contextmanager
def _opened(request: TableRequest) -> Iterator[tuple[Any, Any]]:
    """Give the table and the snapshot that is wanted, None for a table that nothing was written to."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

    parts = request.location.removeprefix(_MARK).split(".")
    if len(parts) < _PARTS or not all(parts):
        raise InvalidConfig(
            f"[data] source: {request.source} names no table",
            hint="write catalog, namespace and table: iceberg:lake.sales.orders",
        )
    catalog, *name = parts
    settings = _settings_of(catalog)
    try:
        table = load_catalog(catalog, **settings).load_table(tuple(name))
        yield table, _snapshot(table, request)
    except KervanError:
        raise
    except (NoSuchTableError, NoSuchNamespaceError) as error:
        raise NotFound(
            f"the catalog {catalog!r} has no table {'.'.join(name)}", hint="check namespace and table"
        ) from error
    except FileNotFoundError as error:
        raise InvalidInput(
            f"{request.source}: one of its files is gone: {error}", hint="check the table with what wrote it"
        ) from error
    except Exception as error:  # each catalog and each store has errors of its own
        reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        hint = f"check what .pyiceberg.yaml or PYICEBERG_CATALOG__{catalog.upper()}__… say of the catalog"
        raise ServerFailed(f"{request.source} cannot be read: {reason}", hint=hint) from error


def _settings_of(catalog: str) -> dict[str, Any]:
    """Return what is configured now: the library itself reads its environment once."""
    from pyiceberg.utils.config import Config

    try:
        config = Config()
        found, known = config.get_catalog_config(catalog), config.get_known_catalogs()
    except Exception as error:  # the YAML reader's
        reason = " ".join(str(error).split())
        raise InvalidConfig(f".pyiceberg.yaml cannot be read: {reason}", hint="mend it") from error
    if found is None:
        raise NotFound(
            f"there is no Iceberg catalog {catalog!r}",
            hint=did_you_mean(catalog, known)
            if known
            else f"set PYICEBERG_CATALOG__{catalog.upper()}__URI, or write a .pyiceberg.yaml",
        )
    return dict(found)


def _snapshot(table: Any, request: TableRequest) -> Any:
    """Return a snapshot by its number, by the name of a branch or tag, or as of a time."""
    wanted = request.version
    if not wanted:
        return table.current_snapshot()
    if wanted in table.refs():
        return table.snapshot_by_name(wanted)
    number = number_of(wanted)
    if number is not None:
        found = table.snapshot_by_id(number)
    else:
        moment = time_of(wanted, "the number of a snapshot, a branch, a tag")
        found = table.snapshot_as_of_timestamp(int(moment.timestamp() * 1000))
    if found is None:
        raise NotFound(f"{request.source} has no version {wanted}", hint=_known(table))
    return found


def _known(table: Any) -> str:
    known = [
        f"{each.snapshot_id} ({datetime.fromtimestamp(each.timestamp_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC)"
        for each in table.snapshots()
    ]
    return f"its newest snapshots: {', '.join(known[-3:])}" if known else "nothing was ever written to it"
