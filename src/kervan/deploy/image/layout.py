"""A folder in the OCI image layout: blobs by their digest, and an index that names the manifests among them.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kervan.core.errors import Corrupted, InvalidInput, NotFound
from kervan.core.identity import sha256, sha256_file

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NAMED = "org.opencontainers.image.ref.name"
_NAMED_FOR_DOCKER = "io.containerd.image.name"
INDICES, MANIFESTS = (INDEX, DOCKER_INDEX), (MANIFEST, DOCKER_MANIFEST)
_MARK, _INDEX_FILE = "oci-layout", "index.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What names a blob: its kind, digest and size."""

    kind: str
    digest: str
    size: int
    platform: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as manifests hold it."""
        beside = {
            "artifactType": self.artifact,
            "platform": dict(self.platform),
            "annotations": dict(self.annotations),
        }
        found = {"mediaType": self.kind, "digest": self.digest, "size": self.size}
        return found | {name: value for name, value in beside.items() if value}


def descriptor_of(told: Mapping[str, Any]) -> Descriptor:
    """Read a descriptor out of a manifest, or raise `Corrupted`."""
    try:
        digest = str(told["digest"])
        if not digest.startswith("sha256:") or len(digest) != 71 or not digest[7:].isalnum():
            raise Corrupted(f"{digest!r} is no SHA-256 digest", hint="make or pull the image again")
        return Descriptor(
            kind=str(told["mediaType"]),
            digest=digest,
            size=int(told["size"]),
            platform=dict(told.get("platform") or {}),
            annotations=dict(told.get("annotations") or {}),
            artifact=str(told.get("artifactType", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupted("an image's manifest is broken", hint="make or pull the image again") from error


def read_json(content: bytes, name: str) -> dict[str, Any]:
    """Read a JSON object of an image, or raise `Corrupted` that says where it came from."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Corrupted(f"{name} gave no JSON of an image", hint="make or pull the image again")
    return found


def descriptors_of(told: Mapping[str, Any], member: str) -> list[Descriptor]:
    """Read the descriptors that a manifest or an index lists, or raise `Corrupted`."""
    found = told.get(member)
    if not isinstance(found, list):
        raise Corrupted(f"an image's manifest has no {member}", hint="make or pull the image again")
    return [descriptor_of(each) for each in found]


def blobs_of(told: Mapping[str, Any]) -> list[Descriptor]:
    """Return what a manifest stands on: its configuration, then its layers."""
    return [descriptor_of(told.get("config") or {}), *descriptors_of(told, "layers")]


