"""What a user can set: one dataclass for each table of `kervan.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from unicodedata import normalize

from kervan.core.about import NOTHING_SAID, About
from kervan.core.access import Doors
from kervan.core.behaving import BehaviourTest
from kervan.core.checking import Check, compose
from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean
from kervan.core.features import Feature
from kervan.core.goals import BETTER, CALIBRATIONS, NOT_WORSE, Costs, Goal, Limits
from kervan.core.keeping import read_size
from kervan.core.places import ImageSettings
from kervan.core.protecting import Rule
from kervan.core.searching import CandidateSettings, SearchSettings
from kervan.core.shaping import RowStep, Step, TableStep, told

SIMPLEST, BEST = "simplest", "best"
ABSENT = ("refuse", "fill")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """`[model]`: what to train and how good it has to be. An empty `task` is found out from the target.

    `texts` names the columns of free text whose words are counted. None is by itself: texts tell of people.
    `features` are columns that the model computes from the others.
    A family of your own is `module:name`. The `shortlist` are so many good candidates that fail differently;
    with `ensemble` they are combined, and what that gives is kept if it is better and worth its cost.
    `choose` is "simplest", of those that are tied, or "best", whatever it costs.
    `absent` is what becomes of a row that lacks a value which no row of the table lacks: "refuse" or "fill".
    `goals` are further ones that are measured. `threshold` is the probability from which on
    the last of two classes is named, or what it is chosen by on the validation part; without one it is
    `costs`, where they are given. `calibrate` is "sigmoid" or "isotonic". `accept_if` is "not worse
    than production" or "better than production". `tests` are what the written model must
    do, `tests_from` files of Python.
    With `analyse` the candidate's errors and reasons are looked at, by `groups` of rows such as "sex", with
    the values of the rows that it gets most wrong where `examples` allows them, and with a `learning_curve`.
    """

    name: str = ""
    task: str = ""
    goal: Goal = field(default_factory=Goal)
    families: tuple[str, ...] = ("linear", "neighbours", "tree", "forest", "boosting")
    candidates: tuple[CandidateSettings, ...] = ()
    texts: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    search: SearchSettings = field(default_factory=SearchSettings)
    shortlist: int = 4
    ensemble: bool = False
    choose: str = SIMPLEST
    absent: str = "refuse"
    goals: tuple[Goal, ...] = ()
    costs: Costs = field(default_factory=Costs)
    threshold: str | float = field(default="", metadata={"example": '"f1", or a probability such as 0.3'})
    calibrate: str = field(default="", metadata={"example": '"sigmoid"'})
    limits: Limits = field(default_factory=Limits)
    accept_if: str = field(default="", metadata={"example": f'"{NOT_WORSE}"'})
    tests: tuple[BehaviourTest, ...] = ()
    tests_from: tuple[str, ...] = ()
    folds: int = 5
    seed: int = 0
    analyse: bool = True
    groups: tuple[str, ...] = ()
    examples: bool = False
    learning_curve: bool = False

    def __post_init__(self) -> None:
        compose(self, "texts", "groups")
        if self.shortlist < 0:
            raise InvalidConfig(
                f"[model] shortlist: {self.shortlist} is no number of candidates", hint="write 3 to 5, or 0"
            )
        for name, value, choices in (
            ("calibrate", self.calibrate, CALIBRATIONS),
            ("accept_if", self.accept_if, (NOT_WORSE, BETTER)),
            ("absent", self.absent, ABSENT),
            ("choose", self.choose, (SIMPLEST, BEST)),
        ):
            if value and value not in choices:
                raise InvalidConfig(
                    f"[model] {name}: {value!r} is none of {', '.join(choices)}",
                    hint=did_you_mean(value, choices),
                )


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
    model: ModelSettings = field(default_factory=ModelSettings)
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
        for name in self.model.groups:
            for setting, names in (("protect", self.data.protect), ("ignore", self.data.ignore)):
                if name in names:
                    raise InvalidConfig(
                        f"[model] groups: nobody is compared by column {name!r}: it is in `[data] {setting}`",
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
