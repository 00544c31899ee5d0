"""Writes the JSON Schema of `manifest.json` from the classes: `python tests/docs/manifest_schema.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from kervan.package.contents.manifest import FORMAT, Manifest

_ROOT = Path(__file__).parents[2]
# Fields that the first packages of the present form do not have.
_LATER = {"doubts", "entity", "reading", "source", "source_hash", "source_kind", "steps", "words"}
_LATER |= {"features", "threshold", "costs", "call", "of", "code"}
PLACES = (
    _ROOT / "src" / "kervan" / "package" / "contents" / "schemas" / "manifest.schema.json",
    _ROOT / "docs" / "reference" / "manifest.schema.json",
)


def schema() -> dict[str, Any]:
    """Return the schema: every field is written, and no other; what came later may be absent."""
    made = msgspec.json.schema(Manifest)
    definitions = made["$defs"]
    whole = definitions.pop("Manifest")
    del whole["properties"]["digest"]
    whole["properties"]["format"] = {"const": FORMAT}
    definitions["PackageFile"]["properties"]["sha256"]["pattern"] = "^[0-9a-f]{64}$"
    for part in (whole, *definitions.values()):
        part["description"] = part["description"].partition("\n")[0]
        if "properties" in part:
            part["required"] = [name for name in part["properties"] if name not in _LATER]
            part["additionalProperties"] = False
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **whole, "title": "The manifest of a Kervan package", "$defs": definitions}


def text() -> str:
    """Return the schema as it is written."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for place in PLACES:
        place.write_text(text(), encoding="utf-8")
