"""What a release asks of the world, what a server process is told, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kervan.core.access import Doors
from kervan.core.keeping import KEEP_ALL, Keeping
from kervan.core.places import ImageSettings

SHADOWS = "shadow"  # the folder of what shadows answered, beside the records


class ShareRole(StrEnum):
    """What a model is there for in a deployment.

    `STABLE` answers, others are measured against it; a `CANDIDATE` gets a share of the traffic; a `SHADOW`
    is asked too, and nobody hears its answers; one on `STANDBY` is loaded and not asked.
    """

    STABLE = "stable"
    CANDIDATE = "candidate"
    SHADOW = "shadow"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Rows whose `column` has one of `values`, written as texts, belong to the candidate."""

    column: str
    values: tuple[str, ...]

    def told(self) -> str:
        """Say which rows are meant, as people write it.

        >>> Rule(column="city", values=("Ankara", "İzmir")).told()
        'city is Ankara or İzmir'
        """
        return f"{self.column} is {' or '.join(self.values)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A package (a folder) that is there beside the stable one, what for, and its share of the traffic."""

    package: str
    role: ShareRole
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Doors):
    """What a target must realise.

    `workers` is how many replicas answer, up to `most_workers` where the load asks for it (0: never more);
    with `idle` seconds in which nobody asked, none is kept until somebody does. Each may take `memory` bytes
    and `cpu` cores (0: as much as there is). `sticky` says by what requests stay with a version: "" (by
    chance), "entity", or the name of a header. With `rolls` replicas are replaced one after the other.
    Targets that run images take those of `image`; `settings` are a target's own, `[targets.NAME]`.
    """

    target: str = "local"
    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: int | None = None
    workers: int = 1
    most_workers: int = 0
    idle: float = 0.0
    memory: int = 0
    cpu: float = 0.0
    sticky: str = ""
    rule: Rule | None = None
    rolls: bool = False
    slow: float = 1.0
    keeping: Keeping = KEEP_ALL
    image: ImageSettings = field(default_factory=ImageSettings)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving(Doors):
    """What one server process is told to do: answer for `package` (a folder) and record into `records`.

    `others` are packages that answer whoever names them; `folder` is one of packages from which more are
    loaded on demand. Where `trusted` holds ids of keys, a package that none of them signed is refused.
    `allow` names the functions of Python in packages that may run, or the hashes of their files.
    `workers` is how many processes share the address, `share` the part of the environment's traffic that the
    package gets. At `grpc_port` the server also speaks gRPC, and tells what it speaks if `reflection` is on.
    Requests that take longer than `slow` seconds are logged. Spans go to the collector at `otlp`, if any.
    `rivals` are packages that get a share of the traffic, or see it, beside `package`; `sticky` and `rule`
    say who gets which (see `Plan`), `salt` makes one release deal callers out otherwise than another.
    """

    environment: str
    deployment: str
    package: str
    records: str
    host: str = "127.0.0.1"
    port: int = 8000
    trusted: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    folder: str = ""
    workers: int = 1
    share: float = 1.0
    keeping: Keeping = KEEP_ALL
    grpc_port: int | None = None
    reflection: bool = False
    slow: float = 1.0
    otlp: str = ""
    rivals: tuple[Rival, ...] = ()
    sticky: str = ""
    rule: Rule | None = None
    salt: str = ""

    def url(self, port: int) -> str:
        """Return the server's address where it listens on `port`.

        >>> Serving(environment="e", deployment="d", package="p", records="r").url(8001)
        'http://127.0.0.1:8001'
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """What a server process says about itself: which deployment it answers for, where, since when.

    `attempt` is the deployment that it last tried to switch to, `error` why that failed, or "". `replicas` is
    how many processes answer: none while nobody asks, where the plan lets them go.
    """

    pid: int
    host: str
    port: int
    deployment: str
    model: str
    since: float
    attempt: str
    error: str = ""
    grpc_port: int | None = None
    replicas: int = 1
