"""An accepted candidate becomes a Model: packaged, versioned by its schema, on record."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.app.manifest import complete_package
from kervan.app.package import copy_package
from kervan.core.features import codes
from kervan.core.identity import Ref, check_name, new_id
from kervan.core.nouns import Link, Model, Package, Report, ReportKind, Verdict
from kervan.core.schema import smallest_bump
from kervan.flow.values import CACHE, materialise
from kervan.model.steps import CARD
from kervan.package.contents import signing
from kervan.package.contents.manifest import FILE_NAME, Manifest
from kervan.package.contents.readers.any import parse_manifest
from kervan.package.contents.signing import SigningKey
from kervan.package.opening import load_package
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.train import Trained
    from kervan.core.ports import Predictor


def register(project: Project, trained: Trained, acceptance: Report) -> Model:
    """Register an accepted candidate as the next version; one that is registered already is returned.

    The version rises as far as the difference to the newest version's signature demands.
    """
    name = check_name(project.config.model_name, "a model")
    known = project.store.catalog.with_hash(Model, trained.hash, name=name)
    if known is not None:
        project.known("register", f"{known.ref} is this very model")
        return known
    with project.stage("register") as tell, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "package"
        shutil.copytree(trained.folder, folder, ignore=shutil.ignore_patterns(CARD))
        with project.store.catalog.transaction() as transaction:
            known = project.store.catalog.with_hash(Model, trained.hash, name=name)
            if known is not None:  # another process was faster
                return known
            version = transaction.next_version(
                name, lambda old: smallest_bump(old.signature, trained.signature)
            )
            key = signing_key(project)
            manifest = complete_package(project, trained, acceptance, version, folder, key)
            package = store_package(project, manifest, folder)
            model = _model(trained, acceptance, package, manifest)
            transaction.put(package)
            transaction.put(parity_report(package, manifest))
            transaction.put(model, action="registered")
        tell(f"{model.ref}, {trained.candidate.family}")
    return model


def models(project: Project, *, name: str | None = None) -> list[Model]:
    """Return all models, newest first."""
    return project.store.catalog.all(Model, name=name)


def find_model(project: Project, ref: str) -> Model:
    """Return the model that a reference names; the project's own model if it is empty."""
    return project.store.catalog.find(Model, Ref.parse(ref or project.config.model_name))


def acceptance_of(project: Project, model: Model) -> Report | None:
    """Return the report by which a model was accepted, None for one that was trained elsewhere."""
    if model.is_imported:
        return None
    return project.store.catalog.get(Report, model.acceptance)


def manifest_of(project: Project, model: Model) -> Manifest:
    """Return a model's manifest, checked against its hash."""
    package = project.store.catalog.get(Package, model.package)
    return parse_manifest(project.store.blobs.read_bytes(package.hash), place=f"the manifest of {model.ref}")


def package_folder(project: Project, model: Model) -> Path:
    """Return a folder that holds the model's package, every file checked.

    A package from before packages were signed is signed now: its manifest is the one on record.
    """
    package = project.store.catalog.get(Package, model.package)
    files = package_files(package)
    if signing.FILE_NAME not in files:
        files[signing.FILE_NAME] = _sign_late(project, package)
    return materialise(files, package.hash, project.store)


def package_files(package: Package) -> dict[str, str]:
    """Return the files (path → hash) of a package that are on record; an old one has no signature."""
    covers = {link.role: link.parent.removeprefix("sha256:") for link in package.parents}
    signature = covers.get(signing.FILE_NAME)
    signed = {signing.FILE_NAME: signature} if signature else {}
    return {**{file.path: file.sha256 for file in package.files}, FILE_NAME: package.hash, **signed}


def cached_package(project: Project, package: Package) -> Path:
    """Return the folder in which a package is laid out when it is needed."""
    return project.store.root / CACHE / package.hash


def _sign_late(project: Project, package: Package) -> str:
    """Sign a manifest that is on record, and return the hash of the stored signature: always the same."""
    manifest = project.store.blobs.read_bytes(package.hash)
    return project.store.blobs.put_bytes(signing_key(project).sign(manifest))


def signing_key(project: Project) -> SigningKey:
    """Return the key by which the workspace signs its packages; it comes from the workspace's secret."""
    return SigningKey(project.store.keys.derived("package signatures"))


def load_model(project: Project, model: Model) -> tuple[Manifest, Predictor]:
    """Load a model of the workspace from its package, signed by the workspace; its functions may run."""
    trusted = (signing_key(project).signer.key_id,)
    folder = package_folder(project, model)
    return load_package(folder, trusted=trusted, allow=codes(model.signature.features))


def export_package(project: Project, model: Model, to: Path) -> Path:
    """Copy a model's package into a new folder, or into one file if the name ends in `.kervan`."""
    return copy_package(package_folder(project, model), to)


def store_package(project: Project, manifest: Manifest, folder: Path) -> Package:
    """Keep the files of a package folder, and return its record, which is not yet put."""
    blobs = project.store.blobs
    links = [stored(blobs.put_file(folder / file.path), file.path) for file in manifest.files]
    digest = blobs.put_file(folder / FILE_NAME)
    signature = blobs.put_file(folder / signing.FILE_NAME)
    run = (Link(parent=manifest.lineage.run, role="run"),) if manifest.lineage.run else ()
    covers = (stored(digest, FILE_NAME), stored(signature, signing.FILE_NAME))
    return Package(
        id=new_id(),
        name=manifest.name,
        version=manifest.version,
        hash=digest,
        creator=manifest.creator,
        time=manifest.created,
        parents=(*run, *covers, *links),
        formats=manifest.formats,
        files=manifest.files,
        parity=max((proof.largest for proof in manifest.parity), default=0.0),
    )


def parity_report(package: Package, manifest: Manifest) -> Report:
    """Return the proofs of a package as a report, which is not yet put."""
    return Report(
        id=new_id(),
        name=package.name,
        creator=package.creator,
        time=package.time,
        parents=(Link(parent=package.id, role="about"),),
        kind=ReportKind.PARITY,
        verdict=Verdict.PASSED,
        body=msgspec.to_builtins(manifest.parity),
    )


def _model(trained: Trained, acceptance: Report, package: Package, manifest: Manifest) -> Model:
    return Model(
        id=new_id(),
        name=manifest.name,
        version=manifest.version,
        hash=trained.hash,
        creator=manifest.creator,
        time=manifest.created,
        parents=(
            Link(parent=trained.run.id, role="run"),
            Link(parent=trained.dataset.id, role="data"),
            Link(parent=acceptance.id, role="acceptance"),
            Link(parent=package.id, role="package"),
        ),
        run=trained.run.id,
        dataset=trained.dataset.id,
        signature=trained.signature,
        family=trained.candidate.family,
        metrics=dict(trained.evaluation.metrics),
        acceptance=acceptance.id,
        package=package.id,
    )
