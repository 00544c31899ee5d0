"""The nouns that all stages share: frozen records without I/O.

Every record has an id, a creator, a time and its parents, so lineage is the shape of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kervan.core.about import NOTHING_SAID, About
from kervan.core.access import Secret
from kervan.core.fetching import UNTOLD, Retrieval
from kervan.core.reading import AS_WRITTEN, Reading
from kervan.core.schema import Schema, Signature
from kervan.core.serving import Plan, Rule, ShareRole
from kervan.core.written import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The one handle: where records and files live, and who is asking.

    `root` is the folder `.kervan` of a project, `catalog` a database URL, `blobs` an fsspec URL.
    """

    root: Path
    catalog: str
    blobs: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An edge of the lineage: this record came from `parent`, which played `role`.

    `parent` is the id of another record, or `sha256:…` for a stored file.
    """

    parent: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record carries; `version` and `hash` are "" for kinds that have none."""

    id: str
    name: str
    version: str = ""
    hash: str = ""
    creator: str
    time: float
    parents: tuple[Link, ...] = ()

    @property
    def ref(self) -> str:
        """How people write this record."""
        return self.name


class Role(StrEnum):
    """What a part of a dataset is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One side of a split: so many rows in the stored Parquet file `blob`; a sealed one is encrypted.

    Of many rows `blob` is the list of `pieces`, which are such files. `content` is the hash of the rows, by
    which the same rows are known in another dataset.
    """

    role: Role
    rows: int
    blob: str
    content: str
    sealed: bool = False
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a table came from, and its bytes as they were: kept, encrypted, in `blob`.

    `key` names the key that was made for them alone; "" stands for the workspace's, as it was at first.
    """

    source: str
    size: int
    sha256: str
    blob: str
    retrieval: Retrieval = UNTOLD
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """What a step made of a table: rows before and after, and the columns that came and went.

    `written` says of columns that it parsed how their numbers or dates were written.
    """

    step: str
    before: int
    after: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    written: Mapping[str, Written] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRule:
    """How a dataset was split: the rule, the column it goes by, the seconds left out between its parts.

    `left_out` rows are in no part.
    """

    by: str = "random"
    column: str = ""
    embargo: float = 0.0
    left_out: int = 0


AT_RANDOM = SplitRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Record):
    """A named version of a table, protected and split; the test part is sealed.

    `hash` is that of the table's content as it is kept, `recipe` that of the settings which made it.
    `reading` are the rules by which its values were read, `steps` what made the table of its source,
    `joined` the other tables that they used, `split` the rule by which its parts came to be, `about` what
    people say of it. `person` is the column that says whom a row is about.
    """

    recipe: str = ""
    schema: Schema
    target: str
    rows: int
    origin: Origin
    parts: tuple[Part, ...]
    protection: Mapping[str, str] = field(default_factory=dict)
    reading: Reading = AS_WRITTEN
    steps: tuple[Shaping, ...] = ()
    joined: tuple[Origin, ...] = ()
    person: str = ""
    split: SplitRule = AT_RANDOM
    about: About = NOTHING_SAID

    @property
    def ref(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    def part(self, role: Role) -> Part:
        """Return one side of the split."""
        return next(part for part in self.parts if part.role is role)


class Status(StrEnum):
    """How far a run or a step got."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The state of the code that ran; `difference` is the stored patch of what was not committed."""

    repository: str = ""
    branch: str = ""
    commit: str = ""
    difference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine and process that ran."""

    name: str
    platform: str
    python: str
    cores: int
    process: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """One step inside a run: from the cache, or computed in `seconds`.

    `needs` are the keys of the steps whose outputs it used.
    """

    name: str
    key: str
    status: Status
    cached: bool
    seconds: float
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Record):
    """One execution of a pipeline: code, environment, inputs, parameters, metrics, outputs, log."""

    status: Status
    code: Code
    environment: Mapping[str, str]
    host: Host
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[StepRun, ...] = ()
    log: str = ""
    ended: float | None = None
    error: str = ""


class Verdict(StrEnum):
    """What a report concludes."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a report noticed: which rule, about what, how bad, in words, and what to do."""

    rule: str
    subject: str
    verdict: Verdict
    message: str
    hint: str = ""

    @property
    def advice(self) -> str:
        """What was noticed, and what to do about it."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ReportKind(StrEnum):
    """What a report is about."""

    PROFILE = "profile"
    VALIDATION = "validation"
    EVALUATION = "evaluation"
    ACCEPTANCE = "acceptance"
    PARITY = "parity"
    DRIFT = "drift"
    RELEASE = "release"
    LOAD = "load"
    BEHAVIOUR = "behaviour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Record):
    """Findings with a verdict; `body` holds the figures in the form of its kind."""

    kind: ReportKind
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Record):
    """A semantic version of a trained thing, accepted, with the run that made it.

    One that was trained elsewhere has a package alone: `run`, `dataset` and `acceptance` are "".
    """

    run: str
    dataset: str
    signature: Signature
    family: str
    metrics: Mapping[str, float]
    acceptance: str
    package: str

    @property
    def is_imported(self) -> bool:
        """Whether it was trained elsewhere, so that nobody accepted it here."""
        return not self.run

    @property
    def ref(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """One file of a package: its path inside the folder, its size and SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Record):
    """A folder that holds a model in one or more formats; `hash` is its manifest's SHA-256.

    `parity` is the largest difference that any format showed to the model it was written from.
    """

    formats: tuple[str, ...]
    files: tuple[PackageFile, ...]
    parity: float

    @property
    def ref(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Record):
    """Which models take which share of traffic in an environment (`name`), since when, by whom, and why.

    `shares` add up to 1; `roles` says what else than its share a model is there for, where that is not plain.
    `release` is the id of the release of which this is a stage, "" where the traffic moved all at once.
    """

    shares: Mapping[str, float]
    plan: Plan
    endpoint: str
    why: str
    roles: Mapping[str, ShareRole] = field(default_factory=dict)
    release: str = ""

    @property
    def stable(self) -> str:
        """The model that answers where nothing else is decided: all others are measured against it."""
        named = (ref for ref in self.shares if self.role(ref) is ShareRole.STABLE)
        return next(named, "") or self.main

    @property
    def main(self) -> str:
        """The model that answers the most."""
        return max(self.shares, key=lambda ref: self.shares[ref])

    @property
    def candidate(self) -> str:
        """The model that is tried against the stable one, "" where none is."""
        tried = {ShareRole.CANDIDATE, ShareRole.SHADOW}
        return next((ref for ref in self.shares if self.role(ref) in tried), "")

    @property
    def rule(self) -> Rule | None:
        """The rule that says which rows are the candidate's, whatever the shares; None where they decide."""
        return self.plan.rule if ShareRole.CANDIDATE in self.roles.values() else None

    def role(self, ref: str) -> ShareRole:
        """Return what a model is there for."""
        return self.roles.get(ref, ShareRole.STABLE)

    def told(self) -> str:
        """Say who answers, and which share, as people write it.

        >>> Deployment(id="D", name="e", creator="c", time=0, shares={"a@1.0.0": 0.95, "a@1.1.0": 0.05},
        ...            plan=Plan(), endpoint="", why="", roles={"a@1.1.0": ShareRole.CANDIDATE}).told()
        'a@1.0.0 95 %, a@1.1.0 5 %'
        """
        if len(self.shares) == 1:
            return self.stable
        words = {ShareRole.SHADOW: "mirrored", ShareRole.STANDBY: "standing by"}
        if self.rule is not None:
            words |= {ShareRole.STABLE: "otherwise", ShareRole.CANDIDATE: f"where {self.rule.told()}"}
        return ", ".join(
            f"{ref} {words.get(self.role(ref)) or f'{share * 100:g} %'}" for ref, share in self.shares.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Record):
    """What opens a server's door: for which scopes, how often, until when. No secret itself is kept."""

    scopes: tuple[str, ...]
    secrets: tuple[Secret, ...]
    rate: str = ""
    expires: float | None = None
    revoked: float | None = None

    def opens(self, at: float) -> bool:
        """Say whether the key is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or at < self.expires)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What was asked of which model version and what it answered; a request of many rows is one record.

    `version` is that of the record's form, 1 for those that do not say it. Of the `seconds` that it took,
    `decode` went into reading the rows, `wait` into waiting for others to be scored with, `score` into the
    model. `caller` is the id of the key that was used, `trace` that of a trace that it belongs to, `share`
    what part of the traffic the version got then. `entity` says whom the row is about, a list where there
    were many rows, None where the request did not say it. `withheld` names the columns that `inputs` does not
    have as they were sent; "*" stands for all, of which there are none. `role` is what the version was there
    for. A shadow's answer was heard by nobody: `mirrors` is the id of the prediction that was given instead.
    """

    id: str
    version: int = 1
    time: float
    environment: str
    deployment: str
    model: str
    package: str
    protocol: str
    request: str
    seconds: float
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    caller: str = ""
    trace: str = ""
    decode: float = 0.0
    wait: float = 0.0
    score: float = 0.0
    share: float = 1.0
    entity: Any = None
    withheld: tuple[str, ...] = ()
    role: ShareRole = ShareRole.STABLE
    mirrors: str = ""

    @property
    def rows(self) -> int:
        """How many rows were asked; 1 where neither they nor answers are on record."""
        return max(len(self.inputs), len(self.outputs), 1)

    def about(self, row: int) -> Any:
        """Return whom a row is about, None where nobody said it."""
        return self.entity[row] if isinstance(self.entity, list) else self.entity

    def asked(self, row: int) -> Mapping[str, Any]:
        """Return what is on record of a row's inputs."""
        return self.inputs[row] if self.inputs else {}

    def answered(self, row: int) -> Mapping[str, Any]:
        """Return what a row was answered, nothing where the model gave no usable answer."""
        return self.outputs[row] if self.outputs else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Who did what to which subject, when and why; `hash` covers all of it and the event before."""

    sequence: int
    time: float
    actor: str
    action: str
    subject: str
    why: str
    body: Mapping[str, Any]
    previous: str
    hash: str
