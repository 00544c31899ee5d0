"""What a step's result depends on besides its inputs: its source, the source that it uses, and versions.

Source text is hashed, not compiled constants: those differ from process to process.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from kervan.core.identity import sha256, sha256_parts
from kervan.flow.by_name import imported_by_name
from kervan.flow.source import Source, source_of, source_of_module, source_of_spec
from kervan.flow.step import Pipeline, Step
from kervan.flow.surroundings import installed_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The modules whose distribution may have another name, as far as projects like these use them often.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "yaml": "pyyaml"}
_IMPORTERS = (importlib.import_module, __import__)
_OWN = __name__.partition(".")[0]
_CONSTANT = (str, bytes, int, float, complex, type(None))
# What stands for a function that it calls: `functools.partial`, `functools.cache`, a bound method.
_CALLING_ANOTHER = (functools.partial, type(cache(len)), MethodType)
_CALLED = ("func", "args", "keywords", "__wrapped__", "__func__", "__self__")


@cache
def fingerprint(function: Callable[..., Any]) -> str:
    """Return a hash of a function's source, of all project code that it reaches, and of library versions.

    Code of the function's own top-level package, and of loose files, is followed by source; everything
    else is a library and counts by its version.
    """
    return sha256_parts(sorted(_walked(function).parts))


def not_followed(function: Callable[..., Any]) -> str:
    """Name the place of project code that reaches other code by a computed name, or return "".

    Nobody can tell then what the function's result depends on.
    """
    return min(_walked(function).computed, default="")


@cache
def _walked(function: Callable[..., Any]) -> _Walk:
    walk = _Walk(function.__module__.partition(".")[0])
    walk.visit(function)
    return walk


class _Walk:
    """One pass over everything that a function reaches."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen: dict[int, Any] = {}  # holds what was seen, so that no other object gets its id
        self._read: set[str] = set()
        self.parts: set[str] = set()
        self.computed: set[str] = set()

    def visit(self, target: Any, name: str = "") -> None:
        """Note what `target` is made of, and everything that it uses."""
        if isinstance(target, _CONSTANT):
            self.parts.add(f"{name} = {target!r}")
        elif id(target) not in self._seen:
            self._seen[id(target)] = target
            self._visit_object(target, name)

    def _visit_object(self, target: Any, name: str) -> None:
        if isinstance(target, ModuleType):
            self._visit_module(target)
        elif isinstance(target, FunctionType | type):
            self._visit_definition(target)
        elif isinstance(target, Step | Pipeline):
            self.visit(target.function)
        elif isinstance(target, dict | list | tuple | set | frozenset):
            self._visit_container(target, name)
        elif self._is_followed(type(target).__module__) or isinstance(target, _CALLING_ANOTHER):
            self.visit(type(target))
            for key, value in _state(target).items():
                self.visit(value, f"{name}.{key}")
        else:
            self._add_version(type(target).__module__)
            self.parts.add(f"{name} = {_text(target)}")

    def _visit_container(self, target: Any, name: str) -> None:
        self.parts.add(f"{name} is a {type(target).__name__} of {len(target)}")
        if isinstance(target, dict):
            items = [(repr(key), value) for key, value in target.items()]
        elif isinstance(target, list | tuple):
            items = [(str(place), value) for place, value in enumerate(target)]
        else:
            items = [(str(place), value) for place, value in enumerate(sorted(target, key=repr))]
        for key, value in items:
            self.visit(value, f"{name}[{key}]")

    def _visit_module(self, module: ModuleType) -> None:
        if not self._is_followed(module.__name__):
            self._add_version(module.__name__)
            return
        source = source_of_module(module)
        if source is None:  # a package without a file of its own
            return
        self.parts.add(f"module {module.__name__}\n{source.text}")
        self._visit_names(source, module.__name__, module.__package__ or "", {})
        for name, value in vars(module).items():
            if not name.startswith("__"):
                self.visit(value, f"{module.__name__}.{name}")

    def _visit_definition(self, target: FunctionType | type) -> None:
        if not self._is_followed(target.__module__):
            self._add_version(target.__module__)
            return
        source = source_of(target)
        if source is None:  # made at run time, such as a dataclass's __init__
            return
        place = f"{target.__module__}.{target.__qualname__}"
        self.parts.add(f"{place}\n{source.text}")
        scope = vars(sys.modules[target.__module__])
        # In order: what is reached by several names is noted by the first, in every process the same.
        for name in sorted(scope.keys() & set(_names(target))):
            self.visit(scope[name], f"{target.__module__}.{name}")
        for used in source.imports(sys.modules[target.__module__].__package__ or ""):
            self._visit_import(*used)
        self._visit_names(source, place, sys.modules[target.__module__].__package__ or "", scope)
        for name, value in _bound(target).items():
            self.visit(value, f"{place}.{name}")

    def _visit_names(self, source: Source, place: str, package: str, scope: Mapping[str, Any]) -> None:
        """Follow what a text imports by a constant name; note its place where the name is computed."""
        if place.partition(".")[0] == _OWN:
            return  # its adapters, by the rows of one table
        aliases = {name for name, value in scope.items() if any(value is each for each in _IMPORTERS)}
        for module in imported_by_name(source.tree, package, aliases):
            if module:
                self._visit_import(module, ())
            else:
                self.computed.add(place)

    def _visit_import(self, module: str, names: tuple[str, ...]) -> None:
        """Note a module that is imported late, as a whole and without importing it: it may be slow."""
        if not self._is_followed(module):
            self._add_version(module)
            return
        if module in self._read:
            return
        self._read.add(module)
        spec = _spec(module)
        source = source_of_spec(spec) if spec else None
        self.parts.add(f"module {module}\n{source.text if source else ''}")
        if spec and source:
            self._visit_names(source, module, spec.parent or "", {})
            for used in source.imports(spec.parent or ""):
                self._visit_import(*used)
        if spec and spec.submodule_search_locations:
            for name in names:
                if _spec(f"{module}.{name}"):
                    self._visit_import(f"{module}.{name}", ())

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
    for name in (root.replace("_", "-").lower(), _DISTRIBUTIONS.get(root, "")):
        if name in installed_packages():
            return (f"{name}=={installed_packages()[name]}",)
    if find_spec(root) is None:
        return ()
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


def _spec(module: str) -> ModuleSpec | None:
    try:
        return find_spec(module)
    except (ImportError, ValueError):
        return None


def _bound(target: FunctionType | type) -> dict[str, Any]:
    """Return the values that a definition took from around it: closure, defaults, bases, class attributes."""
    if isinstance(target, type):
        attributes = {name: value for name, value in vars(target).items() if not name.endswith("_")}
        plain = {name: value for name, value in attributes.items() if not isinstance(value, FunctionType)}
        return {"bases": target.__bases__, **plain}
    closure = inspect.getclosurevars(target).nonlocals
    return {"defaults": target.__defaults__, "keywords": target.__kwdefaults__, **closure}


def _state(target: Any) -> dict[str, Any]:
    """Return what an object holds."""
    slots = [name for kind in type(target).__mro__ for name in getattr(kind, "__slots__", ())]
    held = {name: getattr(target, name) for name in (*_CALLED, *slots) if hasattr(target, name)}
    return {**held, **getattr(target, "__dict__", {})}


def _text(target: Any) -> str:
    """Return a text for a library's object, the same in every process; its type where there is none."""
    text = f"{target.dtype} {sha256(target.tobytes())}" if hasattr(target, "tobytes") else repr(target)
    return type(target).__qualname__ if " at 0x" in text else text
