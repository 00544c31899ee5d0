"""How many replicas a model needs: its server under rising load, until it misses a goal."""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.app.again import figures_of, truth_of
from kervan.app.asked import of_rows, read_file
from kervan.app.data import report_of
from kervan.app.register import find_model, manifest_of, package_folder, signing_key
from kervan.core.errors import InvalidInput
from kervan.core.features import codes
from kervan.core.identity import new_id
from kervan.core.nouns import Finding, Link, Report, ReportKind, Verdict
from kervan.core.private import write_private
from kervan.core.releasing import Guard
from kervan.core.serving import Plan, Serving
from kervan.deploy.client import ask
from kervan.deploy.process import start, stop
from kervan.deploy.rush import put_load
from kervan.deploy.targets.local import WANTED, LocalTarget
from kervan.model.metrics import Yardstick, scores, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kervan.app.asked import Asked
    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.serving import ServerState
    from kervan.deploy.rush import Measured

_GOAL = re.compile(r"(.*\S)\s+at\s+([0-9][0-9_]*(?:\.[0-9]+)?)\s*/\s*s\s*", re.ASCII)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_BODIES = 1_000
_HALVINGS = 3  # of the gap between the last rate that held and the first that did not
_FIRST = 50.0  # requests a second
_ENOUGH = 4  # times the wanted rate


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGoal:
    """What is wanted: a bound on a quantile of the latency, at so many requests a second."""

    guard: Guard
    rate: float

    @staticmethod
    def parse(text: str) -> LoadGoal:
        """Read `p99 < 20ms at 500/s`, or raise `InvalidInput`.

        >>> goal = LoadGoal.parse("p99 < 20ms at 500/s")
        >>> goal.guard.metric, goal.guard.bound, goal.rate
        ('p99', 0.02, 500.0)
        """
        hint = 'write it like "p99 < 20ms at 500/s"'
        found = _GOAL.fullmatch(text)
        if found is None:
            raise InvalidInput(f"{text!r} is no goal for a load", hint=hint)
        guard, rate = Guard.parse(found[1]), float(found[2])
        if guard.metric not in QUANTILES or not guard.is_upper:
            known = ", ".join(QUANTILES)
            raise InvalidInput(f"{text!r} bounds no latency", hint=f"{hint}; there are {known}")
        if rate <= 0 or guard.bound <= 0:
            raise InvalidInput(f"{text!r} asks for nothing", hint=hint)
        return LoadGoal(guard=guard, rate=rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A rate of requests a second that was tried: what was answered of it, and how quickly, in seconds.

    `holds` says that all were, and within the goal; a quantile that was not reached is None.
    """

    rate: float
    answered: float
    failed: int
    latency: Mapping[str, float | None]
    cpu: float | None
    memory: int | None
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """What a model needs to reach a goal.

    `capacity` is the highest rate tried that one replica held, 0 if none was: then `replicas` is 0 too.
    `cpu_seconds` is what a request takes of a core; `cpu` (cores) and `memory` (bytes) are what all replicas
    need together at the wanted rate. `is_client_bound` says that asking took more of the processor than
    answering where the goal was missed: the model may be able to do more. `quality` are the model's metrics
    on the `rows` that were asked, where these say what is true.
    """

    model: str
    goal: str
    rate: float
    bound: float
    rows: int
    quality: Mapping[str, float]
    levels: tuple[Level, ...]
    capacity: float
    replicas: int
    cpu_seconds: float | None
    cpu: float | None
    memory: int | None
    is_client_bound: bool

    @property
    def told(self) -> str:
        """Say what is needed."""
        if not self.replicas:
            return f"no number of replicas reaches {self.goal} here"
        many = "1 replica reaches" if self.replicas == 1 else f"{self.replicas:,} replicas reach"
        upto = "at" if self.levels[-1].holds else "up to"
        more = " and more" if self.levels[-1].holds else ""
        return f"{many} {self.goal}; each holds it {upto} {self.capacity:,.0f}/s{more}"


def profile(
    project: Project, ref: str, goal: str, *, rows: Path | None = None, seconds: float = 2.0
) -> Profiled:
    """Put rising load on a model's package, on this machine, and keep what it needs as a report.

    `rows` is a file of rows to ask, by default the package's own samples; each is tried first. Every rate is
    kept up for so many `seconds`. Nothing that is released is touched. Raises `RefusedRow` for a row that the
    model does not take.
    """
    wanted = LoadGoal.parse(goal)
    model = find_model(project, ref)
    asked = _rows(project, model, rows)
    with project.stage("profile") as tell, tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        state = _start(project, model, Path(scratch))
        try:
            answers = ask(f"http://127.0.0.1:{state.port}", asked.rows)
            bodies = [
                msgspec.json.encode({"features": [row]}, enc_hook=float) for row in asked.rows[:_BODIES]
            ]
            tried = list(_climb(project, wanted, lambda rate: _measure(state, bodies, rate, seconds)))
        finally:
            stop(Path(scratch))
        found = _needs(model, wanted, tried, len(asked.rows), _quality(model, asked, answers))
        tell(f"{model.ref}: {found.told}")
    _keep(project, model, found)
    return found


def newest_profile(project: Project, model: Model) -> Profiled | None:
    """Return what a model was last found to need, None if nobody looked."""
    report = report_of(project, model.id, ReportKind.LOAD)
    return None if report is None else msgspec.convert(report.body, Profiled)


def _rows(project: Project, model: Model, file: Path | None) -> Asked:
    if file is not None:
        return read_file(project, file, model.signature)
    samples = manifest_of(project, model).samples
    if not samples:
        hint = "give rows of your own: --rows rows.csv"
        raise InvalidInput(f"the package of {model.ref} has no samples to ask", hint=hint)
    return of_rows(project, samples, model.signature, place=f"the samples of {model.ref}")


def _start(project: Project, model: Model, folder: Path) -> ServerState:
    """Start a server of one replica on a free port; it tries the package's samples before it answers."""
    serving = Serving(
        environment="profile",
        deployment=new_id(),
        package=str(package_folder(project, model)),
        records=str(folder / "records"),
        port=0,
        trusted=(signing_key(project).signer.key_id,),
        allow=codes(model.signature.features),
    )
    for path, text in LocalTarget().render(serving, Plan()).items():
        write_private(folder / path, text.encode())
    return start(folder / WANTED)


def _measure(state: ServerState, bodies: Sequence[bytes], rate: float, seconds: float) -> Measured:
    return put_load(("127.0.0.1", state.port), bodies, rate, seconds, state.pid)


def _climb(
    project: Project, goal: LoadGoal, measure: Callable[[float], Measured]
) -> Iterator[tuple[Level, bool]]:
    """Double the rate until the goal is missed, and halve the gap; give levels, and whether asking was slow.

    Four times what is wanted is enough. A rate that misses is tried once more: the machine may have been busy
    with something else.
    """
    measure(min(_FIRST, goal.rate))  # what is asked for the first time takes longer

    def level(rate: float) -> tuple[Level, bool]:
        found = measure(rate)
        if not _holds(found, goal):
            found = measure(rate)
        shown = _level(found, goal)
        project.remark("profile", _told(shown, goal))
        return shown, found.cpu is not None and found.client > found.cpu

    low, rate = 0.0, min(_FIRST, goal.rate)
    while low < _ENOUGH * goal.rate:
        found = level(rate)
        yield found
        if not found[0].holds:
            break
        low, rate = rate, rate * 2
    for _ in range(_HALVINGS if low and not found[0].holds else 0):
        middle = (low + rate) / 2
        found = level(middle)
        yield found
        low, rate = (middle, rate) if found[0].holds else (low, middle)


def _holds(found: Measured, goal: LoadGoal) -> bool:
    quick = goal.guard.holds(found.quantile(QUANTILES[goal.guard.metric]))
    return quick and not found.failed and not found.is_overrun


def _level(found: Measured, goal: LoadGoal) -> Level:
    latency = {name: found.quantile(share) for name, share in QUANTILES.items()}
    return Level(
        rate=found.rate,
        answered=found.answered,
        failed=found.failed,
        latency={name: value if math.isfinite(value) else None for name, value in latency.items()},
        cpu=found.cpu,
        memory=found.memory,
        holds=_holds(found, goal),
    )


def _told(level: Level, goal: LoadGoal) -> str:
    value = level.latency[goal.guard.metric]
    took = "not reached" if value is None else f"{value * 1e3:.1f} ms"
    return f"{level.rate:,.0f}/s: {goal.guard.metric} {took}{'' if level.holds else ', missed'}"


def _needs(
    model: Model,
    goal: LoadGoal,
    tried: Sequence[tuple[Level, bool]],
    rows: int,
    quality: Mapping[str, float],
) -> Profiled:
    """Return how many replicas reach the goal, if each does as well as the one that was tried."""
    levels = sorted((level for level, _ in tried), key=lambda each: each.rate)
    holding = [each for each in levels if each.holds]
    best = holding[-1] if holding else None
    replicas = math.ceil(goal.rate / best.rate) if best else 0
    each = best.cpu / best.answered if best and best.cpu is not None else None
    return Profiled(
        model=model.ref,
        goal=f"{goal.guard.text} at {goal.rate:g}/s",
        rate=goal.rate,
        bound=goal.guard.bound,
        rows=rows,
        quality=quality,
        levels=tuple(levels),
        capacity=best.rate if best else 0.0,
        replicas=replicas,
        cpu_seconds=each,
        cpu=None if each is None else each * goal.rate,
        memory=best.memory * replicas if best and best.memory is not None else None,
        is_client_bound=any(is_slow and not level.holds for level, is_slow in tried),
    )


def _quality(model: Model, asked: Asked, answers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the metrics on the rows that were asked, where they say what is true."""
    name = model.signature.output.name
    given = asked.given.to_dicts() if hasattr(asked.given, "to_dicts") else asked.given
    truths = [truth_of(row.get(name), model.signature) for row in given]
    if not truths or None in truths:
        return {}
    values = np.array([figures_of(each, model.signature) for each in answers], dtype=np.float64)
    kind = np.int64 if model.signature.is_classification else np.float64
    by = Yardstick(naming=model.signature.naming)
    return scores(task_of(model.signature), np.array(truths, dtype=kind), values, by)


def _keep(project: Project, model: Model, found: Profiled) -> None:
    verdict = Verdict.PASSED if found.replicas else Verdict.FAILED
    finding = Finding(rule="load", subject=model.ref, verdict=verdict, message=f"{model.ref}: {found.told}")
    report = Report(
        id=new_id(),
        name=model.name,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=model.id, role="about"),),
        kind=ReportKind.LOAD,
        verdict=verdict,
        findings=(finding,),
        body=found,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(report)
