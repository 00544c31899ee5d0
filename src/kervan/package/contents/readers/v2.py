"""Manifests of the second form: rows were rounded to float32, and nothing said so."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from kervan.core.ports import Precision
from kervan.package.contents.manifest import Manifest


def read(content: bytes) -> Manifest:
    """Read a manifest of the second form into the present one."""
    return replace(msgspec.json.decode(content, type=Manifest), precision=Precision.SINGLE)
