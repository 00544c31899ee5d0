"""The classes of the specification, from coremltools, of which nothing else is imported.

The whole of it imports every framework that is installed, warns of their versions, and that this is no Mac.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from kervan.core.plugins import extras_named

_LIBRARY, _OWN = "coremltools", "kervan_coreml_specification"


def new_model() -> Any:
    """Return an empty specification. Raises `MissingExtra` without coremltools."""
    return _specification().Model()


@cache
def _specification() -> Any:
    found = find_spec(_LIBRARY)
    with extras_named():
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"No module named {_LIBRARY!r}", name=_LIBRARY)
    folder = Path(found.origin).parent / "proto"
    spec = spec_from_file_location(_OWN, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} holds no specification")
    package = module_from_spec(spec)
    sys.modules[_OWN] = package
    spec.loader.exec_module(package)
    return import_module(f"{_OWN}.Model_pb2")
