"""Compilers that may be missing."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import MissingTool

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def needing_tools() -> Iterator[None]:
    """Skip the test where a program is not installed; where services are required, that is a failure."""
    try:
        yield
    except MissingTool as error:
        if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"{error}: {error.hint}")
