"""What a user can set: one dataclass for each table of `kervan.toml`."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import Any
from unicodedata import normalize

from kervan.core.about import NOTHING_SAID, About
from kervan.core.access import Doors
from kervan.core.checking import Check, compose
from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean
from kervan.core.keeping import read_size
from kervan.core.places import ImageSettings
from kervan.core.protecting import Rule
from kervan.core.shaping import RowStep, Step, TableStep, told

MISSING_TEXTS = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")


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
    """`split` in `[data]`: the shares of the three parts, which add up to 1; another `seed` splits anew.

    `by` is the rule: "random", "stratified", "group", "time" or "column", of which the last three go by
    `column`. `embargo` is what is left out between the parts of a split by time, such as "7d".
    """

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    by: str = "random"
    column: str = ""
    embargo: str = ""

    def __post_init__(self) -> None:
        compose(self, "column")


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeSettings:
    """`[data.cube]`: measures of a fact table by dimensions, asked of a database as one query.

    `joins` says for each dimension's table by which column it hangs on the fact: `store = "store_id"`, or
    `store = "store_id = id"` where the dimension calls it otherwise.
    """

    fact: str = ""
    dimensions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    joins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """`[data]`: the table, what to predict, and how to treat it.

    `query` or `table` says what of a database, `version` which state of a lake, `sheet` which of a workbook.
    `person` names the column that says whom a row is about; `quasi` those by which somebody could be found
    who is known from elsewhere, `sensitive` what must not be learned of them then. Fewer than `k_at_least`
    rows that are equal in `quasi` stop the run. `privacy_budget` is the epsilon that all released aggregates
    of one dataset may spend together. A table of more than `memory` is ingested piece by piece.
    """

    source: str = ""
    query: str = ""
    table: str = ""
    version: str = ""
    sheet: str = ""
    cube: CubeSettings = field(default_factory=CubeSettings)
    target: str = ""
    entity: str = ""
    name: str = ""
    separator: str = ""
    encoding: str = ""
    memory: str = "256 MB"
    missing: tuple[str, ...] = MISSING_TEXTS
    ignore: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    split: SplitSettings = SplitSettings()
    protect: dict[str, Rule] = field(default_factory=dict)
    person: str = ""
    quasi: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    k_at_least: int = 0
    privacy_budget: float = 0.0
    units: dict[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    checks_from: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    about: About = NOTHING_SAID

    def __post_init__(self) -> None:
        try:
            read_size(self.memory)
        except InvalidInput as error:
            raise InvalidConfig(f"[data] memory: {error}", hint=error.hint) from error
        compose(self, "target", "entity", "missing", "ignore", "accept", "protect", "units")
        compose(self, "person", "quasi", "sensitive")
        self._check_ignored()
        kinds = [isinstance(step, RowStep) for step in self.steps]
        if kinds != sorted(kinds):
            late = next(step for step in self.steps[kinds.index(True) :] if not isinstance(step, RowStep))
            raise InvalidConfig(
                f"[[data.steps]] {told(late)}: comes after a step that is part of the model",
                hint="put the steps that fill and clip last: they act when the table is ready",
            )

    def _check_ignored(self) -> None:
        for setting, names in (("person", (self.person,)), ("protect", self.protect)):
            for name in names:
                if name in self.ignore:
                    raise InvalidConfig(
                        f"[data] {setting}: column {name!r} is left out by `[data] ignore`",
                        hint="take it out there; no model learns from a column that is protected",
                    )

    @property
    def table_steps(self) -> tuple[TableStep, ...]:
        """The steps that make the table."""
        return tuple(step for step in self.steps if isinstance(step, TableStep))

    @property
    def row_steps(self) -> tuple[RowStep, ...]:
        """The steps that are part of the model."""
        return tuple(step for step in self.steps if isinstance(step, RowStep))


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
        compose(self, "texts")


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
        compose(self, "leave_out", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """`[watch]`: from where on drift is reported. `alpha` is the Kolmogorov–Smirnov false-alarm rate."""

    psi: float = 0.2
    alpha: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a project; `folder` holds its `kervan.toml` and `.kervan`.

    `origins` says for the path of each setting that is none by default (`("model", "folds")`) who set it.
    """

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
    origins: dict[tuple[str, ...], str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in self.model.texts:
            if name in self.data.protect:
                raise InvalidConfig(
                    f"[model] texts: no model learns from column {name!r}: it is in `[data] protect`",
                    hint="take it out of one of them",
                )

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


TABLES = tuple(entry.name for entry in fields(Config) if entry.name not in {"folder", "origins"})
