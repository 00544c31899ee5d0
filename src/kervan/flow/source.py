"""The source of definitions as text and tree: a file is parsed once, and each is found in it by its place."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from functools import cached_property
from importlib.util import resolve_name
from textwrap import dedent
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_Place = int | str  # the first line of a function, the qualified name of a class
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where a statement holds others


class Source:
    """A text of Python, and what it is parsed to."""

    def __init__(self, text: str, tree: ast.AST) -> None:
        self.text = text
        self.tree = tree

    def imports(self, package: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield (module, names) of the imports inside a text of `package`."""
        for level, module, names in self._imports:
            yield (resolve_name(module, package) if level else module), names

    @cached_property
    def _imports(self) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
        found: list[tuple[int, str, tuple[str, ...]]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(0, alias.name, ()) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = tuple(alias.name for alias in node.names)
                found.append((node.level, "." * node.level + (node.module or ""), names))
        return tuple(found)


class _File(Source):
    """All of a file, and what it defines."""

    def __init__(self, lines: list[str]) -> None:
        text = "".join(lines)
        super().__init__(text, ast.parse(text))
        self.lines = lines
        self._sources: dict[tuple[_Place, bool], Source] = {}

    def at(self, place: _Place, *, is_lambda: bool = False) -> Source:
        """Return one definition: the whole file where no single one is there, so that no change is missed."""
        if (place, is_lambda) not in self._sources:
            nodes = (self._lambdas if is_lambda else self._nodes).get(place, [])
            self._sources[place, is_lambda] = self._cut(nodes)
        return self._sources[place, is_lambda]

    def _cut(self, nodes: list[_Definition]) -> Source:
        if len(nodes) != 1:
            return self
        text = "".join(self.lines[_first_line(nodes[0]) - 1 : nodes[0].end_lineno])
        return Source(dedent(text), nodes[0])

    @cached_property
    def _nodes(self) -> dict[_Place, list[_Definition]]:
        found: dict[_Place, list[_Definition]] = {}
        waiting: list[tuple[Any, str]] = [(self.tree, "")]
        while waiting:
            node, inside = waiting.pop()
            if isinstance(node, ast.ClassDef):
                found.setdefault(f"{inside}{node.name}", []).append(node)
                inside = f"{inside}{node.name}."
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(_first_line(node), []).append(node)
                inside = f"{inside}{node.name}.<locals>."
            # Of statements alone: expressions hold no definition but lambdas.
            waiting += [(each, inside) for field in _BLOCKS for each in getattr(node, field, ())]
        return found

    @cached_property
    def _lambdas(self) -> dict[_Place, list[_Definition]]:
        found: dict[_Place, list[_Definition]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Lambda):
                found.setdefault(node.lineno, []).append(node)
        return found


_known: dict[str, _File] = {}


def source_of(target: FunctionType | type) -> Source | None:
    """Return the source of a function or class, None for one made at run time.

    A wrapper's is its own, where `inspect` would show that of what it wraps.
    """
    try:
        file = inspect.getsourcefile(target.__code__ if isinstance(target, FunctionType) else target)
    except (OSError, TypeError):  # of a module without a file
        return None
    module = sys.modules.get(target.__module__)
    found = _read(file, vars(module) if module else {}) if file else None
    if found is None:
        return None
    if isinstance(target, type):
        return found.at(target.__qualname__)
    return found.at(target.__code__.co_firstlineno, is_lambda=target.__code__.co_name == "<lambda>")


def source_of_module(module: ModuleType) -> Source | None:
    """Return the source of a module, None for one without a file of its own."""
    try:
        file = inspect.getsourcefile(module)
    except (OSError, TypeError):
        return None
    return _read(file, vars(module)) if file else None


def source_of_spec(spec: ModuleSpec) -> Source | None:
    """Return the source of a module that is not imported, None for one that is not written in Python."""
    if not spec.origin or not spec.origin.endswith(".py"):
        return None
    return _read(spec.origin, {"__name__": spec.name, "__loader__": spec.loader})


def _read(file: str, scope: dict[str, Any]) -> _File | None:
    """Return a file as it is now, parsed again only if it changed.

    `scope` are the globals of its module, whose loader knows the text of a file in an archive.
    """
    linecache.checkcache(file)
    lines = linecache.getlines(file, scope)
    if not lines:
        return None
    known = _known.get(file)
    if known is None or known.lines is not lines:
        known = _known[file] = _File(lines)
    return known


def _first_line(node: _Definition) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(each.lineno for each in decorators)])
