"""Every setting with its value, and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.config import TABLES, Config
from kervan.core.loading import ENVIRONMENT, FILE_NAME, FLAGS, variable
from kervan.core.reading import composed
from kervan.core.shown import masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kervan.app.project import Project


class Origin(StrEnum):
    """Who set a setting, the strongest first."""

    FLAG = "command line"
    ENVIRONMENT = "environment"
    FILE = "project's file"
    USER = "user's file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting (`name` in `[table]`) with its value and that by default, as JSON without passwords.

    `place` is the file or the variable that set it, "" where neither did.
    """

    table: str
    name: str
    value: Any
    default: Any
    origin: Origin
    place: str


def settings_of(project: Project) -> tuple[Setting, ...]:
    """Return every setting of a project; one inside another is named `split.train`."""
    config, usual = project.config, Config()
    said = {tuple(map(composed, path)): place for path, place in config.origins.items()}
    return tuple(
        Setting(
            table=table,
            name=".".join(path),
            value=_plain(value),
            default=_plain(_inside(getattr(usual, table), path)),
            origin=origin,
            place=place,
        )
        for table in TABLES
        for path, value in _leaves(getattr(config, table))
        for origin, place in [_origin(said, (table, *path))]
    )


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    inside = _items(value)
    if not inside and path:
        yield path, value
    for name, each in inside.items():
        yield from _leaves(each, (*path, name))


def _items(value: Any) -> dict[str, Any]:
    if is_dataclass(value):
        return {entry.name: getattr(value, entry.name) for entry in fields(value) if entry.name != "_"}
    return value if isinstance(value, dict) else {}


def _inside(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = _items(value).get(name)
    return value


def _origin(said: Mapping[tuple[str, ...], str], path: tuple[str, ...]) -> tuple[Origin, str]:
    by = said.get(path)
    if by is None:
        return Origin.DEFAULT, ""
    if by == ENVIRONMENT:
        return Origin.ENVIRONMENT, variable(*path[:2])
    if by == FLAGS:
        return Origin.FLAG, ""
    return Origin.FILE if by == FILE_NAME else Origin.USER, by


def _plain(value: Any) -> Any:
    return masked(msgspec.to_builtins(value, enc_hook=str))
