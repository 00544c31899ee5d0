"""A dataset as Croissant 1.0 says it: MLCommons' format for datasets of machine learning, in JSON-LD.

The format: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.nouns import Dataset, Part

_PARQUET = "application/x-parquet"
_TYPES = {
    Type.INTEGER: "sc:Integer",
    Type.NUMBER: "sc:Float",
    Type.BOOLEAN: "sc:Boolean",
    Type.CATEGORY: "sc:Text",
    Type.TEXT: "sc:Text",
    Type.DATE: "sc:Date",
    Type.DATETIME: "sc:DateTime",
}
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet"),
    *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *(
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
        "source",
        "subField",
        "transform",
    ),
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{term: f"cr:{term}" for term in _TERMS},
}


def croissant(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset's metadata: what people say of it, its open parts as files, and its columns.

    The sealed part is not among the files.
    """
    about = dataset.about
    parts = [part for part in dataset.parts if not part.sealed]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": dataset.name,
        "description": about.description or f"{dataset.ref}, read from {dataset.origin.source}",
        "version": f"{dataset.version}.0.0",
        "datePublished": datetime.fromtimestamp(dataset.time, UTC).date().isoformat(),
        "url": f"urn:kervan:{dataset.id}",
        "citeAs": dataset.ref,
        "creator": {"@type": "sc:Person", "name": about.owner or dataset.creator},
        **({"license": about.licence} if about.licence else {}),
        **({"keywords": list(about.tags)} if about.tags else {}),
        "distribution": [each for part in parts for each in _files(dataset, part)],
        "recordSet": [_records(dataset, part) for part in parts],
    }


def _files(dataset: Dataset, part: Part) -> Iterator[dict[str, Any]]:
    """Yield the file of a part, or all its pieces, and what they are together."""
    hashes = {f"{part.role}.parquet": part.blob}
    if part.pieces:
        hashes = {f"{part.role}-{place:05}.parquet": each for place, each in enumerate(part.pieces)}
    for name, digest in hashes.items():
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": f"{dataset.name}-{dataset.version}-{name}",
            "encodingFormat": _PARQUET,
            "sha256": digest,
        }
    if part.pieces:
        yield {
            "@type": "cr:FileSet",
            "@id": f"{part.role}-files",
            "name": f"{part.role}-files",
            "encodingFormat": _PARQUET,
            "includes": f"{dataset.name}-{dataset.version}-{part.role}-*.parquet",
        }


def _records(dataset: Dataset, part: Part) -> dict[str, Any]:
    name = str(part.role)
    files = (
        {"fileSet": {"@id": f"{name}-files"}} if part.pieces else {"fileObject": {"@id": f"{name}.parquet"}}
    )
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{place}",  # an id has no blanks, a name may
            "name": column.name,
            "description": f"in {column.unit}" if column.unit else f"{column.type}",
            "dataType": _TYPES[column.type],
            "source": {**files, "extract": {"column": column.name}},
        }
        for place, column in enumerate(dataset.schema)
    ]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}
