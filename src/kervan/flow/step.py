"""Steps and pipelines: plain typed functions that can also be recorded, cached and run in parallel."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, overload

from kervan.core.errors import InvalidInput

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One call of a step inside a pipeline: it stands for the value that the call will give."""

    step: Step[..., Any]
    arguments: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The step's name, with the value of its label: `cross_validate[forest]`."""
        label = self.step.label
        return f"{self.step.name}[{self.arguments[label]}]" if label else self.step.name


@dataclass(slots=True)
class Graph:
    """The calls of a pipeline, each after what it needs, and what the pipeline returns."""

    nodes: list[Node] = field(default_factory=list)
    result: Any = None


_building: ContextVar[Graph | None] = ContextVar("kervan_building", default=None)
_listener: ContextVar[Callable[[Any], None] | None] = ContextVar("kervan_listener", default=None)


class GivenUp(Exception):
    """Nobody waits for what a step computes any more."""


def report(value: Any) -> None:
    """Tell how far a step got, if anybody listens. Raises `GivenUp` if that is far enough."""
    listener = _listener.get()
    if listener is not None:
        listener(value)


@contextmanager
def listening(listener: Callable[[Any], None]) -> Iterator[None]:
    """Hear what steps report meanwhile."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class Step(Generic[P, T]):
    """A function whose calls inside a pipeline are recorded; called anywhere else it is just the function."""

    def __init__(self, function: Callable[P, T], label: str = "", *, light: bool = False) -> None:
        self.function = function
        self.name = function.__name__
        self.label = label
        self.light = light
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function, or note the call if a pipeline is being laid out."""
        graph = _building.get()
        if graph is None:
            return self.function(*args, **kwargs)
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        node = Node(self, dict(bound.arguments))
        graph.nodes.append(node)
        return node  # type: ignore[return-value]  # while a pipeline is laid out, a node stands for the value

    @property
    def returns(self) -> Any:
        """The annotated type of what the step gives."""
        return annotation_of(self.function, "return")

    @property
    def place(self) -> tuple[str, str]:
        """The module and qualified name by which another process finds the step."""
        return self.function.__module__, self.function.__qualname__


class Pipeline(Generic[P, T]):
    """A function that calls steps. Called, it runs them plainly; `kervan.flow.run` records them."""

    def __init__(self, function: Callable[P, T]) -> None:
        self.function = function
        self.name = function.__name__
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function."""
        return self.function(*args, **kwargs)

    def lay_out(self, arguments: Mapping[str, Any]) -> Graph:
        """Call the function without running its steps, and return what would have to run."""
        try:
            bound = inspect.signature(self.function).bind(**arguments)
        except TypeError as error:
            raise InvalidInput(f"pipeline {self.name}: {error}") from error
        graph = Graph()
        token = _building.set(graph)
        try:
            graph.result = self.function(*bound.args, **bound.kwargs)
        finally:
            _building.reset(token)
        return graph


def annotation_of(function: Callable[..., Any], name: str) -> Any:
    """Return the annotated type of a parameter, or of what the function returns.

    `Any` where there is none, or where its name is imported for type checkers only: such a type
    (a table, an array) is not needed for reading a stored value.
    """
    written = inspect.get_annotations(function).get(name, Any)
    if not isinstance(written, str):
        return written
    try:
        return eval(written, vars(sys.modules[function.__module__]))  # noqa: S307 - the project's own annotations
    except (NameError, AttributeError):
        return Any


@overload
def step(function: Callable[P, T], /) -> Step[P, T]: ...


@overload
def step(*, label: str = "", light: bool = False) -> Callable[[Callable[P, T]], Step[P, T]]: ...


def step(
    function: Callable[P, T] | None = None, /, *, label: str = "", light: bool = False
) -> Step[P, T] | Callable[[Callable[P, T]], Step[P, T]]:
    """Make a function a step; `label` names the parameter that tells several calls apart.

    A `light` one takes less time than a process of its own would to start: it is computed in this one.

    >>> @step
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(21)
    42
    """
    if function is not None:
        return Step(function)
    return lambda wrapped: Step(wrapped, label, light=light)


def pipeline(function: Callable[P, T]) -> Pipeline[P, T]:
    """Make a function that calls steps a pipeline."""
    return Pipeline(function)
