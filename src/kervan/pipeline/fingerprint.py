"""What a step's result depends on besides its inputs: its source, the source that it uses, and versions.

Source text is hashed, not compiled constants: those differ from process to process.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from kervan.core.identity import sha256_parts
from kervan.pipeline.surroundings import installed_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The modules whose distribution has another name, as far as projects like these use them often.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
_CONSTANT = (str, bytes, int, float, bool, type(None))


@cache
def fingerprint(function: Callable[..., Any]) -> str:
    """Return a hash of a function's source, of all project code that it reaches, and of library versions.

    Code of the function's own top-level package, and of loose files, is followed by source; everything
    else is a library and counts by its version.
    """
    walk = _Walk(function.__module__.partition(".")[0])
    walk.visit(function)
    return sha256_parts(sorted(walk.parts))


class _Walk:
    """One pass over everything that a function reaches."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen: set[int] = set()
        self.parts: set[str] = set()

    def visit(self, target: Any) -> None:
        target = getattr(target, "function", target)  # a step stands for its function
        if id(target) in self._seen:
            return
        self._seen.add(id(target))
        if isinstance(target, ModuleType):
            self._visit_module(target)
        elif isinstance(target, FunctionType | type):
            self._visit_definition(target)

    def _visit_module(self, module: ModuleType) -> None:
        if self._is_followed(module.__name__):
            self.parts.add(f"module {module.__name__}\n{inspect.getsource(module)}")
        else:
            self._add_version(module.__name__)

    def _visit_definition(self, target: FunctionType | type) -> None:
        if not self._is_followed(target.__module__):
            self._add_version(target.__module__)
            return
        try:
            source = textwrap.dedent(inspect.getsource(target))
        except (OSError, TypeError):  # made at run time, such as a dataclass's __init__
            return
        self.parts.add(f"{target.__module__}.{target.__qualname__}\n{source}")
        scope = vars(sys.modules[target.__module__])
        for name in _names(target):
            self._visit_value(name, scope.get(name))
        for used in _local_imports(source):
            self._visit_import(*used)
        closure = inspect.getclosurevars(target).nonlocals if isinstance(target, FunctionType) else {}
        for name, value in closure.items():
            self._visit_value(name, value)

    def _visit_value(self, name: str, value: Any) -> None:
        if isinstance(value, _CONSTANT) or _is_plain(value):
            self.parts.add(f"{name} = {value!r}")
        else:
            self.visit(value)

    def _visit_import(self, module: str, names: tuple[str, ...]) -> None:
        if not self._is_followed(module):
            self._add_version(module)
            return
        imported = import_module(module)
        for name in names:
            self.visit(getattr(imported, name, imported))
        if not names:
            self.visit(imported)

    def _is_followed(self, module: str) -> bool:
        root = module.partition(".")[0]
        return root == self._root or not _is_library(root)

    def _add_version(self, module: str) -> None:
        root = module.partition(".")[0]
        if root not in sys.stdlib_module_names:
            self.parts.update(_versions(root))


@cache
def _is_library(root: str) -> bool:
    if root in sys.stdlib_module_names:
        return True
    spec = find_spec(root)
    place = (spec.origin or next(iter(spec.submodule_search_locations or ()), "")) if spec else ""
    return "site-packages" in place or "dist-packages" in place


@cache
def _versions(root: str) -> tuple[str, ...]:
    name = _DISTRIBUTIONS.get(root, root).replace("_", "-").lower()
    if name in installed_packages():
        return (f"{name}=={installed_packages()[name]}",)
    # Asking which distribution brings a module reads every installed file list: a tenth of a second.
    return tuple(f"{name}=={version(name)}" for name in packages_distributions().get(root, ()))


def _names(target: FunctionType | type) -> Iterator[str]:
    """Yield the global names that a function's or a class's code reads."""
    functions = [target] if isinstance(target, FunctionType) else list(_methods(target))
    for function in functions:
        codes = [function.__code__]
        while codes:
            code = codes.pop()
            yield from code.co_names
            codes.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))


def _methods(target: type) -> Iterator[FunctionType]:
    for value in vars(target).values():
        inner = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if isinstance(inner, FunctionType):
            yield inner


def _local_imports(source: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (module, names) of the imports inside a definition."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, tuple(alias.name for alias in node.names)


def _is_plain(value: Any) -> bool:
    """Say whether a value's text is the same in every process."""
    if isinstance(value, tuple | list):
        return all(isinstance(item, _CONSTANT) or _is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, _CONSTANT) for key in value) and _is_plain(list(value.values()))
    return False
