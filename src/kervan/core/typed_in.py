"""A function that was typed into a notebook or a script, written down so that it stands alone."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig
from kervan.core.imported import is_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kervan.core.called import OwnFeature

_FIRST = "from __future__ import annotations\n\nfrom kervan import feature\n"
_FILE_IT = 'put it into a file of its own, and name it: kervan.Feature("far", call="geo:distance")'


def is_typed_in(own: OwnFeature) -> bool:
    """Say whether a function has no file of its own that could be loaded again: a script would run anew."""
    module = sys.modules.get(own.function.__module__)
    file = getattr(module, "__file__", None)
    is_there = getattr(module, own.function.__name__, None) is own
    return own.function.__module__ == "__main__" or not is_there or not file or not Path(file).is_file()


def source_of(own: OwnFeature) -> str:
    """Return a file with the function and what it uses: imports, constants, and other functions.

    Raises `InvalidConfig` that names what cannot be written down.
    """
    parts: dict[str, str] = {}
    _write(own.function, parts)
    function = parts.pop(own.function.__name__)
    marked = f"@feature(name={own.name!r}, of={own.of!r})\n{function.lstrip()}"
    return "\n".join([_FIRST, *parts.values(), "", marked])


def _write(function: Callable[..., Any], parts: dict[str, str]) -> None:
    """Add a function to the parts by name, and before it what it uses."""
    name = function.__name__
    if name in parts:
        return
    try:
        text = textwrap.dedent(inspect.getsource(function))
        node = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise _unwritable(name, "its text is not to be found") from error
    if not isinstance(node, ast.FunctionDef):
        raise _unwritable(name, "it has no name")
    lines = text.splitlines()[node.lineno - 1 :]  # without what stands above it
    parts[name] = ""
    for used, value in _used(function, node):
        if used != name and used not in parts:
            _add(used, value, parts, name)
    del parts[name]  # it comes after what it uses
    parts[name] = "\n" + "\n".join(lines) + "\n"


def _add(used: str, value: Any, parts: dict[str, str], name: str) -> None:
    value = getattr(value, "function", value) if type(value).__name__ == "OwnFeature" else value
    module = getattr(value, "__module__", "")
    if isinstance(value, ModuleType) and is_installed(value.__name__):
        parts[used] = f"import {value.__name__} as {used}"
    elif _is_constant(value):
        parts[used] = f"{used} = {value!r}"
    elif isinstance(value, FunctionType) and not is_installed(module) and value.__name__ == used:
        _write(value, parts)
    elif _is_importable(value):
        parts[used] = f"from {module} import {value.__name__} as {used}"
    else:
        raise _unwritable(name, f"it uses {used}, a {type(value).__name__}, which cannot travel with it")


def _used(function: Callable[..., Any], node: ast.FunctionDef) -> Iterator[tuple[str, Any]]:
    """Yield what a function takes from around it, by name."""
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    around = {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}
    looked_up = {*_names(code), *code.co_freevars}
    looked_up |= {
        each.id
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults))
        for each in ast.walk(default)
        if isinstance(each, ast.Name)
    }
    written = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    for name in sorted(looked_up & written & around.keys()):
        yield name, around[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


def _is_constant(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError):
        return False


def _is_importable(value: Any) -> bool:
    module = getattr(value, "__module__", None) or ""
    found = getattr(sys.modules.get(module), getattr(value, "__name__", ""), None)
    return callable(value) and found is value and is_installed(module)


def _unwritable(name: str, why: str) -> InvalidConfig:
    return InvalidConfig(
        f"features: the function {name!r} cannot become part of a model: {why}", hint=_FILE_IT
    )
