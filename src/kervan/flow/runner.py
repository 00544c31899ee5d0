"""Runs a pipeline: what is known comes from the cache, what is new is computed, kept and put on record.

A step's key is the hash of its code, of the versions that it uses, and of its inputs. Its result is kept
under that key as soon as it is there, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from kervan.core.errors import KervanError
from kervan.core.identity import new_id, sha256_parts
from kervan.core.nouns import Record, Status, StepRun
from kervan.flow.fingerprint import fingerprint, not_followed
from kervan.flow.step import Node, Pipeline
from kervan.flow.values import Value, blobs_of, identity, load
from kervan.flow.worker import Task, compute, compute_apart, start_worker, without_main
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from kervan.flow.track import Tracker
    from kervan.store.open import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult(Record):
    """What a step gave for one key (`version`): kept so that it need not run again."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step that ended: the `done`-th of `total`."""

    step: StepRun
    done: int
    total: int


Observer = Callable[[Progress], None]


def run(
    pipeline: Pipeline[..., Any],
    arguments: Mapping[str, Any],
    *,
    store: Store,
    tracker: Tracker,
    observe: Observer | None = None,
) -> Any:
    """Run a pipeline on record and return what it returns.

    Arguments may be plain values or `Value`s that are stored already. Steps that do not need each other
    run in parallel processes. The first error of a step ends the run and is raised.
    """
    graph = pipeline.lay_out(arguments)
    return _Execution(store, tracker, graph.nodes, observe).finish(graph.result)


