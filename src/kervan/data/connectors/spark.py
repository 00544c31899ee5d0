"""Tables of Spark, by the session that runs or the one that Spark's own configuration describes."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, InvalidInput, KervanError, MissingTool, NotFound, ServerFailed
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.data.connectors.batches import write_batches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from kervan.core.fetching import TableRequest, Tell

_MARK = "spark:"
_LONGEST = 300  # characters of what Spark says, which goes on for pages
_QUIET = {
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class SparkConnector:
    """A table or view that Spark's catalog knows: `spark:sales.orders`."""

    def accepts(self, location: str) -> bool:
        """Say whether it begins so; `spark://` is the address of a cluster."""
        return location.startswith(_MARK) and not location.startswith("spark://")

    def estimate(self, request: TableRequest) -> Estimate:
        """Return nothing: Spark would have to be started, and to count."""
        request.require_only("version")
        return Estimate()

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file, a partition at a time."""
        name = request.location.removeprefix(_MARK)
        if not name:
            raise InvalidConfig("[data] source names no table", hint="write spark:sales.orders")
        if request.version:
            raise InvalidConfig(
                "[data] version: tables of Spark are read as they are", hint="name a lake's table: delta:…"
            )
        now = time.time()
        path = folder / "spark.parquet"
        with _session() as session, _in_words(request.source):
            write_batches(_batches(session.table(name)), path, tell)
        return Fetched(path=path, retrieval=Retrieval(time=now))


def is_spark(value: object) -> bool:
    """Say whether a value is a DataFrame of Spark, also by Spark Connect."""
    kind = type(value)
    return kind.__module__.startswith("pyspark.sql") and kind.__name__ == "DataFrame"


def write_frame(frame: Any, path: Path, tell: Tell) -> None:
    """Write a DataFrame of Spark to a Parquet file, a partition at a time."""
    with _in_words("the DataFrame"):
        write_batches(_batches(frame), path, tell)


def _batches(frame: Any) -> Iterator[pa.RecordBatch]:
    """Give the rows of a DataFrame of Spark: workers pack batches, and one partition travels at a time.

    Spark's own stream for Arrow does the same, and fails for times with a zone.
    """
    import pyarrow as pa

    # Nested, so that it travels by value: workers need not have Kervan.
    def packed(batches: Any) -> Any:
        import pyarrow

        for batch in batches:
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield pyarrow.RecordBatch.from_pydict({"batch": [sink.getvalue().to_pybytes()]})

    came = False
    for row in frame.mapInArrow(packed, "batch binary").toLocalIterator():
        came = True
        yield from pa.ipc.open_stream(bytes(row["batch"]))
    if not came:
        yield pa.RecordBatch.from_pylist([], schema=frame.limit(0).toArrow().schema)


@contextmanager
def _session() -> Iterator[Any]:
    """Give the session that runs, or start one for as long as the block runs."""
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    if "SPARK_REMOTE" not in os.environ and not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        raise MissingTool(
            "Spark runs on a Java virtual machine",
            hint="install Java 17 or later, or let JAVA_HOME name one; or set SPARK_REMOTE",
        )
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("kervan")
    for name, value in _QUIET.items() if "SPARK_REMOTE" not in os.environ else ():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """Turn what Spark raises into an error of ours."""
    try:
        with warnings.catch_warnings():
            # It warns of versions of pandas, which is not used here.
            warnings.filterwarnings("ignore", category=FutureWarning, message="PySpark does not")
            yield
    except KervanError:
        raise
    except Exception as error:  # of Spark, of its gateway, or of Connect's channel
        text = " ".join(str(error).split())[:_LONGEST]
        if "TABLE_OR_VIEW_NOT_FOUND" in text or "SCHEMA_NOT_FOUND" in text:
            raise NotFound(
                f"Spark knows no table {what.removeprefix(_MARK)}",
                hint="check its name, and the catalog that spark-defaults.conf configures",
            ) from error
        if re.match(r"\[(PARSE|UNSUPPORTED)", text):
            raise InvalidInput(f"Spark cannot read {what}: {text}", hint="check the name") from error
        raise ServerFailed(
            f"Spark cannot read {what}: {text}", hint="what else Spark said is in its log"
        ) from error
