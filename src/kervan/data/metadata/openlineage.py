"""How a dataset came to be and what learned from it, as OpenLineage 2 tells of runs.

The specification: https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from kervan.core.nouns import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kervan.core.nouns import Dataset, Origin, Run

_PRODUCER = "https://pypi.org/project/kervan"
_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets"
_ENDED = {
    Status.FINISHED: "COMPLETE",
    Status.FAILED: "FAIL",
    Status.INTERRUPTED: "ABORT",
    Status.RUNNING: "RUNNING",
}


def openlineage(dataset: Dataset, runs: Iterable[Run] = (), *, namespace: str) -> list[dict[str, Any]]:
    """Return an event for the ingest of a dataset, and one for each run that learned from it."""
    sources = [_source(each) for each in (dataset.origin, *dataset.joined)]
    made = _event(dataset.id, dataset.time, "COMPLETE", f"ingest {dataset.name}", namespace)
    events = [{**made, "inputs": sources, "outputs": [_output(dataset, namespace)]}]
    for run in runs:
        ended = run.time if run.ended is None else run.ended
        told = _event(run.id, ended, _ENDED[run.status], f"train {run.name}", namespace)
        events.append({**told, "inputs": [_named(dataset, namespace)], "outputs": []})
    return events


def _event(ident: str, time: float, kind: str, job: str, namespace: str) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTime": datetime.fromtimestamp(time, UTC).isoformat(),
        "producer": _PRODUCER,
        "schemaURL": _SPEC,
        "run": {"runId": str(uuid5(NAMESPACE_URL, f"urn:kervan:{ident}"))},
        "job": {"namespace": namespace, "name": job},
    }


def _named(dataset: Dataset, namespace: str) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "name": dataset.name,
        "facets": {
            "version": _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=dataset.version),
            "schema": _facet(
                "1-2-0/SchemaDatasetFacet",
                fields=[{"name": column.name, "type": str(column.type)} for column in dataset.schema],
            ),
            **(
                {
                    "ownership": _facet(
                        "1-0-1/OwnershipDatasetFacet", owners=[{"name": dataset.about.owner, "type": "OWNER"}]
                    )
                }
                if dataset.about.owner
                else {}
            ),
        },
    }


def _output(dataset: Dataset, namespace: str) -> dict[str, Any]:
    statistics = _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=dataset.rows)
    return {**_named(dataset, namespace), "outputFacets": {"outputStatistics": statistics}}


def _source(origin: Origin) -> dict[str, Any]:
    scheme, slashes, rest = origin.source.partition("://")
    place = f"{scheme}://{rest.partition('/')[0]}" if slashes else "file"
    return {"namespace": place, "name": rest.partition("/")[2] or rest if slashes else origin.source}


def _facet(schema: str, **values: Any) -> dict[str, Any]:
    return {"_producer": _PRODUCER, "_schemaURL": f"{_FACETS}/{schema}.json", **values}
