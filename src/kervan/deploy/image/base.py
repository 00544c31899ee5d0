"""The image that ours stands on: where it comes from, and what its layers say about Python and packages."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Corrupted, InvalidConfig, Refused
from kervan.deploy.image.debian import DebianPackage, read_status
from kervan.deploy.image.layout import (
    INDICES,
    Descriptor,
    Layout,
    descriptor_of,
    descriptors_of,
    open_layout,
)
from kervan.deploy.image.registry import for_platform, pull
from kervan.deploy.reference import read_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

_PYTHON = re.compile(r"python3\.([0-9]+)")
_STATUS = ("var/lib/dpkg/status", "var/lib/dpkg/status.d/")
_RELEASE = ("usr/lib/os-release", "etc/os-release")
_MUSL = re.compile(r"lib/ld-musl-[^/]+\.so\.1")
_USUAL = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NO_PYTHON = "name a base that holds Python 3.11 or newer, such as docker.io/library/python:3.12-slim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An image in a layout, what it is made of, and what is in it.

    `python` is the path of its interpreter, of version 3.`minor`; `glibc` is the C library's version, None
    where it is musl's. `release` is what its system is called, such as `debian:12`; `sizes` are those of its
    layers, unpacked. One that `is_file` does not come from a registry.
    """

    name: str
    layout: Layout
    descriptor: Descriptor
    manifest: dict[str, Any]
    config: dict[str, Any]
    python: str
    minor: int
    glibc: tuple[int, int] | None
    release: str
    is_file: bool
    sizes: tuple[int, ...]
    packages: tuple[DebianPackage, ...] = ()

    @property
    def layers(self) -> list[Descriptor]:
        """Its layers, from the bottom."""
        return descriptors_of(self.manifest, "layers")


@dataclass(slots=True)
class _Seen:
    """What the layers hold that matters here: names, and a few files; what a layer takes away is gone."""

    names: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)


