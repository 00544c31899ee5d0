"""One step in a process of its own: inputs and results go through the store, not through pipes."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kervan.core.nouns import Workspace
from kervan.flow.step import annotation_of
from kervan.flow.values import Value, load, save, scratch_space
from kervan.store.open import Store

if TYPE_CHECKING:
    from collections.abc import Callable

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@dataclass(frozen=True, slots=True)
class Task:
    """A step to compute: where its function is, and its arguments, stored ones as `Value`s."""

    workspace: Workspace
    module: str
    name: str
    arguments: Mapping[str, Any]


def start_worker(parent: int, threads: int) -> None:
    """Prepare a worker process: its share of the cores, and an end when the parent was killed."""
    for setting in _THREAD_SETTINGS:
        os.environ.setdefault(setting, str(threads))
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


@contextmanager
def without_main() -> Iterator[None]:
    """Let workers that start meanwhile leave the user's script alone.

    A new process would run the script again from its top, and no step that it computes is in there.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def compute_apart(task: Task) -> Value:
    """Compute in a process of its own; an error that cannot travel to the other one is told in words."""
    try:
        return compute(task)
    except Exception as error:
        if _travels(error):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


def compute(task: Task, store: Store | None = None, function: Callable[..., Any] | None = None) -> Value:
    """Load the inputs, call the step's function, store what it returns."""
    store = store or Store(task.workspace)
    function = function or _function(task)
    arguments = {
        name: _load_inside(argument, store, annotation_of(function, name))
        for name, argument in task.arguments.items()
    }
    with scratch_space():
        return save(function(**arguments), store)


def _travels(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was written in the line itself
    except Exception:  # noqa: BLE001 - a class of the user's may raise anything here
        return False
    return True


def _function(task: Task) -> Callable[..., Any]:
    target: Any = import_module(task.module)
    for part in task.name.split("."):
        target = getattr(target, part)
    found: Callable[..., Any] = target.function
    return found


def _load_inside(argument: Any, store: Store, kind: Any) -> Any:
    if isinstance(argument, Value):
        return load(argument, store, kind)
    if isinstance(argument, list):
        item = _item_type(kind)
        return [_load_inside(each, store, item) for each in argument]
    if isinstance(argument, dict):
        return {key: _load_inside(each, store, Any) for key, each in argument.items()}
    return argument


def _item_type(kind: Any) -> Any:
    arguments = getattr(kind, "__args__", ())
    return arguments[0] if arguments else Any


def _leave_with(parent: int) -> None:
    # A worker that waits for work does not notice that its parent was killed.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
