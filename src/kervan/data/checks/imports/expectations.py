"""A suite of Great Expectations, as its JSON says it, in the form of version 1 and the older one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kervan.core.checking import STOP, WARN, Check
from kervan.data.checks.imports.words import LONGEST, Left, anywhere, literal, named, type_of
from kervan.data.checks.written import Suggestion

_SEVERITIES = {"critical": STOP, "warning": WARN, "info": WARN}


def from_expectations(suite: Mapping[str, Any]) -> tuple[list[Suggestion], list[str]]:
    """Return the checks of a suite, and what of it cannot be expressed."""
    found: list[Suggestion] = []
    left: list[str] = []
    for each in suite["expectations"]:
        name = str(each.get("type") or each.get("expectation_type"))
        said = {key: value for key, value in each.get("kwargs", {}).items() if value is not None}
        try:
            check = _RULES[name](said) if name in _RULES else _refuse()
        except (Left, KeyError):
            about = said.get("column", "")
            left.append(f"{name}{f' of {about!r}' if about else ''}")
            continue
        severity = _SEVERITIES.get(str(each.get("severity", "critical")), STOP)
        found.append(Suggestion(check=replace(_with_share(check, said), severity=severity)))
    return found, left


def _refuse() -> Check:
    raise Left


def _with_share(check: Check, said: Mapping[str, Any]) -> Check:
    mostly = said.get("mostly", 1.0)
    if mostly == 1.0 or check.missing_at_most is not None:
        return check
    return replace(check, at_least=float(mostly))


def _between(said: Mapping[str, Any]) -> Check:
    low, high, name = said.get("min_value"), said.get("max_value"), said["column"]
    if said.get("strict_min") or said.get("strict_max"):
        signs = (
            (">" if said.get("strict_min") else ">=", low),
            ("<" if said.get("strict_max") else "<=", high),
        )
        parts = [f"{named(name)} {sign} {literal(bound)}" for sign, bound in signs if bound is not None]
        return Check(expression=" AND ".join(parts))
    if low is not None and high is not None:
        return Check(column=name, between=(low, high))
    return Check(column=name, least=low, most=high)


def _in_set(said: Mapping[str, Any]) -> Check:
    values = said["value_set"]
    if all(isinstance(each, str) for each in values):
        return Check(column=said["column"], allowed=tuple(values))
    return Check(expression=f"{named(said['column'])} IN ({', '.join(map(literal, values))})")


def _not_in_set(said: Mapping[str, Any]) -> Check:
    return Check(expression=f"{named(said['column'])} NOT IN ({', '.join(map(literal, said['value_set']))})")


def _lengths(said: Mapping[str, Any]) -> Check:
    return Check(column=said["column"], length=(said.get("min_value", 0), said.get("max_value", LONGEST)))


def _rows(said: Mapping[str, Any]) -> Check:
    high = said.get("max_value")
    return Check(rows=(said.get("min_value", 0), *(() if high is None else (high,))))


def _pair(said: Mapping[str, Any]) -> Check:
    sign = ">=" if said.get("or_equal") else ">"
    return Check(expression=f"{named(said['column_A'])} {sign} {named(said['column_B'])}")


def _equal(said: Mapping[str, Any]) -> Check:
    return Check(expression=f"{named(said['column_A'])} = {named(said['column_B'])}")


def _missing(said: Mapping[str, Any]) -> Check:
    return Check(column=said["column"], missing_at_most=round(1 - said.get("mostly", 1.0), 12))


def _type(said: Mapping[str, Any]) -> Check:
    kind = type_of(str(said["type_"]))
    return Check(column=said["column"], type=kind) if kind else _refuse()


_RULES: dict[str, Callable[[Mapping[str, Any]], Check]] = {
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_not_be_null": _missing,
    "expect_column_values_to_be_unique": lambda said: Check(column=said["column"], unique=True),
    "expect_column_values_to_be_of_type": _type,
    "expect_column_values_to_match_regex": lambda said: Check(
        column=said["column"], pattern=anywhere(said["regex"])
    ),
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": lambda said: Check(
        column=said["column"], length=(said["value"], said["value"])
    ),
    "expect_compound_columns_to_be_unique": lambda said: Check(
        columns=tuple(said["column_list"]), unique=True
    ),
    "expect_table_row_count_to_be_between": _rows,
    "expect_table_row_count_to_equal": lambda said: Check(rows=(said["value"], said["value"])),
    "expect_column_pair_values_a_to_be_greater_than_b": _pair,
    "expect_column_pair_values_to_be_equal": _equal,
    # A share of missing values of 1: nothing is demanded but that the column is there.
    "expect_column_to_exist": lambda said: Check(column=said["column"], missing_at_most=1.0),
}
