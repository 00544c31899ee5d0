"""`bom.cdx.json`: the package as a bill of materials, CycloneDX 1.6 (ECMA-424), for programs that read such.

The model is the component that it is about, with its model card; data, files and the libraries that score
it are its parts. Written by hand: the library for CycloneDX knows no model cards.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from kervan.package.contents.background import Background, Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kervan.core.nouns import PackageFile
    from kervan.core.schema import Column

MATERIALS = "bom.cdx.json"
_MODEL, _DATA = "model", "data"


def bill_of_materials(background: Outline, files: Iterable[PackageFile]) -> bytes:
    """Return the bill of materials of a package that will hold these files of the model."""
    manifest = background.manifest
    listed = [_file(each) for each in files]
    libraries = [_library(name, number) for name, number in sorted(manifest.requirements.items())]
    data = [_data(background)] if isinstance(background, Background) else []
    parts = [*data, *listed, *libraries]
    content: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": _moment(manifest.created),
            "tools": {
                "components": [{"type": "application", "name": "kervan", "version": version("kervan")}]
            },
            "authors": [{"name": manifest.creator}],
            "component": _model(background),
        },
        "components": parts,
        "dependencies": [{"ref": _MODEL, "dependsOn": [each["bom-ref"] for each in parts]}],
        "formulation": [_formula(background)],
    }
    known = json.dumps(content, sort_keys=True)
    content["serialNumber"] = f"urn:uuid:{uuid5(NAMESPACE_URL, known)}"
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def _model(background: Outline) -> dict[str, Any]:
    manifest = background.manifest
    licences = [{"license": {"name": manifest.licence}}] if manifest.licence else []
    return {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": manifest.name,
        "version": manifest.version,
        **({"licenses": licences} if licences else {}),
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": background.task,
                "architectureFamily": manifest.family,
                **({"datasets": [{"ref": _DATA}]} if isinstance(background, Background) else {}),
                "inputs": [{"format": _column(column)} for column in manifest.signature.inputs],
                "outputs": [{"format": _column(manifest.signature.output)}],
            },
            "quantitativeAnalysis": {"performanceMetrics": _metrics(background)},
            "considerations": {
                **({"useCases": [background.use]} if background.use else {}),
                "technicalLimitations": list(background.limitations()),
            },
        },
    }


def _metrics(background: Outline) -> list[dict[str, Any]]:
    found = []
    for name, value in background.manifest.metrics.items():
        metric: dict[str, Any] = {"type": name, "value": f"{value:.6g}", "slice": "validation part"}
        if name in background.manifest.intervals:
            low, high = background.manifest.intervals[name]
            metric["confidenceInterval"] = {"lowerBound": f"{low:.6g}", "upperBound": f"{high:.6g}"}
        found.append(metric)
    return found


def _data(background: Background) -> dict[str, Any]:
    dataset = background.dataset
    return {
        "type": "data",
        "bom-ref": _DATA,
        "name": dataset.name,
        "version": dataset.version,
        "hashes": [{"alg": "SHA-256", "content": dataset.origin.sha256}],
        "data": [
            {
                "type": "dataset",
                "name": dataset.ref,
                "contents": {
                    "properties": _properties(
                        {
                            "source": background.source,
                            "rows": dataset.rows,
                            "content": dataset.hash,
                            **{f"rows.{part.role}": part.rows for part in dataset.parts},
                        }
                    )
                },
                "classification": "unknown",
            }
        ],
    }


def _formula(background: Outline) -> dict[str, Any]:
    """Return how the model was made: a workflow from data to model, with the code that ran."""
    lineage = background.manifest.lineage
    told = {
        "repository": lineage.repository,
        "branch": lineage.branch,
        "commit": lineage.commit,
        "difference": lineage.difference,
        "acceptance": lineage.acceptance,
        "source": lineage.source,
        "sourceKind": lineage.source_kind,
        "sourceHash": lineage.source_hash,
    }
    is_known = isinstance(background, Background)
    return {
        "bom-ref": "formula",
        "workflows": [
            {
                "bom-ref": "run",
                "uid": lineage.run or background.manifest.ref,
                "name": "training" if is_known else "import",
                "taskTypes": ["build", "test"] if is_known else ["copy", "test"],
                **({"inputs": [{"resource": {"ref": _DATA}}]} if is_known else {}),
                "outputs": [{"type": "artifact", "resource": {"ref": _MODEL}}],
                "properties": _properties({name: value for name, value in told.items() if value}),
            }
        ],
    }


def _file(file: PackageFile) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{file.path}",
        "name": file.path,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        "properties": _properties({"size": file.size}),
    }


def _library(name: str, number: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{number}",
        "name": name,
        "version": number,
        "purl": f"pkg:pypi/{name}@{number}",
    }


def _column(column: Column) -> str:
    return f"{column.name}: {column.type}{', may be missing' if column.nullable else ''}"


def _properties(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": f"kervan:{name}", "value": str(value)} for name, value in values.items()]


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
