"""A run on record from its first second: what a crash leaves behind says how far it got."""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kervan.core.errors import InvalidInput, NotFound
from kervan.core.identity import new_id
from kervan.core.nouns import Link, Run, Status, StepRun
from kervan.flow.live import Live
from kervan.flow.surroundings import code_state, installed_packages, is_alive, this_host
from kervan.store.points import Point, last_finite
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from kervan.store.open import Store

ARTIFACT = "artifact "  # begins the role of a file that a run logged
TRIAL = "search"  # the role in which a trial came of the run that searched
_FLUSH_POINTS = 5_000
_FARTHEST = 1 << 63  # steps that every catalog can hold
_FLUSH_SECONDS = 1.0
_current: ContextVar[Tracker | None] = ContextVar("kervan_run", default=None)


def current() -> Tracker | None:
    """Return the run that goes on here, the innermost of several."""
    return _current.get()


class Tracker:
    """One run while it goes on. Use it as a context manager: it ends the run, and says so if it failed.

    Metrics are buffered: at most a second of them, or 5,000 points, is lost by `kill -9`.
    """

    def __init__(
        self, store: Store, name: str, *, folder: Path, parameters: Mapping[str, Any] | None = None
    ) -> None:
        self._store = store
        self._points: list[Point] = []
        self._flushed = time.monotonic()
        self._steps: dict[str, int] = {}
        self.run = Run(
            id=new_id(),
            name=name,
            creator=store.workspace.actor,
            time=time.time(),
            status=Status.RUNNING,
            code=code_state(folder, store.blobs),
            environment=installed_packages(),
            host=this_host(),
            parameters=dict(parameters or {}),
        )
        self._live = Live(store.root, self.run.id)
        self._log = _Log(self._live)

    def __enter__(self) -> Self:
        mark_interrupted(self._store)
        with self._store.catalog.transaction() as transaction:
            transaction.put(self.run, action="started")
        logging.getLogger().addHandler(self._log)
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self._log)
        _current.reset(self._token)
        status = Status.FINISHED if error is None else Status.FAILED
        if error is not None and not isinstance(error, Exception):
            status = Status.INTERRUPTED
        self.flush()
        text = "" if error is None else f"{type(error).__name__}: {error}"
        self._end(status, text)

    def log_metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Log one value of a metric; without `step` each value of a name comes after the one before."""
        if self.run.status is not Status.RUNNING:
            raise InvalidInput(f"run {self.run.id} has ended", hint="log its metrics while it goes on")
        place = self._steps.get(name, -1) + 1 if step is None else step
        if not -_FARTHEST <= place < _FARTHEST:
            raise InvalidInput(f"step {place} of {name!r} is out of reach", hint="count steps from 0")
        self._steps[name] = place
        self._points.append(Point(name=name, step=place, value=float(value), time=time.time()))
        late = time.monotonic() - self._flushed > _FLUSH_SECONDS
        if late or len(self._points) >= _FLUSH_POINTS:
            self.flush()

    def log_parameter(self, name: str, value: Any) -> None:
        """Log a parameter."""
        self.run = replace(self.run, parameters={**self.run.parameters, name: value})

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log several parameters."""
        self.run = replace(self.run, parameters={**self.run.parameters, **parameters})

    def log_artifact(self, path: str | Path, *, name: str = "") -> None:
        """Keep a file with the run, under its own name or another. Raises `NotFound` without the file."""
        file = Path(path)
        if not file.is_file():
            raise NotFound(f"there is no file {file}", hint="write it before it is logged")
        self.add_link(stored(self._store.blobs.put_file(file), f"{ARTIFACT}{name or file.name}"))

    def log(self, line: str) -> None:
        """Add a line to the run's log."""
        self._log.add(f"{time.strftime('%H:%M:%S')} {line}")

    def begin_step(self, step: StepRun) -> None:
        """Let those who watch see a step that is computed now."""
        self._live.step(step)

    def add_step(self, step: StepRun) -> None:
        """Put a finished step on the run."""
        self._live.step(step)
        self.run = replace(self.run, steps=(*self.run.steps, step))

    def made(self, values: Iterable[str]) -> tuple[str, ...]:
        """Return the keys of the run's steps that gave stored values, by their hashes."""
        wanted = set(values)
        return tuple(sorted({step.key for step in self.run.steps if wanted.intersection(step.outputs)}))

    def add_link(self, link: Link) -> None:
        """Say what the run used or made."""
        if link not in self.run.parents:
            self.run = replace(self.run, parents=(*self.run.parents, link))

    def flush(self) -> None:
        """Write buffered metrics."""
        points, self._points = self._points, []
        self._store.catalog.log_metrics(self.run.id, points)
        if points:
            self.run = replace(self.run, metrics={**self.run.metrics, **last_finite(points)})
        self._flushed = time.monotonic()

    def _end(self, status: Status, error: str) -> None:
        text = "\n".join(self._log.lines)
        log = self._store.blobs.put_bytes(text.encode()) if text else ""
        self.run = replace(self.run, status=status, ended=time.time(), error=error, log=log)
        for blob, role in ((log, "log"), (self.run.code.difference, "difference")):
            if blob:
                self.add_link(stored(blob, role))
        with self._store.catalog.transaction() as transaction:
            transaction.update(self.run, action=str(status))
        self._live.end()


def mark_interrupted(store: Store) -> list[Run]:
    """Mark the runs whose process is gone as interrupted, and return them."""
    left = Live.left(store.root)  # before looking who runs: a run that begins meanwhile keeps its files
    running = store.catalog.running()
    gone = [run for run in running if not is_alive(run.host)]
    for run in gone:
        live = Live(store.root, run.id)
        ended = replace(run, status=Status.INTERRUPTED, error="its process ended without a word")
        if text := live.log():
            log = store.blobs.put_bytes(text.encode())
            ended = replace(ended, log=log, parents=(*run.parents, stored(log, "log")))
        if not run.steps:
            ended = replace(ended, steps=tuple(map(_cut_off, live.steps())))
        with store.catalog.transaction() as transaction:
            transaction.update(ended, action="interrupted")
    for ident in left - {run.id for run in running if run not in gone}:
        Live(store.root, ident).end()
    return gone


def _cut_off(step: StepRun) -> StepRun:
    return replace(step, status=Status.INTERRUPTED) if step.status is Status.RUNNING else step


class _Log(logging.Handler):
    """Keeps what is logged while a run goes on."""

    def __init__(self, live: Live) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self._live = live

    def emit(self, record: logging.LogRecord) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        self.add(f"{clock} {record.levelname} {record.name}: {record.getMessage()}")

    def add(self, line: str) -> None:
        """Keep a line, and let those who watch see it."""
        self.lines.append(line)
        self._live.line(line)
