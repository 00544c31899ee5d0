"""Manifests of the first form: lineage lay flat in them, and nothing was signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kervan.core.nouns import PackageFile
from kervan.core.ports import Precision
from kervan.core.schema import Signature
from kervan.package.contents.manifest import Lineage, Manifest, Parity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    name: str
    version: str
    created: float
    creator: str
    signature: Signature
    formats: tuple[str, ...]
    parity: tuple[Parity, ...]
    files: tuple[PackageFile, ...]
    samples: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    family: str = ""
    dataset: str = ""
    run: str = ""
    commit: str = ""
    requirements: Mapping[str, str] = field(default_factory=dict)


def read(content: bytes) -> Manifest:
    """Read a manifest of the first form into the present one."""
    old = msgspec.json.decode(content, type=_Written)
    return Manifest(
        name=old.name,
        version=old.version,
        created=old.created,
        creator=old.creator,
        signature=old.signature,
        precision=Precision.SINGLE,
        formats=old.formats,
        parity=old.parity,
        files=old.files,
        samples=old.samples,
        metrics=old.metrics,
        family=old.family,
        requirements=old.requirements,
        lineage=Lineage(dataset=old.dataset, run=old.run, commit=old.commit),
    )
