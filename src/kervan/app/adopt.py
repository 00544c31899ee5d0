"""A package file that this project made is released: as the model on record, or put on record if imported.

What was trained elsewhere has no run, no data and no acceptance here, and its record says so.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.register import find_model, parity_report, signing_key, store_package
from kervan.core.errors import Conflict, NotFound, Refused
from kervan.core.identity import Version, new_id
from kervan.core.nouns import Link, Model, Package
from kervan.core.schema import smallest_bump
from kervan.package.contents.archive import SUFFIX
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.opening import opened

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.package.contents.manifest import Manifest


def model_of(project: Project, ref: str, *, why: str = "") -> Model:
    """Return the model that a reference names, or that of the package in a folder or file of that name.

    Raises what `find_model` and `adopt` raise, and `NotFound` for a file that is not there.
    """
    place = Path(ref)
    if place.suffix == SUFFIX and not place.exists():
        raise NotFound(f"there is no file {ref}", hint="check its name, or name a model of `kervan models`")
    is_package = bool(ref) and (place.is_file() or (place / FILE_NAME).is_file())
    return adopt(project, place, why=why) if is_package else find_model(project, ref)


def adopt(project: Project, path: Path, *, why: str = "") -> Model:
    """Return the model of a package that this project made; one from elsewhere is put on record.

    Raises what `opened` raises; `Refused` for a package that another project signed, or for one from
    elsewhere if nothing is said why it may answer; `Conflict` if its version says too little.
    """
    with opened(path) as found:
        manifest, signer = found.manifest, found.signer
        if signer is None or signer.key_id != signing_key(project).signer.key_id:
            raise Refused(
                f"{path} was signed by another project",
                hint="release it there, or answer for it here by `kervan serve`",
            )
        package = project.store.catalog.with_hash(Package, manifest.hash, name=manifest.name)
        if package is not None:
            models = project.store.catalog.all(Model, name=manifest.name)
            return next(each for each in models if each.package == package.id)
        if not manifest.lineage.source:
            raise Refused(f"{path} is on no record here", hint="release a model that `kervan models` shows")
        if not why.strip():
            raise Refused(
                f"{manifest.ref} was trained elsewhere, and nobody accepted it",
                hint='say why it may answer all the same: --why "…"',
            )
        return _put(project, manifest, found.folder, why)


def _put(project: Project, manifest: Manifest, folder: Path, why: str) -> Model:
    is_first = not project.store.catalog.all(Model, name=manifest.name, limit=1)
    with project.store.catalog.transaction() as transaction:
        least = transaction.next_version(
            manifest.name, lambda old: smallest_bump(old.signature, manifest.signature)
        )
        if not is_first and Version.parse(manifest.version) < least:
            raise Conflict(
                f"{manifest.ref} says too little of what changed since the newest version",
                hint=f"import it again, with --version {least}",
            )
        package = store_package(project, manifest, folder)
        model = Model(
            id=new_id(),
            name=manifest.name,
            version=manifest.version,
            hash=manifest.hash,
            creator=project.store.workspace.actor,
            time=time.time(),
            parents=(Link(parent=package.id, role="package"),),
            run="",
            dataset="",
            signature=manifest.signature,
            family=manifest.family,
            metrics={},
            acceptance="",
            package=package.id,
        )
        transaction.put(package)
        transaction.put(parity_report(package, manifest))
        transaction.put(model, action="imported", why=why)
    return model
