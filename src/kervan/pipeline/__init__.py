"""Steps and pipelines, run on record. The package itself is also the decorator `kervan.pipeline`.

Importing any part of it makes Python set the attribute `kervan.pipeline` to this package, which would hide
the decorator of that name; so both are the same thing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.pipeline.step import Pipeline

P = ParamSpec("P")
T = TypeVar("T")


class _Decorator(ModuleType):
    def __call__(self, function: Callable[P, T]) -> Pipeline[P, T]:
        """Make a function that calls steps a pipeline."""
        from kervan.pipeline.step import pipeline

        return pipeline(function)


sys.modules[__name__].__class__ = _Decorator
