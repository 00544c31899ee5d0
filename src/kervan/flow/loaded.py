"""A file of the user's Python code, loaded by its path: what it defines."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, TypeVar

from kervan.core.errors import InvalidConfig, NotFound
from kervan.core.telling import telling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import ModuleType

T = TypeVar("T")


def load_file(path: Path, *, setting: str) -> ModuleType:
    """Run a file and return its module; what lies beside it can be imported.

    `setting` is what names the file. Raises `NotFound` without the file, and `InvalidConfig` that names the
    file and the line where it fails.
    """
    if not path.is_file():
        raise NotFound(f"{setting}: there is no file {path}", hint="name a file beside kervan.toml")
    name = f"kervan_file_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidConfig(f"{setting}: {path.name} is no Python file", hint="name a file that ends in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        with telling(path, "it cannot be loaded"):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def load_marked(
    files: Iterable[str], folder: Path, kind: type[T], *, setting: str, what: str, hint: str
) -> list[T]:
    """Return what some files define of a kind, in the order in which it stands there.

    Raises `NotFound` without a file, and `InvalidConfig` for one that fails or defines none: `what` names it,
    and `hint` says how one is written.
    """
    found: list[T] = []
    for file in files:
        module = load_file(folder / file, setting=setting)
        own = [each for each in vars(module).values() if isinstance(each, kind)]
        if not own:
            raise InvalidConfig(f"{setting}: {file} has no {what}", hint=hint)
        found += own
    return found
