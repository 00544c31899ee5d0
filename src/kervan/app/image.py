"""Images of registered models: made once for what is in them, pushed, and loaded where they are to run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.app.register import manifest_of, package_folder, signing_key
from kervan.core.errors import Conflict, InvalidConfig
from kervan.core.identity import sha256_parts
from kervan.core.private import write_private
from kervan.core.workspace import workspace_of
from kervan.deploy.image.build import (
    BOM,
    LAYOUT,
    Image,
    Order,
    Part,
    gather,
    kervan_entries,
    kervan_hash,
    write_context,
)
from kervan.deploy.image.build import (
    build as build_image,
)
from kervan.deploy.image.engine import engine
from kervan.deploy.image.registry import Registry
from kervan.deploy.image.registry import push as push_image
from kervan.deploy.image.scan import Scan
from kervan.deploy.image.scan import scan as scan_bill
from kervan.deploy.reference import read_reference
from kervan.deploy.workload import image_of
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.places import ImageSettings
    from kervan.core.serving import Plan

_NOTE = "image.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What lies beside an image that was made."""

    reference: str
    digest: str
    parts: tuple[Part, ...]


def build(project: Project, model: Model, settings: ImageSettings | None = None) -> Image:
    """Return the image of a model by `[image]`; made now, unless the same was made before.

    The same is: the same package, settings and Kervan. What a tag of a base means is looked up when an image
    is made; `forget` lets it be made again.
    """
    order = order_of(project, model, settings or project.config.image)
    folder = _folder(project, order)
    known = _known(folder)
    if known is not None:
        project.known("image", f"{known.reference} {known.digest}")
        return known
    with project.stage("image") as tell, storage_errors(str(folder)):
        image = build_image(order, folder, lambda what: project.remark("image", what))
        note = _Note(reference=image.reference, digest=image.digest, parts=image.parts)
        write_private(folder / _NOTE, msgspec.json.encode(note))
        tell(f"{image.reference} {image.digest}")
    return image


def forget(project: Project, model: Model) -> None:
    """Let the image of a model be made again: its base may be a newer one by now."""
    shutil.rmtree(_folder(project, order_of(project, model, project.config.image)), ignore_errors=True)


def push(project: Project, model: Model, settings: ImageSettings | None = None) -> Image:
    """Put the image of a model into the registry of `[image]`, what is there already left out.

    Raises `InvalidConfig` where none is named, and what registries raise: then its tag is as it was.
    """
    settings = settings or project.config.image
    if not settings.registry:
        raise InvalidConfig(
            "[image] registry names no registry", hint='write: registry = "registry.example.com/team"'
        )
    image = build(project, model, settings)
    reference = read_reference(image.reference)
    if Registry(reference).digest(reference.tag) == image.digest:
        project.known("push", f"{image.reference} is there")
        return image
    with project.stage("push") as tell:
        push_image(image.layout, reference, image.descriptor, lambda what: project.remark("push", what))
        tell(image.reference)
    return image


def ensure(project: Project, model: Model, settings: ImageSettings, *, pushed: bool) -> Image:
    """See to it that a model's image is where it is needed: in the registry, or with the engine here."""
    if pushed:
        return push(project, model, settings)
    image = build(project, model, settings)
    engine().load(image.layout, image.reference, image.digest)
    return image


def is_pulled(plan: Plan) -> bool:
    """Say whether what runs an image fetches it from a registry, and is no engine of this machine."""
    is_here = plan.target == "local-container" or (plan.target == "compose" and not plan.image.registry)
    return not is_here


def write_out(image: Image, to: Path) -> Path:
    """Copy an image's layout into a new folder, or into one file if the name ends in `.tar`."""
    if to.exists():
        raise Conflict(f"{to} exists already", hint="take it away, or name another")
    unfinished = to.with_name(f".{to.name}.unfinished")
    with storage_errors(str(to)):
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)  # of one that was killed half way
        if to.suffix == ".tar":
            image.layout.pack(unfinished, image.digest, image.reference)
        else:
            shutil.copytree(image.folder / LAYOUT, unfinished)
        unfinished.replace(to)
    return to


def context(project: Project, model: Model, to: Path) -> Path:
    """Write the folder from which podman, docker or buildah make the image by its Dockerfile."""
    if to.exists() and any(to.iterdir()):
        raise Conflict(f"{to} is not empty", hint="name a new folder")
    order = order_of(project, model, project.config.image)
    with project.stage("image") as tell, storage_errors(str(to)):
        to.mkdir(parents=True, exist_ok=True)
        write_context(gather(order, lambda what: project.remark("image", what)), to)
        tell(f"{to}/Dockerfile")
    return to


def scan(project: Project, model: Model, advisories: Path) -> Scan:
    """Look up what a model's image holds in advisories that lie in a folder, ZIP or file."""
    image = build(project, model)
    with project.stage("scan") as tell:
        found = scan_bill((image.folder / BOM).read_bytes(), advisories)
        tell(f"{len(found.found)} found")
    return found


def order_of(project: Project, model: Model, settings: ImageSettings) -> Order:
    """Say what image of a model is wanted."""
    manifest = manifest_of(project, model)
    return Order(
        package=package_folder(project, model),
        manifest=manifest,
        settings=settings,
        reference=image_of(manifest, settings),
        project=project.config.folder.resolve(),
        cache=_root(project) / "cache",
        trusted=(signing_key(project).signer.key_id,),
    )


def _root(project: Project) -> Path:
    return workspace_of(project.config).root / "images"


def _folder(project: Project, order: Order) -> Path:
    """Return where an image lies: named by all that decides what is in it."""
    plain = replace(order.settings, registry="")  # the same image goes to every registry
    told = [f"{each.name}={getattr(plain, each.name)!r}" for each in fields(plain)]
    added = _stamps(order)
    key = sha256_parts(
        [
            order.manifest.hash,
            order.reference,
            *order.trusted,
            *told,
            *added,
            kervan_hash(kervan_entries(plain.platform)),
        ]
    )
    return _root(project) / key[:32]


def _stamps(order: Order) -> list[str]:
    """Return what tells whether files of the user's changed since."""
    named = [*order.settings.files.values(), order.settings.entry, order.settings.wheels, order.settings.base]
    places = [order.project / name for name in filter(None, named)]
    found = [path for place in places if place.exists() for path in (place, *sorted(place.rglob("*")))]
    return [f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}" for path in found if path.is_file()]


def _known(folder: Path) -> Image | None:
    try:
        note = msgspec.json.decode((folder / _NOTE).read_bytes(), type=_Note)
        return Image(folder=folder, reference=note.reference, digest=note.digest, parts=note.parts)
    except (OSError, msgspec.DecodeError):
        return None
