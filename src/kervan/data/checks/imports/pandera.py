"""A schema of pandera, as `to_yaml` and `to_json` write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kervan.core.checking import Check
from kervan.data.checks.imports.words import LONGEST, Left, anywhere, beginning, literal, named, type_of
from kervan.data.checks.written import Suggestion

_ABOUT = {  # what a column says besides its checks
    *("dtype", "nullable", "unique", "required", "coerce", "regex", "title", "description", "checks"),
    *("metadata", "default", "report_duplicates", "drop_invalid_rows"),
}
_COMPARED = {"greater_than": ">", "less_than": "<", "not_equal_to": "<>", "ne": "<>", "gt": ">", "lt": "<"}
_BOUNDS = {
    "greater_than_or_equal_to": "least",
    "ge": "least",
    "less_than_or_equal_to": "most",
    "le": "most",
}


def from_pandera(schema: Mapping[str, Any]) -> tuple[list[Suggestion], list[str]]:
    """Return the checks of a schema, and what of it cannot be expressed.

    The older forms, in which checks stand in a table or list of their own, are read too.
    """
    found: list[Suggestion] = []
    left: list[str] = []
    for name, column in schema["columns"].items():
        found += [Suggestion(check=check) for check in _of_column(str(name), column or {}, left)]
    if unique := schema.get("unique"):
        names = (unique,) if isinstance(unique, str) else tuple(unique)
        found.append(Suggestion(check=Check(columns=names, unique=True)))
    left += [f"checks of the table: {name}" for name, _ in _checks(schema.get("checks"))]
    left += ["the index"] if schema.get("index") else []
    left += ["strict: other columns may be there"] if schema.get("strict") else []
    return found, left


def _of_column(name: str, column: Mapping[str, Any], left: list[str]) -> Iterator[Check]:
    if column.get("regex"):
        left.append(f"column {name!r}: one whose name is a pattern")
        return
    check = Check(column=name, unique=bool(column.get("unique")))
    if kind := type_of(str(column.get("dtype") or "")):
        check = replace(check, type=kind)
    elif column.get("dtype"):
        left.append(f"column {name!r}: the type {column['dtype']}")
    if not column.get("nullable"):
        check = replace(check, missing_at_most=0.0)
    alone: list[Check] = []
    inline = {key: value for key, value in column.items() if key not in _ABOUT}
    for rule, value in (*_checks(inline), *_checks(column.get("checks"))):
        try:
            more = _rule(name, rule, value)
        except Left:
            left.append(f"column {name!r}: {rule}")
            continue
        if isinstance(more, Check):
            alone.append(more)
        elif more.keys() & {key for key in more if getattr(check, key) != getattr(Check(), key)}:
            alone.append(Check(column=name, **more))
        else:
            check = replace(check, **more)
    if check != Check(column=name):
        yield check
    yield from alone


def _checks(said: Any) -> Iterator[tuple[str, Any]]:
    """Yield the checks of a table or a list by their names, each with what it compares with."""
    if isinstance(said, Mapping):
        for name, value in said.items():
            yield str(name), _value(value)
    elif isinstance(said, list):
        for each in said:
            yield str(each.get("options", {}).get("check_name", "a check")), _value(each)


def _value(said: Any) -> Any:
    if not isinstance(said, Mapping):
        return said
    plain = {name: value for name, value in said.items() if name != "options"}
    return plain["value"] if set(plain) == {"value"} else plain


def _rule(column: str, rule: str, value: Any) -> Check | dict[str, Any]:
    """Return what a check is here: members of a check of the column, or a check of its own."""
    if rule in _COMPARED:
        return Check(expression=f"{named(column)} {_COMPARED[rule]} {literal(value)}")
    if rule in _BOUNDS:
        return {_BOUNDS[rule]: value}
    if rule in {"isin", "notin"}:
        return _listed(column, value, "IN" if rule == "isin" else "NOT IN")
    if rule in {"equal_to", "eq"}:
        return {"allowed": (value,)} if isinstance(value, str) else {"between": (value, value)}
    if rule in {"in_range", "between"}:
        return _range(column, value)
    return {"length": _length(value)} if rule == "str_length" else {"pattern": _pattern(rule, value)}


def _listed(column: str, values: list[Any], sign: str) -> Check | dict[str, Any]:
    if sign == "IN" and all(isinstance(each, str) for each in values):
        return {"allowed": tuple(values)}
    return Check(expression=f"{named(column)} {sign} ({', '.join(map(literal, values))})")


def _length(value: Mapping[str, Any]) -> tuple[int, int]:
    exact, low, high = (value.get(f"{name}_value") for name in ("exact", "min", "max"))
    return (exact, exact) if exact is not None else (low or 0, LONGEST if high is None else high)


def _range(column: str, value: Mapping[str, Any]) -> Check | dict[str, Any]:
    low, high = value["min_value"], value["max_value"]
    if value.get("include_min", True) and value.get("include_max", True):
        return {"between": (low, high)}
    first = ">=" if value.get("include_min", True) else ">"
    second = "<=" if value.get("include_max", True) else "<"
    name = named(column)
    return Check(expression=f"{name} {first} {literal(low)} AND {name} {second} {literal(high)}")


def _pattern(rule: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Left
    if rule == "str_matches":
        return beginning(value)
    if rule == "str_contains":
        return anywhere(value)
    if rule == "str_startswith":
        return beginning(re.escape(value))
    if rule == "str_endswith":
        return anywhere(f"{re.escape(value)}$")
    raise Left
