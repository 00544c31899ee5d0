"""What every model of H2O's has: a category, a name of its own, and in a MOJO settings and files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.schema import Column, Signature

BOOLEAN = ("false", "true")

Value = str | int | float | bool | list[int] | list[float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What an algorithm of H2O's reads in a MOJO beside what all of them do."""

    algo: str
    algorithm: str
    version: str
    settings: Mapping[str, Value]
    files: Mapping[str, bytes] = field(default_factory=dict)


def category_of(signature: Signature) -> str:
    """Return the name of H2O's enumeration `ModelCategory`."""
    if not signature.is_classification:
        return "Regression"
    return "Binomial" if len(signature.output.allowed) == 2 else "Multinomial"


def domain_of(column: Column) -> tuple[str, ...] | None:
    """Return the categories of a column, of a boolean as H2O reads it from a table; None for a number."""
    if column.type is Type.BOOLEAN:
        return BOOLEAN
    return column.allowed if column.type is Type.CATEGORY else None


def uuid_of(content: bytes) -> str:
    """Return a whole number as H2O names models: the same content always gives the same one."""
    return str(int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1)


def refused(what: str) -> Refused:
    """Return the error that says what a MOJO cannot."""
    return Refused(f"a MOJO cannot hold {what}", hint="choose the format `pojo`, which holds any model")
