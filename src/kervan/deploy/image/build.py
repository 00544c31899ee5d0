"""An image made without a daemon: a base, and above it wheels, Kervan, what the user adds, and the package.

The order is that of how seldom each changes. The same package on the same base with the same wheels gives the
same digest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import kervan
from kervan.core.errors import Corrupted, InvalidConfig, NotFound
from kervan.core.identity import sha256, sha256_parts
from kervan.core.places import RECORDS, ImageSettings
from kervan.core.private import write_private
from kervan.deploy.image.base import Base, open_base
from kervan.deploy.image.bill import KIND, bill_of_image
from kervan.deploy.image.engine import engine
from kervan.deploy.image.layers import Entry, Layer, folder_entries, write_layer, write_tree
from kervan.deploy.image.layout import (
    CONFIG,
    EMPTY,
    MANIFEST,
    Descriptor,
    Layout,
    descriptor_of,
    to_json,
)
from kervan.deploy.image.needs import is_this_machine, needs_of
from kervan.deploy.image.recipe import (
    BILL,
    CODE,
    ENTRY,
    IGNORED,
    LIBRARY,
    PACKAGE_PLACE,
    Recipe,
    config_of,
    dockerfile,
)
from kervan.deploy.image.wheels import Wheel, fetch, lock, wheel_entries

if TYPE_CHECKING:
    from kervan.package.contents.manifest import Manifest

LOCK, BOM, LAYOUT = "requirements.lock", "bom.cdx.json", "layout"
_FORM = "2"  # of what is taken from wheels
_SKIPPED = (".pyc", ".pyi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What image is wanted.

    `package` is a folder; `trusted` are the ids of the keys whose signatures count in the container. Paths
    of the settings are relative to `project`; `cache` keeps bases and wheels for the next image.
    """

    package: Path
    manifest: Manifest
    settings: ImageSettings
    reference: str
    project: Path
    cache: Path
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One layer in the report: bytes unpacked (0 where they are not known), and as it is sent."""

    title: str
    size: int
    packed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that was made: where its layout lies, its name, digest and parts."""

    folder: Path
    reference: str
    digest: str
    parts: tuple[Part, ...]

    @property
    def packed(self) -> int:
        """Bytes that are sent for it."""
        return sum(each.packed for each in self.parts)

    @property
    def layout(self) -> Layout:
        """The layout that holds it."""
        return Layout(self.folder / LAYOUT)

    @property
    def descriptor(self) -> Descriptor:
        """What names it in its layout."""
        return next(each for each in self.layout.manifests if each.digest == self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What an image is made of, gathered; `keys` say what is in layers that other images share."""

    recipe: Recipe
    base: Base
    wheels: list[Wheel]
    bill: bytes
    groups: dict[str, list[Entry]]
    keys: dict[str, str]


Tell = Callable[[str], None]


def gather(order: Order, tell: Tell) -> Ingredients:
    """Fetch and read what an image is made of; nothing is written but the caches.

    Raises `InvalidConfig` that names the setting, `NotFound`, `Refused`, or what registry and index raise.
    """
    settings = order.settings
    added = _added(order)
    tell(f"base {settings.base}")
    base = open_base(settings.base, settings.platform, order.project, order.cache)
    tell("wheels")
    local = order.project / settings.wheels if settings.wheels else None
    needed = needs_of(order.package, order.manifest, settings)
    wheels = fetch(needed, base, settings.platform, local=local, cache=order.cache / "wheels")
    recipe = Recipe(manifest=order.manifest, settings=settings, trusted=order.trusted, python=base.python)
    bill = bill_of_image(order.manifest, order.package, base, wheels)
    package = [
        *folder_entries(order.package, PACKAGE_PLACE),
        Entry(path=BILL, read=lambda: bill),
        Entry(path=RECORDS.strip("/"), writable=True),
    ]
    groups = {
        "wheels": [entry for each in wheels for entry in wheel_entries(each, LIBRARY)],
        "kervan": kervan_entries(settings.platform),
        "files": added,
        "package": package,
    }
    groups = {title: entries for title, entries in groups.items() if entries}
    keys = {
        "wheels": sha256_parts([_FORM, *(each.sha256 for each in wheels)]),
        "kervan": kervan_hash(groups["kervan"]),
    }
    return Ingredients(recipe=recipe, base=base, wheels=wheels, bill=bill, groups=groups, keys=keys)


def build(order: Order, into: Path, tell: Tell) -> Image:
    """Make the image in a new folder, which holds its layout, the lock file and the bill of materials.

    With steps it is made by podman, docker or buildah: then not the same bytes each time.
    """
    found = gather(order, tell)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".image-") as scratch:
        folder = Path(scratch) / "image"
        layout = Layout.at(folder / LAYOUT)
        make = _by_steps if order.settings.steps else _by_layers
        image, parts = make(order, found, layout, tell)
        attach_bill(layout, image, found.bill)
        write_beside(found, folder)
        if into.exists():
            shutil.rmtree(into)
        folder.replace(into)
    return Image(folder=into, reference=order.reference, digest=image.digest, parts=tuple(parts))


def _by_layers(order: Order, found: Ingredients, layout: Layout, tell: Tell) -> tuple[Descriptor, list[Part]]:
    for layer in found.base.layers:
        layout.take(layer, found.base.layout)
    layers = []
    for title, entries in found.groups.items():
        tell(f"layer {title}")
        layers.append(_layer(title, found.keys.get(title, ""), entries, layout, order.cache / "layers"))
    sizes = zip(found.base.sizes, found.base.layers, strict=True)
    parts = [Part(title="base", size=size, packed=each.size) for size, each in sizes]
    parts += [Part(title=each.title, size=each.size, packed=each.descriptor.size) for each in layers]
    return _write_manifest(order, found, layers, layout), parts


def _by_steps(order: Order, found: Ingredients, layout: Layout, tell: Tell) -> tuple[Descriptor, list[Part]]:
    maker = engine(makes=True)
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        write_context(found, Path(scratch))
        tell(f"{maker.name} takes the steps")
        maker.make(Path(scratch), order.reference, layout, order.settings.platform)
    image = next(each for each in layout.manifests if not each.artifact)
    layers = map(descriptor_of, layout.read(image)["layers"])
    parts = [Part(title=f"layer {place}", size=0, packed=each.size) for place, each in enumerate(layers, 1)]
    return image, parts


def write_context(found: Ingredients, folder: Path) -> None:
    """Write the folder by which podman, docker or buildah make the image, its Dockerfile with it."""
    entries = [entry for group in found.groups.values() for entry in group]
    write_tree(entries, folder / "rootfs")
    records = folder / "rootfs" / RECORDS.strip("/")
    records.rmdir()
    (folder / "records").mkdir()
    place = found.base.name
    settings = found.recipe.settings
    if found.base.is_file:
        place = f"oci{'' if Path(place).is_dir() else '-archive'}:{place}"
    recipe = replace(found.recipe, settings=replace(settings, base=place))
    (folder / "Dockerfile").write_text(dockerfile(recipe))
    (folder / ".dockerignore").write_text(IGNORED)
    write_beside(found, folder)


def write_beside(found: Ingredients, folder: Path) -> None:
    """Write what people and scanners read of an image beside it."""
    (folder / LOCK).write_text(lock(found.wheels))
    (folder / BOM).write_bytes(found.bill)


def _layer(title: str, key: str, entries: Sequence[Entry], layout: Layout, cache: Path) -> Layer:
    """Write a layer, or take it from those that were made before where a key says what it holds."""
    if not key:
        return write_layer(title, entries, layout)
    kept, note = Layout.at(cache), cache / f"{key}.json"
    try:
        known = msgspec.json.decode(note.read_bytes(), type=Layer)
        layout.take(known.descriptor, kept)
    except (OSError, msgspec.DecodeError, Corrupted):
        known = write_layer(title, entries, layout)
        kept.take(known.descriptor, layout)
        write_private(note, msgspec.json.encode(known))
    return known


def _write_manifest(order: Order, found: Ingredients, layers: list[Layer], layout: Layout) -> Descriptor:
    diffs, titles = [each.diff for each in layers], [each.title for each in layers]
    config = layout.put(to_json(config_of(found.recipe, found.base.config, diffs, titles)), CONFIG)
    stacked = [*found.base.layers, *(each.descriptor for each in layers)]
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.told(),
        "layers": [each.told() for each in stacked],
        "annotations": {
            **found.recipe.labels,
            "org.opencontainers.image.base.digest": found.base.descriptor.digest,
            "org.opencontainers.image.base.name": Path(found.base.name).name,
        },
    }
    image = layout.put(to_json(content), MANIFEST)
    system, _, machine = order.settings.platform.partition("/")
    placed = Descriptor(
        kind=image.kind,
        digest=image.digest,
        size=image.size,
        platform={"os": system, "architecture": machine},
    )
    return layout.name(placed, order.reference.rpartition(":")[2])


def attach_bill(layout: Layout, image: Descriptor, bill: bytes) -> None:
    """Let the bill of materials belong to the image, as those who look for such find it (OCI referrers)."""
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": KIND,
        "config": layout.put(b"{}", EMPTY).told(),
        "layers": [layout.put(bill, KIND).told()],
        "subject": Descriptor(kind=image.kind, digest=image.digest, size=image.size).told(),
    }
    found = layout.put(to_json(content), MANIFEST)
    layout.name(Descriptor(kind=found.kind, digest=found.digest, size=found.size, artifact=KIND))


def kervan_entries(platform: str) -> list[Entry]:
    """Return Kervan as it runs here, without caches, and what is compiled only where it runs there too."""
    folder = Path(kervan.__file__).parent
    found = [
        Entry(path=f"{CODE}/kervan/{path.relative_to(folder).as_posix()}", read=path.read_bytes)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.name.endswith(_SKIPPED)
        and (path.suffix != ".so" or is_this_machine(platform))
    ]
    about = distribution("kervan")
    for name in ("METADATA", "entry_points.txt"):
        text = about.read_text(name)
        if text:
            path = f"{CODE}/kervan-{about.version}.dist-info/{name}"
            found.append(Entry(path=path, read=lambda text=text: text.encode()))  # type: ignore[misc]
    return found


def kervan_hash(entries: Sequence[Entry]) -> str:
    """Return the hash of all that `kervan_entries` brings."""
    return sha256_parts(f"{each.path}\n{sha256((each.read or bytes)())}" for each in entries)


def _added(order: Order) -> list[Entry]:
    """Return the files and the script that `[image]` adds; raises `InvalidConfig` that names the setting."""
    found = []
    for place, name in order.settings.files.items():
        source, path = order.project / name, place.strip("/")
        if not path or ".." in Path(path).parts:
            raise InvalidConfig(f"[image] files: {place!r} is no path in an image", hint="write /opt/app/x")
        if not source.exists():
            raise NotFound(f"[image] files: there is no {source}", hint="paths begin at the project's folder")
        found += folder_entries(source, path) if source.is_dir() else [_file(source, path)]
    if order.settings.entry:
        script = order.project / order.settings.entry
        if not script.is_file():
            raise NotFound(f"[image] entry: there is no {script}", hint="paths begin at the project's folder")
        if not script.read_bytes().startswith(b"#!"):
            raise InvalidConfig(
                f"[image] entry: {script} does not say what runs it",
                hint='begin it with #!/bin/sh, and end it with: exec "$@"',
            )
        found.append(Entry(path=ENTRY, read=script.read_bytes, executable=True))
    return found


def _file(source: Path, path: str) -> Entry:
    return Entry(path=path, read=source.read_bytes, executable=bool(source.stat().st_mode & 0o100))
