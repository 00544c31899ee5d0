"""Values as `kervan.toml` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any


def toml_value(value: Any) -> str:
    """Write a text, number, boolean, date, list or table on one line.

    >>> print(toml_value({"family": "tree", "parameters": {"max_depth": 4}}))
    { family = "tree", parameters = { max_depth = 4 } }

    A number keeps its kind: `max_features = 1.0` is all of them, and `1` is one.
    """
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {toml_value(each)}" for name, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else toml_value(name)