class _Execution:
    """The state of one run: which nodes have a value, which are being computed, which wait."""

    def __init__(self, store: Store, tracker: Tracker, nodes: list[Node], observe: Observer | None) -> None:
        self._store = store
        self._tracker = tracker
        self._observe = observe
        self._waiting = list(nodes)
        self._total = len(nodes)
        self._values: dict[Node, Value] = {}
        self._keys: dict[Node, str] = {}
        self._workers: ProcessPoolExecutor | None = None
        self._told: set[str] = set()
        self._running: dict[Future[Value], tuple[Node, float]] = {}

    def finish(self, result: Any) -> Any:
        """Run all nodes and return the pipeline's result with every node replaced by its value."""
        try:
            while self._waiting or self._running:
                self._start_ready()
                self._collect()
        finally:
            if self._workers is not None:
                self._workers.shutdown(wait=False, cancel_futures=True)
        return self._resolve(result)

    def _start_ready(self) -> None:
        ready = [node for node in self._waiting if all(need in self._values for need in _needs(node))]
        unknown: list[Node] = []
        for node in ready:
            self._waiting.remove(node)
            key = self._keys[node] = self._key(node)
            known = None if self._is_opaque(node) else self._recall(key)
            if known is None:
                unknown.append(node)
            else:
                self._settle(node, known, None)
        alone = len(unknown) == 1 and not self._running
        for node in unknown:
            self._tracker.begin_step(self._step(node, Status.RUNNING, 0.0))
            if alone or not _is_importable(node):
                self._compute_here(node)
            else:
                with without_main():
                    future = self._pool().submit(compute_apart, self._task(node))
                self._running[future] = (node, time.monotonic())

    def _collect(self) -> None:
        if not self._running:
            return
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        # What succeeded first: it is kept although something else failed at the same time.
        for future in sorted(done, key=lambda future: future.exception() is not None):
            node, started = self._running.pop(future)
            self._settle(node, self._result_of(node, started, future), started)

    def _compute_here(self, node: Node) -> None:
        started = time.monotonic()
        future: Future[Value] = Future()
        try:
            future.set_result(compute(self._task(node), self._store, node.step.function))
        except Exception as error:  # noqa: BLE001 - raised again where all results are taken
            future.set_exception(error)
        self._settle(node, self._result_of(node, started, future), started)

    def _result_of(self, node: Node, started: float, future: Future[Value]) -> Value:
        try:
            return future.result()
        except Exception as error:
            failed = self._step(node, Status.FAILED, time.monotonic() - started)
            self._tracker.add_step(failed)
            self._tell(failed)
            if isinstance(error, BrokenProcessPool):
                raise KervanError(
                    f"{node.name}: the process that computed it was ended from outside",
                    hint="often the memory was not enough; the next run goes on from here",
                ) from error
            raise

    def _settle(self, node: Node, value: Value, started: float | None) -> None:
        """Take a node's value; one that was computed (`started`) is remembered for the next time."""
        if started is not None and not self._is_opaque(node):
            self._remember(node, value)
        self._values[node] = value
        seconds = 0.0 if started is None else time.monotonic() - started
        done = self._step(node, Status.FINISHED, seconds)
        step = replace(done, cached=started is None, outputs=(value.hash,))
        self._tracker.add_step(step)
        self._tracker.add_link(stored(value.hash, f"output of {node.name}"))
        self._tell(step)

    def _step(self, node: Node, status: Status, seconds: float) -> StepRun:
        needs = {self._keys[each] for each in _needs(node)}
        return StepRun(
            name=node.name,
            key=self._keys[node],
            status=status,
            cached=False,
            seconds=seconds,
            needs=tuple(sorted(needs)),
        )

    def _tell(self, step: StepRun) -> None:
        how = "cached" if step.cached else f"{step.seconds:.2f} s"
        self._tracker.log(f"{step.name}: {step.status}, {how}")
        if self._observe is not None:
            self._observe(Progress(step=step, done=len(self._values), total=self._total))

    def _key(self, node: Node) -> str:
        parts = [".".join(node.step.place), fingerprint(node.step.function)]
        for name, argument in sorted(node.arguments.items()):
            what = f"step {node.name}: {name!r}"
            parts += [name, identity(self._inputs(argument), self._store, what)]
        return sha256_parts(parts)

    def _is_opaque(self, node: Node) -> bool:
        """Say whether a step reaches code by a computed name, so that nobody can tell when it is known."""
        place = not_followed(node.step.function)
        if place and place not in self._told:
            self._told.add(place)
            self._tracker.log(
                f"{node.name} cannot be cached: {place} reaches code by a computed name; import it by a name "
                "that stands in the text"
            )
        return bool(place)

    def _recall(self, key: str) -> Value | None:
        known = self._store.catalog.recall(StepResult, key)
        if known is None:
            return None
        if all(self._store.blobs.holds(link.parent.removeprefix("sha256:")) for link in known.parents):
            return known.value
        with self._store.catalog.transaction() as transaction:
            transaction.forget(StepResult, known.id)
        return None

    def _remember(self, node: Node, value: Value) -> None:
        links = tuple(stored(blob, "content") for blob in blobs_of(value, self._store))
        result = StepResult(
            id=new_id(),
            name=node.step.name,
            version=self._keys[node],
            hash=value.hash,
            creator=self._store.workspace.actor,
            time=time.time(),
            parents=links,
            value=value,
        )
        with self._store.catalog.transaction() as transaction:
            transaction.remember(result)

    def _task(self, node: Node) -> Task:
        module, name = node.step.place
        arguments = {key: self._inputs(argument) for key, argument in node.arguments.items()}
        return Task(self._store.workspace, module, name, arguments)

    def _inputs(self, argument: Any) -> Any:
        """Replace the nodes inside an argument by their stored values."""
        if isinstance(argument, Node):
            return self._values[argument]
        if isinstance(argument, list | tuple):
            return [self._inputs(item) for item in argument]
        if isinstance(argument, dict):
            return {key: self._inputs(item) for key, item in argument.items()}
        return argument

    def _resolve(self, result: Any) -> Any:
        if isinstance(result, Node):
            return load(self._values[result], self._store, result.step.returns)
        if isinstance(result, list | tuple):
            return type(result)(self._resolve(item) for item in result)
        if isinstance(result, dict):
            return {key: self._resolve(item) for key, item in result.items()}
        return result

    def _pool(self) -> ProcessPoolExecutor:
        if self._workers is None:
            cores = os.cpu_count() or 1
            self._workers = ProcessPoolExecutor(
                min(cores, self._total),
                mp_context=get_context("spawn"),
                initializer=start_worker,
                initargs=(os.getpid(), max(1, cores // min(cores, self._total))),
            )
        return self._workers


def _needs(node: Node) -> list[Node]:
    found: list[Node] = []
    open_arguments = list(node.arguments.values())
    while open_arguments:
        argument = open_arguments.pop()
        if isinstance(argument, Node):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            open_arguments.extend(argument)
        elif isinstance(argument, dict):
            open_arguments.extend(argument.values())
    return found


def _is_importable(node: Node) -> bool:
    """Say whether another process can find the step; one from a notebook or a script runs in this one."""
    module, name = node.step.place
    return module != "__main__" and "<locals>" not in name
