"""Checks as lines of `kervan.toml`, to be pasted and edited."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from kervan.core.checking import Check, Reference
from kervan.core.toml import toml_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST = 1e15  # with its point a number is easier to read from here on
_WIDTH = 108


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A check, and why it is proposed: a line of comment for each reason."""

    check: Check
    reasons: tuple[str, ...] = ()


def as_lines(suggestions: Iterable[Suggestion]) -> str:
    """Return the lines of `kervan.toml` for some checks, each with its reasons as comments.

    >>> check = Check(column="age", between=(16, 100))
    >>> print(as_lines([Suggestion(check=check, reasons=("17 to 90 here",))]))
    # 17 to 90 here
    [[data.checks]]
    column = "age"
    between = [16, 100]
    """
    return "\n\n".join("\n".join([*_comments(each.reasons), *_table(each.check)]) for each in suggestions)


def said(check: Check) -> dict[str, Any]:
    """Return the settings of a check that are not as they are by default, as `kervan.toml` has them."""
    return dict(_said(check))


def as_said(settings: Mapping[str, Any]) -> Check:
    """Make the check that `said` told of, also from JSON; it refers to no other table."""
    lists = {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
    return Check(**{**settings, **lists})


def _comments(reasons: Iterable[str]) -> list[str]:
    return [f"# {' '.join(reason.split())[:_WIDTH]}" for reason in reasons]


def _table(check: Check) -> list[str]:
    return ["[[data.checks]]", *(f"{name} = {toml_value(_plain(value))}" for name, value in _said(check))]


def _plain(value: Any) -> Any:
    """Write bounds as people do: between = [0, 120]."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _LONGEST
    return int(value) if is_whole else value


def _said(settings: Check | Reference) -> list[tuple[str, Any]]:
    values = ((entry, getattr(settings, entry.name)) for entry in fields(settings))
    told = [(entry.name, value) for entry, value in values if value != entry.default]
    return [(name, dict(_said(value)) if isinstance(value, Reference) else value) for name, value in told]
