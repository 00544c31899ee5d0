"""What a file of Python imports, and which distributions bring it."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def imported(text: str, file: str = "") -> list[str]:
    """Return the first parts of what a file imports, each once, "" for what is named by dots.

    >>> imported("import numpy.linalg\\nfrom math import pi\\nfrom . import other")
    ['numpy', 'math', '']
    """
    import ast

    nodes = list(ast.walk(ast.parse(text, file or "<text>")))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += ["" if node.level else node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return list(dict.fromkeys(name.partition(".")[0] for name in named))


def is_installed(module: str) -> bool:
    """Say whether a module is Python's own, or comes with a distribution.

    >>> is_installed("math"), is_installed("numpy.linalg"), is_installed("__main__")
    (True, True, False)
    """
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in _distributions()


def needed(texts: Iterable[str]) -> dict[str, str]:
    """Return the distributions that files need besides Kervan, with the versions that are installed."""
    from importlib.metadata import version

    roots = {root for text in texts for root in imported(text)} - {"kervan"}
    names = {name for root in roots for name in _distributions().get(root, ())}
    return {name: version(name) for name in sorted(names)}


@cache
def _distributions() -> Mapping[str, Sequence[str]]:
    from importlib.metadata import packages_distributions

    return packages_distributions()
