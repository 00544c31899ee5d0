"""The classes of the specification, from coremltools, which is used for nothing else."""

from __future__ import annotations

import logging
from typing import Any

from kervan.core.plugins import extras_named


def new_model() -> Any:
    """Return an empty specification. Raises `MissingExtra` without coremltools."""
    logger = logging.getLogger("coremltools")
    before = logger.level
    logger.setLevel(logging.ERROR)  # it warns of every other library's version, and that this is no Mac
    try:
        with extras_named():
            from coremltools.proto import Model_pb2
    finally:
        logger.setLevel(before)
    return Model_pb2.Model()