def open_base(name: str, platform: str, folder: Path, cache: Path) -> Base:
    """Open a base: a reference in a registry, which is pulled, or a layout as a folder or archive.

    Paths are relative to `folder`. Raises `NotFound`, `Refused` if it is made for another platform or holds
    no Python that will do, or what registries raise.
    """
    if not name.strip():
        raise InvalidConfig("[image] base names no image", hint=_NO_PYTHON)
    place = folder / name
    is_file = name.startswith((".", "/")) or name.endswith(".tar") or place.exists()
    if is_file:
        layout = open_layout(place, cache / "archives")
        descriptor = _chosen(layout, layout.manifests, name, platform)
    else:
        layout = Layout.at(cache / "bases")
        descriptor = pull(read_reference(name), platform, layout)
    manifest = layout.read(descriptor)
    layers = descriptors_of(manifest, "layers")
    config = layout.read(descriptor_of(manifest.get("config") or {}))
    _check_config(name, config, len(layers))
    found = f"{config.get('os', 'linux')}/{config.get('architecture', '')}"
    if found != platform:
        raise Refused(
            f"the base {name} is for {found}, and the image is to be for {platform}",
            hint="change [image] base or platform so that both say the same",
        )
    seen = _look(layout, layers)
    python, minor = _python(name, config, seen)
    packages = tuple(_packages(seen))
    return Base(
        name=str(place.resolve()) if is_file else name,
        is_file=is_file,
        sizes=tuple(seen.sizes),
        layout=layout,
        descriptor=descriptor,
        manifest=manifest,
        config=config,
        python=python,
        minor=minor,
        glibc=_glibc(seen, packages),
        release=_release(seen),
        packages=packages,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    diff_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    Env: list[str] | None = None
    Labels: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Config:
    """What has to be in the configuration of an image before ours can stand on it."""

    architecture: str
    os: str
    rootfs: _Files
    config: _Run | None = None


def _check_config(name: str, config: dict[str, Any], layers: int) -> None:
    try:
        told = msgspec.convert(config, _Config)
    except msgspec.ValidationError as error:
        raise Corrupted(
            f"the configuration of the base {name} is broken: {error}", hint="pull it again"
        ) from error
    if len(told.rootfs.diff_ids) != layers:
        raise Corrupted(
            f"the base {name} has {layers} layers, and tells of {len(told.rootfs.diff_ids)}",
            hint="pull it again",
        )


def _chosen(layout: Layout, manifests: list[Descriptor], name: str, platform: str) -> Descriptor:
    images = [each for each in manifests if not each.artifact]
    if len(images) == 1 and images[0].kind not in INDICES:
        return images[0]
    if len(images) == 1:
        inner = descriptors_of(layout.read(images[0]), "manifests")
        return _chosen(layout, inner, name, platform)
    found = for_platform(images, platform)
    if found is None:
        raise Refused(f"{name} holds no image for {platform}", hint="change [image] base or platform")
    return found


@contextmanager
def _unpacked(file: Path) -> Iterator[IO[bytes]]:
    with file.open("rb") as packed:
        start = packed.read(4)
        packed.seek(0)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(packed) as plain:
                yield plain  # type: ignore[misc]
        elif start == b"\x28\xb5\x2f\xfd":
            import zstandard

            with zstandard.ZstdDecompressor().stream_reader(packed) as unpacked:
                try:
                    yield unpacked
                except zstandard.ZstdError as error:
                    raise tarfile.ReadError(str(error)) from error
        else:
            yield packed


def _look(layout: Layout, layers: list[Descriptor]) -> _Seen:
    """Walk through the layers from the bottom."""
    seen = _Seen()
    for layer in layers:
        try:
            with _unpacked(layout.path(layer.digest)) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
                seen.sizes.append(0)
                for each in tar:
                    seen.sizes[-1] += each.size
                    _note(seen, tar, each)
        except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
            raise Corrupted(
                f"a layer cannot be read: {layer.digest}: {error}", hint="pull it again"
            ) from error
    return seen


def _note(seen: _Seen, tar: tarfile.TarFile, each: tarfile.TarInfo) -> None:
    path = each.name.removeprefix("./").strip("/")
    name = PurePosixPath(path).name
    if name == ".wh..wh..opq":
        _forget(seen, f"{PurePosixPath(path).parent}/")
    elif name.startswith(".wh.") and name != ".wh.":
        gone = str(PurePosixPath(path).with_name(name.removeprefix(".wh.")))
        _forget(seen, f"{gone}/")
        seen.names.discard(gone)
        seen.files.pop(gone, None)
    else:
        seen.names.add(path)
        if each.isfile() and path.startswith((*_STATUS, *_RELEASE)):
            content = tar.extractfile(each)
            seen.files[path] = content.read() if content else b""


def _forget(seen: _Seen, start: str) -> None:
    seen.names = {each for each in seen.names if not each.startswith(start)}
    seen.files = {each: content for each, content in seen.files.items() if not each.startswith(start)}


def _python(name: str, config: dict[str, Any], seen: _Seen) -> tuple[str, int]:
    """Return the first interpreter on the path, and which 3.x it is."""
    environ = dict(each.partition("=")[::2] for each in (config.get("config") or {}).get("Env") or ())
    for folder in environ.get("PATH", _USUAL).split(":"):
        places = {folder.strip("/"), f"usr{folder}".strip("/")}
        minors = [
            (int(match[1]), place)
            for place in places
            for each in seen.names
            if each.startswith(f"{place}/python3.") and (match := _PYTHON.fullmatch(each[len(place) + 1 :]))
        ]
        for minor, place in sorted(minors, reverse=True):
            _check_whole(name, minor, seen)
            return f"/{place}/python3.{minor}", minor
    raise Refused(f"the base {name} holds no Python", hint=_NO_PYTHON)


def _check_whole(name: str, minor: int, seen: _Seen) -> None:
    if minor < 11:
        raise Refused(f"the base {name} holds Python 3.{minor}, which is too old", hint=_NO_PYTHON)
    library = f"lib/python3.{minor}/"
    has_library = any(each.endswith(f"{library}os.py") for each in seen.names)
    if has_library and not any(each.endswith(f"{library}http/client.py") for each in seen.names):
        raise Refused(
            f"the base {name} holds half of Python's library: there is no module http",
            hint="python3-minimal is not enough: install python3 whole",
        )


def _packages(seen: _Seen) -> Iterator[DebianPackage]:
    for path, content in sorted(seen.files.items()):
        if path.startswith(_STATUS) and not path.endswith(".md5sums"):
            yield from read_status(content.decode(errors="replace"))


def _glibc(seen: _Seen, packages: tuple[DebianPackage, ...]) -> tuple[int, int] | None:
    if any(_MUSL.search(each) for each in seen.names):
        return None
    for each in packages:
        if each.name == "libc6" and (match := re.match(r"([0-9]+)\.([0-9]+)", each.version)):
            return int(match[1]), int(match[2])
    return 2, 28  # what every wheel of today asks for, and every system that is still cared for has


def _release(seen: _Seen) -> str:
    text = next((seen.files[each] for each in _RELEASE if seen.files.get(each)), b"").decode(errors="replace")
    fields = dict(line.partition("=")[::2] for line in text.splitlines())
    found = [fields.get(name, "").strip('"') for name in ("ID", "VERSION_ID")]
    return ":".join(filter(None, found))
