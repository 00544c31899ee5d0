"""Settings, read once at the edge: flag > `KERVAN_*` > `kervan.toml` > user's file > default.

`KERVAN_MODEL_FOLDS=3` sets `folds` in the table `[model]`; the value is read as TOML where that is possible.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from kervan.core.config import TABLES, Config
from kervan.core.errors import InvalidConfig, did_you_mean, nearest
from kervan.core.protecting import RULES
from kervan.core.shaping import VERBS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE_NAME = "kervan.toml"
DATA_FOLDER = "KERVAN_DATA_DIR"  # where tests and benchmarks find public data sets; not a setting
ENVIRONMENT = "the environment"
FLAGS = "the command line"
_OF_FILES = {"folder", "origins"}  # what a Config says besides its tables
_NEARLY = 0.85  # alike is a slip of the pen that is meant for another table

_T = TypeVar("_T")


def is_project(folder: Path) -> bool:
    """Say whether a folder holds a `kervan.toml` or a workspace."""
    return (folder / FILE_NAME).is_file() or (folder / ".kervan").is_dir()


def find_folder(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds a `kervan.toml` or `.kervan`, else `start`."""
    for folder in (start, *start.parents):
        if is_project(folder):
            return folder
    return start


def load_config(
    folder: Path, *, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> Config:
    """Read the settings of the project in `folder`.

    `flags` are settings from the command line, nested like the file. Raises `InvalidConfig` that names
    the place of the first setting that is unknown or cannot be used.
    """
    user = Path(environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "kervan" / "config.toml"
    merged: dict[str, Any] = {}
    origins: dict[tuple[str, ...], str] = {}
    layers = [
        (str(user), _read_toml(user)),
        (FILE_NAME, _read_toml(folder / FILE_NAME)),
        (ENVIRONMENT, _from_environ(environ)),
        (FLAGS, dict(flags or {})),
    ]
    for origin, layer in layers:
        _merge(merged, layer, origins, origin, ())
    return replace(_bind(Config, merged, (), origins), folder=folder, origins=origins)


def variable(table: str, name: str) -> str:
    """Return the variable of the environment that sets a setting."""
    return f"KERVAN_{table}_{name}".upper()


def settings_given(kind: type[_T], values: Mapping[str, Any], *, table: str, origin: str) -> _T:
    """Make the settings of one table from values written like those of the file.

    Raises `InvalidConfig` that names `origin` and the first setting that is unknown or cannot be used.
    """
    return _bind(kind, dict(values), (table,), {(table,): origin})


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{path.name} is not UTF-8: {error.reason}", hint="save it as UTF-8") from error
    except OSError as error:
        raise InvalidConfig(
            f"cannot read {path}: {error.strerror}", hint="make it a file that you can read"
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(f"{path.name}: {error}", hint="see https://toml.io for the syntax") from error


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in environ.items():
        table, _, key = name.removeprefix("KERVAN_").lower().partition("_")
        if name.startswith("KERVAN_") and name != DATA_FOLDER and table in TABLES and key:
            found.setdefault(table, {})[key] = _toml_value(text)
    return found


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _merge(
    into: dict[str, Any],
    layer: Mapping[str, Any],
    origins: dict[tuple[str, ...], str],
    origin: str,
    path: tuple[str, ...],
) -> None:
    for key, value in layer.items():
        here = (*path, key)
        if isinstance(value, dict) and isinstance(into.get(key, {}), dict):
            origins.setdefault(here, origin)
            _merge(into.setdefault(key, {}), value, origins, origin, here)
        else:
            into[key] = value
            origins[here] = origin


def _bind(kind: type[_T], values: Any, path: tuple[str, ...], origins: Mapping[tuple[str, ...], str]) -> _T:
    """Make a settings dataclass from parsed values; every complaint names the setting and its origin."""
    if not isinstance(values, dict):
        raise InvalidConfig(
            f"{_place(path, origins)} must be a table", hint="`kervan settings` shows every setting"
        )
    hints = get_type_hints(kind)
    known = [entry for entry in fields(kind) if entry.name not in _OF_FILES]  # type: ignore[arg-type]
    written = {entry.metadata.get("written", entry.name): entry.name for entry in known}
    examples = {entry.name: entry.metadata.get("example", "") for entry in known}
    written.pop("", None)  # what is found out, and never written
    names = list(written)
    for key in values:
        if key not in names:
            reasons: Mapping[str, str] = getattr(kind, "refused", {})
            raise InvalidConfig(
                f"{_place((*path, key), origins)}: unknown setting",
                hint=reasons.get(key) or _meant(kind, key, names),
            )
    for entry in known:
        required = entry.default is MISSING and entry.default_factory is MISSING
        if required and entry.name not in values:
            raise InvalidConfig(
                f"{_place(path, origins)}: {entry.name!r} is missing", hint=f"add a line: {entry.name} = …"
            )
    return kind(
        **{
            written[key]: _value(
                hints[written[key]], value, (*path, key), origins, examples.get(written[key], "")
            )
            for key, value in values.items()
        }
    )


def _meant(kind: type[Any], key: str, names: Sequence[str]) -> str:
    """Return a hint for an unknown setting of a table: other tables may have it, or it is almost one."""
    tables = _tables(Config)
    if kind not in tables.values():
        return did_you_mean(key, names)
    places: dict[str, list[str]] = {}
    for place, settings in tables.items():
        for entry in fields(settings):
            if entry.name not in _OF_FILES:
                places.setdefault(entry.name, []).append(place)
    meant = key if key in places else "" if nearest(key, names) else nearest(key, places, _NEARLY)
    if not meant:
        return did_you_mean(key, names)
    return f"write {meant!r} {' or '.join(places[meant])}; known here: {', '.join(names)}"


def _tables(kind: type[Any], path: tuple[str, ...] = ()) -> dict[str, type[Any]]:
    """Return the tables of the file, and tables in them, by where their settings are written."""
    found = {f"in [{'.'.join(path)}]" if path else "as a table of its own": kind}
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint) and isinstance(hint, type):
            found |= _tables(hint, (*path, name))
    return found


def _value(
    hint: Any, value: Any, path: tuple[str, ...], origins: Mapping[tuple[str, ...], str], example: str = ""
) -> Any:
    """Return a value as its setting has it; `example` is one of the setting's own."""
    if get_origin(hint) in {Union, UnionType}:
        hint = _chosen(get_args(hint), value, path, origins)
    if is_dataclass(hint) and isinstance(hint, type):
        return _bind(hint, value, path, origins)
    if get_origin(hint) is tuple and isinstance(value, list):
        item = get_args(hint)[0]
        return tuple(_value(item, each, (*path, str(place)), origins) for place, each in enumerate(value))
    if get_origin(hint) is dict and isinstance(value, dict):
        item = get_args(hint)[1]
        return {key: _value(item, each, (*path, key), origins) for key, each in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Any or type(value) is hint:
        return value
    words, usual = _WRITTEN.get(get_origin(hint) or hint, ("a table", '{ name = "value" }'))
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        usual = f'"{value}" (with the quotes)'
    raise InvalidConfig(
        f"{_place(path, origins)}: {value!r} is not {words}", hint=f"write it like {example or usual}"
    )


def _chosen(
    choices: tuple[Any, ...], value: Any, path: tuple[str, ...], origins: Mapping[tuple[str, ...], str]
) -> Any:
    """Return the type that is meant: of steps and rules by their verb, of others the one the value has."""
    if not all(is_dataclass(choice) for choice in choices):
        if isinstance(value, dict) and set(RULES.values()) & set(choices):
            return _chosen_rule(value, path, origins)
        others = [choice for choice in choices if choice is not NoneType]
        if type(value) is int and float in others and int not in others:
            return float
        return next((choice for choice in others if type(value) is (get_origin(choice) or choice)), others[0])
    named = [verb for verb in VERBS if isinstance(value, dict) and verb in value]
    found = {VERBS[verb] for verb in named}
    kinds = {kind for kind in found if not any(_is_option(kind, other) for other in found - {kind})}
    if len(kinds) == 1:
        return kinds.pop()
    if named:
        raise InvalidConfig(
            f"{_place(path, origins)}: a step has one verb, not {' and '.join(named)}", hint="write two steps"
        )
    unknown = next(iter(value), "") if isinstance(value, dict) else ""
    raise InvalidConfig(
        f"{_place(path, origins)}: there is no such step", hint=did_you_mean(unknown, tuple(VERBS))
    )


def _chosen_rule(
    value: Mapping[str, Any], path: tuple[str, ...], origins: Mapping[tuple[str, ...], str]
) -> type[Any]:
    found = [name for name in RULES if name in value]
    if len(found) == 1:
        return RULES[found[0]]
    told = f"a rule is one of {', '.join(RULES)}" + (f", not {' and '.join(found)}" if found else "")
    raise InvalidConfig(f"{_place(path, origins)}: {told}", hint="write it like { generalise = 10 }")


def _is_option(kind: type[Any], other: type[Any]) -> bool:
    """Say whether the verb of one step is an option of another: `filter` has none, `unpivot` has `values`."""
    verbs = {verb for verb, each in VERBS.items() if each is kind}
    return any(entry.name in verbs for entry in fields(other))


# What a value must be, in words and by an example; in the environment a text needs its quotes as well.
_WRITTEN: dict[Any, tuple[str, str]] = {
    str: ("a text", '"income" (with the quotes)'),
    int: ("a whole number", "5"),
    float: ("a number", "0.5"),
    bool: ("true or false", "true"),
    tuple: ("a list", '["a", "b"]'),
}


def _place(path: tuple[str, ...], origins: Mapping[tuple[str, ...], str]) -> str:
    starts = (path[:end] for end in range(len(path), 0, -1))
    nearest = next((origins[start] for start in starts if start in origins), FILE_NAME)
    if len(path) < 2:
        return f"{nearest}: [{path[0]}]" if path else nearest
    return f"{nearest}: [{path[0]}] {'.'.join(path[1:])}"
