"""`manifest.json`: what a package holds, with the hash of every file.

The manifest carries a format number, so that packages stay readable when its form changes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Corrupted, InvalidInput, NotFound
from kervan.core.identity import sha256, sha256_file
from kervan.core.nouns import PackageFile
from kervan.core.schema import Signature

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How the answers of one written format compare with the original's over `rows` rows.

    `largest` is the largest difference: of probabilities as they are; of values relative to the answer,
    or to the distance of the answers' quartiles where that is larger. `over` counts rows beyond
    `tolerance`, `label_changes` rows whose most probable class differs by more than a tie.
    """

    format: str
    rows: int
    tolerance: float
    largest: float
    over: int
    label_changes: int
    scorer: str

    @property
    def holds(self) -> bool:
        """Whether the format may be used."""
        return self.over == 0 and self.label_changes == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in the package and where it came from."""

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
    format: int = FORMAT

    @property
    def ref(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> bytes:
        """Write the manifest: the same content always gives the same bytes."""
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic")) + b"\n"

    @property
    def hash(self) -> str:
        """The SHA-256 of the manifest as written; it covers every file of the package."""
        return sha256(self.to_json())


def parse_manifest(content: bytes, place: str = FILE_NAME) -> Manifest:
    """Read a manifest from its bytes, or raise `Corrupted` that names the place."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidInput) as error:
        raise Corrupted(f"{place}: {error}", hint="package the model again") from error
    if manifest.format != FORMAT:
        raise InvalidInput(
            f"{place} has format {manifest.format}, this version reads {FORMAT}", hint="upgrade Kervan"
        )
    return manifest


def list_files(folder: Path) -> tuple[PackageFile, ...]:
    """List and hash all files below `folder` apart from the manifest, in the order of their paths."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE_NAME)
    return tuple(
        PackageFile(
            path=path.relative_to(folder).as_posix(), size=path.stat().st_size, sha256=sha256_file(path)
        )
        for path in paths
    )


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the package in `folder` and check every file against it.

    Raises `NotFound` if there is no package, `Corrupted` if a file is missing, changed or unknown.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{folder} holds no package", hint=f"a package has a {FILE_NAME}") from error
    manifest = parse_manifest(content, os.fspath(path))
    wanted = {file.path: file for file in manifest.files}
    found = {file.path: file for file in list_files(folder)}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            what = "is missing" if name not in found else "was added" if name not in wanted else "was changed"
            raise Corrupted(f"{folder / name} {what}", hint="fetch the package again")
    return manifest
