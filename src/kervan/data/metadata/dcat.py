"""A dataset as DCAT 3 says it: the W3C's vocabulary for catalogues, in JSON-LD.

The vocabulary: https://www.w3.org/TR/vocab-dcat-3/
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kervan.core.nouns import Dataset, Origin

_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_PARQUET = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"


def dcat(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset's metadata: what people say of it, its open parts as distributions, its sources."""
    about = dataset.about
    return {
        "@context": _CONTEXT,
        "@id": f"urn:kervan:{dataset.id}",
        "@type": "dcat:Dataset",
        "dct:title": dataset.name,
        "dct:description": about.description or f"{dataset.ref}, read from {dataset.origin.source}",
        "dct:identifier": dataset.ref,
        "dcat:version": dataset.version,
        "dct:issued": _time(dataset.time),
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": about.owner or dataset.creator},
        **({"dct:license": _link_or_text(about.licence)} if about.licence else {}),
        **({"dcat:keyword": list(about.tags)} if about.tags else {}),
        **(
            {"dct:accessRights": {"@type": "dct:RightsStatement", "dct:description": list(about.access)}}
            if about.access
            else {}
        ),
        "prov:wasDerivedFrom": [_source(each) for each in (dataset.origin, *dataset.joined)],
        "dcat:distribution": [
            {
                "@type": "dcat:Distribution",
                "dct:title": f"{part.role}, {part.rows} rows",
                "dcat:mediaType": {"@id": _PARQUET},
                "spdx:checksum": [
                    {
                        "@type": "spdx:Checksum",
                        "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
                        "spdx:checksumValue": each,
                    }
                    for each in part.pieces or (part.blob,)
                ],
            }
            for part in dataset.parts
            if not part.sealed
        ],
    }


def _source(origin: Origin) -> dict[str, Any]:
    return {
        "@type": "prov:Entity",
        "dct:title": origin.source,
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(origin.size)},
    }


def _time(seconds: float) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": datetime.fromtimestamp(seconds, UTC).isoformat()}


def _link_or_text(text: str) -> Any:
    return {"@id": text} if text.startswith(("http://", "https://")) else text
