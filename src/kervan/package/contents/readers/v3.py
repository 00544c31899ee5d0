"""Manifests of the third form, which is the present one."""

from __future__ import annotations

import msgspec

from kervan.package.contents.manifest import Manifest


def read(content: bytes) -> Manifest:
    """Read a manifest of the third form."""
    return msgspec.json.decode(content, type=Manifest)
