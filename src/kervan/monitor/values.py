"""One column out of recorded rows, which hold JSON values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def numbers_of(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    """Return the numbers that are there, in rising order; what is no finite number counts as missing."""
    values = (_number(row.get(name)) for row in rows)
    return np.sort(np.array([value for value in values if math.isfinite(value)], dtype=np.float64))


def labels_of(rows: Sequence[Mapping[str, Any]], name: str) -> list[str | None]:
    """Return the values as the texts by which categories are known, None where missing."""
    return [_label(row.get(name)) for row in rows]


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        return math.inf


def _label(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
