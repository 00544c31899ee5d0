"""Reads the values of cells: Avro's JSON, in which a value of a union says which of its types it has."""

from __future__ import annotations

from typing import Any

from kervan.core.errors import Corrupted


def decode(value: Any, kind: Any, declared: dict[str, Any]) -> Any:
    """Return a value of a type without the tags of unions. Records that are declared here join `declared`.

    Raises `Corrupted` for a value that is not of its type.
    """
    if isinstance(kind, str):
        if kind in declared:
            return decode(value, declared[kind], declared)
        return _simple(value, kind)
    if isinstance(kind, list):
        return _of_union(value, kind, declared)
    if kind["type"] == "array":
        return [decode(item, kind["items"], declared) for item in value]
    if kind["type"] != "record":
        raise Corrupted(f"the type {kind['type']!r} is unknown", hint="package the model again")
    declared[kind["name"]] = kind
    return {field["name"]: decode(value[field["name"]], field["type"], declared) for field in kind["fields"]}


_KINDS = {"boolean": bool, "double": float, "int": int, "string": str}


def _simple(value: Any, kind: str) -> Any:
    wanted = _KINDS.get(kind)
    if wanted is None or not isinstance(value, wanted):
        raise Corrupted(f"{value!r} is no value of the type {kind!r}", hint="package the model again")
    return value


def _of_union(value: Any, kinds: list[Any], declared: dict[str, Any]) -> Any:
    if value is None and "null" in kinds:
        return None
    [(tag, content)] = value.items()
    for kind in kinds:
        if tag == (kind if isinstance(kind, str) else kind.get("name", kind["type"])):
            return decode(content, kind, declared)
    raise Corrupted(f"{tag!r} is none of the types of its union", hint="package the model again")
