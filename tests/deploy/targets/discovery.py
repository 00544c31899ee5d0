"""Google's discovery documents as google-api-python-client carries them: what an API's bodies may hold."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools import tool

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@cache
def schemas(name: str) -> dict[str, Any]:
    """Return the schemas of a document such as `run.v1`."""
    tools = Path(tool("kubernetes-validate")).resolve().parents[1]
    path = next(iter(tools.glob(f"lib/*/site-packages/googleapiclient/**/documents/{name}.json")), None)
    if path is None:
        reason = "google-api-python-client is not among the tools: `make setup-tools`"
        pytest.fail(reason) if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1" else pytest.skip(reason)
    return dict(json.loads(path.read_text())["schemas"])


def faults(document: str, kind: str, value: Any) -> list[str]:
    """Return where a body is not what the API takes: unknown names and wrong types."""
    return list(_faults(schemas(document), {"$ref": kind}, value, kind))


def _faults(known: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> Any:
    schema = known[schema["$ref"]] if "$ref" in schema else schema
    expected = _TYPES.get(schema.get("type", ""))
    if expected is not None and (
        not isinstance(value, expected) or (isinstance(value, bool) and expected is int)
    ):
        yield f"{where} is no {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where} is not one of {schema['enum']}"
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _faults(known, schema.get("items", {}), each, f"{where}[{number}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            member = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if member is None:
                yield f"{where}.{name} is unknown"
            else:
                yield from _faults(known, member, each, f"{where}.{name}")
