"""Runs a pipeline: what is known comes from the cache, what is new is computed, kept and put on record.

A result is kept as soon as it is there, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from kervan.core.errors import KervanError
from kervan.core.nouns import Status, StepRun
from kervan.flow.fingerprint import not_followed
from kervan.flow.known import key_of, recall, remember
from kervan.flow.processes import processes, start_worker, surroundings, without_main
from kervan.flow.step import Node, Pipeline
from kervan.flow.surroundings import usable_cores
from kervan.flow.values import Value, load
from kervan.flow.worker import Task, compute, compute_apart
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from kervan.flow.track import Tracker
    from kervan.store.open import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step that ended: the `done`-th of `total`."""

    step: StepRun
    done: int
    total: int


Observer = Callable[[Progress], None]
T = TypeVar("T")


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
        ready = [node for node in self._waiting if all(need in self._values for need in _inside(node, Node))]
        unknown: list[Node] = []
        for node in ready:
            self._waiting.remove(node)
            key = self._keys[node] = self._key(node)
            known = None if self._is_opaque(node) else recall(key, self._store)
            if known is None:
                unknown.append(node)
            else:
                self._settle(node, known, None)
        alone = len(unknown) == 1 and not self._running
        for node in unknown:
            self._tracker.begin_step(self._step(node, Status.RUNNING, 0.0))
            if alone or node.step.light or not _is_importable(node):
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
            remember(node.step, self._keys[node], value, self._store)
        self._values[node] = value
        seconds = 0.0 if started is None else time.monotonic() - started
        done = self._step(node, Status.FINISHED, seconds)
        step = replace(done, cached=started is None, outputs=(value.hash,))
        self._tracker.add_step(step)
        self._tracker.add_link(stored(value.hash, f"output of {node.name}"))
        self._tell(step)

    def _step(self, node: Node, status: Status, seconds: float) -> StepRun:
        values = [self._values[each] for each in _inside(node, Node)] + _inside(node, Value)
        return StepRun(
            name=node.name,
            key=self._keys[node],
            status=status,
            cached=False,
            seconds=seconds,
            needs=self._tracker.made(each.hash for each in values),
        )

    def _tell(self, step: StepRun) -> None:
        how = "cached" if step.cached else f"{step.seconds:.2f} s"
        self._tracker.log(f"{step.name}: {step.status}, {how}")
        if self._observe is not None:
            self._observe(Progress(step=step, done=len(self._values), total=self._total))

    def _key(self, node: Node) -> str:
        inputs = {name: self._inputs(argument) for name, argument in node.arguments.items()}
        return key_of(node.step, inputs, node.name, self._store)

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
            cores = usable_cores()
            self._workers = ProcessPoolExecutor(
                min(cores, self._total),
                mp_context=processes(),
                initializer=start_worker,
                initargs=(surroundings(max(1, cores // min(cores, self._total))),),
            )
        return self._workers


def _inside(node: Node, kind: type[T]) -> list[T]:
    """Return what of a kind is in the arguments of a node."""
    found: list[T] = []
    waiting = list(node.arguments.values())
    while waiting:
        argument = waiting.pop()
        if isinstance(argument, kind):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            waiting.extend(argument)
        elif isinstance(argument, dict):
            waiting.extend(argument.values())
    return found


def _is_importable(node: Node) -> bool:
    """Say whether another process can find the step; one from a notebook or a script runs in this one."""
    module, name = node.step.place
    return module != "__main__" and "<locals>" not in name