def to_json(content: Mapping[str, Any]) -> bytes:
    """Write JSON: the same content always gives the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Layout:
    """One such folder."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Layout:
        """Begin a layout, or go on with one that is there."""
        (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_bytes(to_json({"imageLayoutVersion": "1.0.0"}))
        if not (folder / _INDEX_FILE).exists():
            (folder / _INDEX_FILE).write_bytes(_index([]))
        return cls(folder)

    def path(self, digest: str) -> Path:
        """Return where a blob lies, or would."""
        return self.folder / "blobs/sha256" / digest.removeprefix("sha256:")

    def put(self, content: bytes, kind: str) -> Descriptor:
        """Keep a blob."""
        found = Descriptor(kind=kind, digest=f"sha256:{sha256(content)}", size=len(content))
        if not self.path(found.digest).exists():
            unfinished = self.path(found.digest).with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(content)
            unfinished.replace(self.path(found.digest))
        return found

    def take(self, descriptor: Descriptor, source: Layout) -> None:
        """Keep a blob that another layout holds, checked; a link to it where the file system lets us."""
        blob, ours = source.path(descriptor.digest), self.path(descriptor.digest)
        if ours.exists():
            return
        if not blob.is_file() or f"sha256:{sha256_file(blob)}" != descriptor.digest:
            raise Corrupted(f"{blob} is missing or altered", hint="make or pull that image again")
        try:
            os.link(blob, ours)
        except FileExistsError:
            return  # another process was faster
        except OSError:
            shutil.copyfile(blob, ours)

    def read(self, descriptor: Descriptor) -> dict[str, Any]:
        """Return the JSON of a blob, or raise `Corrupted` if it is not what its digest says."""
        try:
            content = self.path(descriptor.digest).read_bytes()
        except OSError as error:
            raise Corrupted(f"{self.folder} lacks {descriptor.digest}", hint="copy all of it") from error
        if f"sha256:{sha256(content)}" != descriptor.digest:
            raise Corrupted(f"{self.path(descriptor.digest)} is altered", hint="make or pull it again")
        return read_json(content, str(self.path(descriptor.digest)))

    @property
    def manifests(self) -> list[Descriptor]:
        """What the index names."""
        try:
            content = (self.folder / _INDEX_FILE).read_bytes()
        except OSError as error:
            raise NotFound(
                f"{self.folder} is no OCI image layout: it has no {_INDEX_FILE}",
                hint="save the image with `skopeo copy docker-archive:FILE oci:FOLDER`",
            ) from error
        return descriptors_of(read_json(content, str(self.folder / _INDEX_FILE)), "manifests")

    def name(self, descriptor: Descriptor, tag: str = "") -> Descriptor:
        """Let the index name a manifest, by a tag if one is given, and return what it holds then."""
        annotations = {**descriptor.annotations, NAMED: tag} if tag else descriptor.annotations
        named = replace(descriptor, annotations=annotations)
        others = [each for each in self.manifests if each.digest != named.digest]
        (self.folder / _INDEX_FILE).write_bytes(_index([*others, named]))
        return named

    def pack(self, file: Path, digest: str, reference: str) -> None:
        """Write one image as a TAR that `podman load` and `docker load` take, the same bytes each time.

        Its index names that image alone, by its whole reference: podman takes no archive with two.
        """
        (image,) = (each for each in self.manifests if each.digest == digest)
        index = _index([replace(image, annotations={NAMED: reference, _NAMED_FOR_DOCKER: reference})])
        with tarfile.open(file, "w") as archive:
            for path in sorted(self.folder.rglob("*")):
                if path.is_file():
                    told = tarfile.TarInfo(path.relative_to(self.folder).as_posix())
                    is_index = told.name == _INDEX_FILE
                    told.size, told.mode = len(index) if is_index else path.stat().st_size, 0o644
                    with io.BytesIO(index) if is_index else path.open("rb") as content:
                        archive.addfile(told, content)


def _index(manifests: list[Descriptor]) -> bytes:
    told = [each.told() for each in manifests]
    return to_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": told})


def open_layout(place: Path, cache: Path) -> Layout:
    """Open a layout that is a folder, or one file, which is unpacked into `cache` once.

    Raises `NotFound` or `InvalidInput` if it is none.
    """
    if place.is_dir():
        return Layout(place)
    if not place.is_file():
        raise NotFound(f"there is no image in {place}", hint="name a registry's, or an OCI layout")
    folder = cache / sha256_file(place)
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            unpacked = Path(scratch) / "layout"
            unpacked.mkdir()
            _unpack(place, unpacked)
            try:
                unpacked.replace(folder)
            except OSError:
                if not folder.exists():  # another process was faster
                    raise
    return Layout(folder)


def _unpack(file: Path, into: Path) -> None:
    try:
        with tarfile.open(file) as archive:
            if _MARK not in {name.removeprefix("./") for name in archive.getnames()}:
                raise InvalidInput(
                    f"{file} is no OCI layout",
                    hint=f"`skopeo copy docker-archive:{file} oci-archive:OUT.tar` makes one of Docker's",
                )
            archive.extractall(into, filter="data")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(f"{file} is no whole TAR archive: {reason}", hint="name an OCI layout") from error
