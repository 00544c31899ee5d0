"""A file of the user's Python code, loaded by its path: what it defines, and where it fails."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager, redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


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


@contextmanager
def telling(path: Path, what: str) -> Iterator[None]:
    """Turn whatever the user's code raises into `InvalidConfig` that names file, line and error.

    What it prints goes to the standard error: what a command answers stays readable to programs.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # `exit()` would end Kervan as if all were well
        line = _line(error, path)
        raise InvalidConfig(
            f"{path.name}{f':{line}' if line else ''}: {what}: {type(error).__name__}: {error}",
            hint="mend it there; the line is the last of that file on the way to the error",
        ) from error


def _line(error: BaseException, path: Path) -> int:
    """Return the last line of a file on the way to an error, 0 if it was never there."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 0
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(path)), 0)
