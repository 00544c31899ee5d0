"""One step in a process of its own: inputs and results go through the store, not through pipes."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.nouns import Workspace
from kervan.flow.processes import start_worker
from kervan.flow.step import GivenUp, annotation_of, listening
from kervan.flow.values import Value, load, save, scratch_space
from kervan.store.open import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


@dataclass(frozen=True, slots=True)
class Task:
    """A step to compute: where its function is, and its arguments, stored ones as `Value`s."""

    workspace: Workspace
    module: str
    name: str
    arguments: Mapping[str, Any]


def compute_apart(task: Task) -> Value:
    """Compute in a process of its own; an error that cannot travel to the other one is told in words."""
    try:
        return compute(task)
    except Exception as error:
        if _travels(error):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


def serve_tasks(connection: Connection, environment: Mapping[str, str]) -> None:
    """Compute one task after another that comes over a connection, until it is closed.

    Sends what is reported on the way as `heard`, and goes on if the answer is true; at last `value`,
    `given up`, or `failed` with the error.
    """
    start_worker(environment)
    store: Store | None = None
    laid: dict[Value, Path] = {}

    def hear(value: Any) -> None:
        connection.send(("heard", value))
        if not connection.recv():
            raise GivenUp

    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        store = store or Store(task.workspace)
        try:
            with listening(hear):
                connection.send(("value", compute(task, store, laid=laid)))
        except GivenUp:
            connection.send(("given up", None))
        except Exception as error:  # noqa: BLE001 - told where the call was started
            told = error if _travels(error) else RuntimeError(f"{type(error).__name__}: {error}")
            connection.send(("failed", told))


def compute(
    task: Task,
    store: Store | None = None,
    function: Callable[..., Any] | None = None,
    *,
    laid: dict[Value, Path] | None = None,
) -> Value:
    """Load the inputs, call the step's function, store what it returns.

    `laid` are folders that this process has laid out and hashed before, and gets those that are added.
    """
    store = store or Store(task.workspace)
    function = function or _function(task)
    known = {} if laid is None else laid
    arguments = {
        name: _load_inside(argument, store, annotation_of(function, name), known)
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


def _load_inside(argument: Any, store: Store, kind: Any, laid: dict[Value, Path]) -> Any:
    if isinstance(argument, Value):
        return _load(argument, store, kind, laid)
    if isinstance(argument, list):
        item = _item_type(kind)
        return [_load_inside(each, store, item, laid) for each in argument]
    if isinstance(argument, dict):
        return {key: _load_inside(each, store, Any, laid) for key, each in argument.items()}
    return argument


def _load(value: Value, store: Store, kind: Any, laid: dict[Value, Path]) -> Any:
    if value.form != "folder":
        return load(value, store, kind)
    if value not in laid or not laid[value].is_dir():
        laid[value] = load(value, store, kind)
    return laid[value]


def _item_type(kind: Any) -> Any:
    arguments = getattr(kind, "__args__", ())
    return arguments[0] if arguments else Any
