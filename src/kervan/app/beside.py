"""What lies beside the catalog, for the doctor: the key, the cache, and who may read all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kervan.app.original import forgotten_originals
from kervan.app.parts import sealed_as
from kervan.app.register import cached_package, package_files, signing_key
from kervan.core.errors import Corrupted, NotFound
from kervan.core.identity import sha256_file
from kervan.core.nouns import Dataset, Finding, Package, Role, Verdict
from kervan.core.private import OTHERS
from kervan.flow.values import CACHE, difference, listing
from kervan.package.contents import signing
from kervan.store.open import KEY, MADE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kervan.app.project import Project

_RESTORE = "restore it from a backup: what it sealed opens with no other, and others trust it"


def look_at_key(project: Project) -> Iterator[Finding]:
    """The workspace's key has to be there, the one that it was, and its owner's alone."""
    keys = project.store.keys
    if not keys.path.exists():
        if keys.is_needed():
            yield _finding("key", Verdict.FAILED, f"the workspace's key is gone: {keys.path}", _RESTORE)
        else:
            yield _finding("key", Verdict.PASSED, "nothing needed a key yet")
        return
    readable = keys.path.stat().st_mode & OTHERS
    if readable:
        hint = f"chmod 600 {keys.path}; whoever read it can open what it sealed and sign as you"
        yield _finding("key", Verdict.FAILED, f"others may read the workspace's key {keys.path}", hint)
    if not _is_same_key(project):
        message = f"{keys.path} is not the key that this workspace began with"
        yield _finding("key", Verdict.FAILED, message, _RESTORE)
    elif not readable:
        yield _finding("key", Verdict.PASSED, "the workspace's key is there, for its owner alone")


def look_at_originals(project: Project) -> Iterator[Finding]:
    """Every original has to have its key, unless that was destroyed on record."""
    forgotten = forgotten_originals(project)
    count = 0
    for dataset in project.store.catalog.all(Dataset):
        keys = [each.key for each in (dataset.origin, *dataset.joined) if each.key]
        if dataset.id in forgotten or all(map(project.store.ring.holds, keys)):
            count += 1
            continue
        message = f"the key of the original of {dataset.ref} is gone, and nobody is on record for it"
        what = f"`kervan data forget-original {dataset.ref}`"
        hint = f"restore {project.store.ring.folder} from a backup, or put it on record: {what}"
        yield _finding("originals", Verdict.FAILED, message, hint)
    yield _finding(
        "originals", Verdict.PASSED, f"the keys of {count:,} datasets are there, or forgotten on record"
    )


def look_at_cache(project: Project) -> Iterator[Finding]:
    """What is laid out in the cache has to be as it is stored; if not, it is laid anew before it is used."""
    folder = project.store.root / CACHE
    packages = {cached_package(project, each): each for each in project.store.catalog.all(Package)}
    count = 0
    wrong = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        files = _laid(project, packages, path)
        if files is None:
            continue
        count += 1
        if what := difference(path, files):
            wrong.append(path / what)
    for path in wrong:
        hint = "nothing to do: it is laid out anew before it is used again"
        yield _finding("cache", Verdict.WARNED, f"{path} is not as it was laid there", hint)
    if not wrong:
        yield _finding("cache", Verdict.PASSED, f"{count} folders are as they were laid out")


def look_at_permissions(project: Project) -> Iterator[Finding]:
    """The workspace holds rows: its folder has to be its owner's alone."""
    root = project.store.root
    if root.exists() and root.stat().st_mode & OTHERS:
        hint = f"chmod -R go= {root}"
        yield _finding("permissions", Verdict.WARNED, f"others may look into {root}, which holds rows", hint)
    else:
        yield _finding("permissions", Verdict.PASSED, "the workspace is its owner's alone")


def _is_same_key(project: Project) -> bool:
    """Compare the key with its print on the trail; in an old workspace, with what it signed or sealed."""
    keys, catalog = project.store.keys, project.store.catalog
    for event in catalog.events(subject=KEY, action=MADE_KEY):
        return bool(event.body["print"] == keys.print)
    for package in catalog.all(Package, limit=1):
        signature = package_files(package).get(signing.FILE_NAME)
        if signature:
            signer = signing_key(project).signer
            return signer.key_id.encode() in project.store.blobs.read_bytes(signature)
    for dataset in catalog.all(Dataset, limit=1):
        sealed = project.store.blobs.read_bytes(dataset.part(Role.TEST).blob)
        return keys.opens(sealed, sealed_as(dataset.name, Role.TEST))
    return True


def _laid(project: Project, packages: Mapping[Path, Package], path: Path) -> dict[str, str] | None:
    """Return what a folder of the cache has to hold, None where it is no whole one."""
    if path in packages:
        files = package_files(packages[path])
        late = path / signing.FILE_NAME
        if late.is_file():  # a package from before they were signed is signed when it is laid out
            files.setdefault(signing.FILE_NAME, sha256_file(late))
        return files
    try:
        return listing(path.name, project.store)
    except (NotFound, Corrupted, msgspec.DecodeError):
        return None


def _finding(subject: str, verdict: Verdict, message: str, hint: str = "") -> Finding:
    return Finding(rule="doctor", subject=subject, verdict=verdict, message=message, hint=hint)
