"""What a user can set, read once at the edge: flag > `KERVAN_*` > `kervan.toml` > user's file > default.

`KERVAN_MODEL_FOLDS=3` sets `folds` in the table `[model]`; the value is read as TOML where that is possible.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from unicodedata import normalize

from kervan.core.access import Doors
from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.places import ImageSettings
from kervan.core.reading import composed

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "kervan.toml"
DATA_FOLDER = "KERVAN_DATA_DIR"  # where tests and benchmarks find public data sets; not a setting
MISSING_TEXTS = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")

_T = TypeVar("_T")


def _compose(settings: Any, *names: str) -> None:
    """Bring settings that name columns and values into the form in which tables are read (NFC)."""
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, str):
            object.__setattr__(settings, name, composed(value))
        elif isinstance(value, tuple | list):
            object.__setattr__(settings, name, tuple(map(composed, value)))
        elif isinstance(value, dict):
            object.__setattr__(settings, name, {composed(key): each for key, each in value.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """`[project]`: the project's name; by default that of its folder."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSettings:
    """`[workspace]`: where records and files live; by default SQLite and files in `.kervan/`."""

    catalog: str = ""
    blobs: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """`split` in `[data]`: the shares of the three parts, which add up to 1; another `seed` splits anew."""

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`[[data.checks]]`: a rule for one column. `between` and `allowed` also bind requests for predictions.

    `missing_at_most` is a share of the rows, 0 to 1.
    """

    column: str
    between: tuple[float, ...] | None = None
    allowed: tuple[str, ...] | None = None
    missing_at_most: float | None = None
    unique: bool = False
    severity: str = "stop"

    def __post_init__(self) -> None:
        _compose(self, "column", "allowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """`[data]`: the table, what to predict, and how to treat it."""

    source: str = ""
    target: str = ""
    entity: str = ""
    name: str = ""
    separator: str = ""
    missing: tuple[str, ...] = MISSING_TEXTS
    ignore: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    split: SplitSettings = SplitSettings()
    protect: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        _compose(self, "target", "entity", "missing", "ignore", "accept", "protect", "units")


METRICS = (
    "roc_auc",
    "accuracy",
    "log_loss",
    "f1",
    "average_precision",
    "rmse",
    "mae",
    "r2",
    "median_absolute_error",
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a model must reach: a metric and a bound on it. Without a bound every model reaches it.

    Raises `InvalidConfig` for a metric that is none of `METRICS`.
    """

    metric: str = ""
    _: KW_ONLY
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.metric and self.metric not in METRICS:
            hint = did_you_mean(self.metric, METRICS)
            raise InvalidConfig(f"the metric {self.metric!r} does not exist", hint=hint)

    def __str__(self) -> str:
        bounds = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        bounds += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        return " ".join([self.metric, *bounds])

    def is_reached(self, value: float) -> bool:
        """Say whether a value of the metric is good enough.

        >>> Goal("roc_auc", at_least=0.9).is_reached(0.91)
        True
        """
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """`[model]`: what to train and how good it has to be. An empty `task` is found out from the target.

    `texts` names the columns of free text whose words are counted. None is by itself: texts tell of people.
    """

    name: str = ""
    task: str = ""
    goal: Goal = Goal()
    families: tuple[str, ...] = ("linear", "neighbours", "tree", "forest", "boosting")
    texts: tuple[str, ...] = ()
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        _compose(self, "texts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSettings:
    """`[package]`: the formats to write, how far their answers may be from the original's, what to say of it.

    Without `tolerance` each format has its own, that of its arithmetic. `licence` is that of the model,
    `use` what it is meant for; nobody but the user knows either.
    """

    formats: tuple[str, ...] = ("onnx", "native")
    tolerance: float | None = None
    licence: str = ""
    use: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings(Doors):
    """`[release]`: the environment to release to; without `to`, `kervan run` ends at registration.

    `strategy` is how the traffic moves, in `steps` (percent) of at most `every`, each of at least `samples`
    requests, under `guards` such as `"p99 < 20ms"`; before, the newest `replay` requests are answered once
    more. `approvals` is how many others have to agree, `freeze` when nothing is released. For the rest see
    `kervan.core.serving.Plan`.
    """

    to: str = ""
    target: str = "local"
    strategy: str = ""
    steps: tuple[float, ...] = ()
    every: str = ""
    samples: int = 300
    guards: tuple[str, ...] = ()
    replay: int = 2_000
    approvals: int = 0
    freeze: tuple[str, ...] = ()
    sticky: str = ""
    rule: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: int | None = None
    workers: int = 1
    most_workers: int = 0
    idle: str = ""
    memory: str = ""
    cpu: float = 0.0
    slow: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsSettings:
    """`[records]`: what is kept of predictions, and how long. Without `keep` and `keep_size` all stays.

    `sample` is the share of requests whose inputs are kept.
    """

    keep: str = ""
    keep_size: str = ""
    sample: float = 1.0
    leave_out: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _compose(self, "leave_out", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """`[watch]`: from where on drift is reported. `alpha` is the Kolmogorov–Smirnov false-alarm rate."""

    psi: float = 0.2
    alpha: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a project; `folder` holds its `kervan.toml` and `.kervan`."""

    folder: Path = Path()
    project: ProjectSettings = ProjectSettings()
    workspace: WorkspaceSettings = WorkspaceSettings()
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = ModelSettings()
    package: PackageSettings = PackageSettings()
    release: ReleaseSettings = ReleaseSettings()
    records: RecordsSettings = field(default_factory=RecordsSettings)
    watch: WatchSettings = WatchSettings()
    image: ImageSettings = field(default_factory=ImageSettings)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def project_name(self) -> str:
        """The project's name."""
        return normalize("NFC", self.project.name or self.folder.resolve().name)

    @property
    def model_name(self) -> str:
        """The name under which models are registered."""
        return normalize("NFC", self.model.name) or self.project_name

    @property
    def dataset_name(self) -> str:
        """The name under which the table is kept."""
        return normalize("NFC", self.data.name) or self.project_name


TABLES = tuple(entry.name for entry in fields(Config) if entry.name != "folder")


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
        ("the environment", _from_environ(environ)),
        ("the command line", dict(flags or {})),
    ]
    for origin, layer in layers:
        _merge(merged, layer, origins, origin, ())
    settings = _bind(Config, merged, (), origins)
    return _with_folder(settings, folder)


def _with_folder(settings: Config, folder: Path) -> Config:
    values = {name: getattr(settings, name) for name in TABLES}
    return Config(folder=folder, **values)


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
    known = [entry for entry in fields(kind) if entry.name != "folder"]  # type: ignore[arg-type]
    names = [entry.name for entry in known]
    for key in values:
        if key not in names:
            raise InvalidConfig(
                f"{_place((*path, key), origins)}: unknown setting", hint=did_you_mean(key, names)
            )
    for entry in known:
        required = entry.default is MISSING and entry.default_factory is MISSING
        if required and entry.name not in values:
            raise InvalidConfig(
                f"{_place(path, origins)}: {entry.name!r} is missing", hint=f"add a line: {entry.name} = …"
            )
    return kind(**{key: _value(hints[key], value, (*path, key), origins) for key, value in values.items()})


def _value(hint: Any, value: Any, path: tuple[str, ...], origins: Mapping[tuple[str, ...], str]) -> Any:
    if get_origin(hint) in {Union, UnionType}:
        hint = next(choice for choice in get_args(hint) if choice is not NoneType)
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
    words, example = _WRITTEN.get(get_origin(hint) or hint, ("a table", '{ name = "value" }'))
    raise InvalidConfig(f"{_place(path, origins)}: {value!r} is not {words}", hint=f"write it like {example}")


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
