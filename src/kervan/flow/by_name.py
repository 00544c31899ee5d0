"""Code that a text reaches by a name in a text: followed where the name stands there, noticed where not."""

from __future__ import annotations

import ast
from importlib.util import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_IMPORTING = {"import_module", "__import__"}
_RUNNING = {"run_path", "run_module", "spec_from_file_location", "exec", "eval", "globals"}


def imported_by_name(tree: ast.AST, package: str, aliases: Collection[str] = ()) -> Iterator[str]:
    """Yield the modules that a text of `package` imports by a constant name, and "" for each computed one.

    Seen are `import_module` and `__import__`, also under the names in `aliases`, and what runs or finds code
    by name in other ways: `exec`, `eval`, `globals`, `runpy` and `spec_from_file_location`.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _name(node.func)
        if called in _IMPORTING or called in aliases:
            yield _module(node, package)
        elif called in _RUNNING and _is_function(node.func):
            yield ""


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_function(function: ast.expr) -> bool:
    """Say whether it may be the function of that name, and no method such as `table.eval`."""
    known = {"runpy", "util", "importlib", "builtins"}
    return isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and _name(function.value) in known
    )


def _module(call: ast.Call, package: str) -> str:
    first = (
        call.args[0]
        if call.args
        else next((each.value for each in call.keywords if each.arg == "name"), None)
    )
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return ""
    if not first.value.startswith("."):
        return first.value
    try:
        return resolve_name(first.value, package)
    except ImportError:
        return ""
