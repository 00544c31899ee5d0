"""Packages that leave: taken out of a workspace, checked anywhere, and whose key it was."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import Conflict, StorageFailed
from kervan.package.contents.archive import SUFFIX, pack
from kervan.package.contents.signing import Signer, read_public_key
from kervan.package.contents.sigstore import check_bundle, sign_folder
from kervan.package.opening import load_opened, opened
from kervan.package.writing.formats.onnx import bound_memory
from kervan.serve.trial import try_samples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kervan.package.contents.manifest import Manifest
    from kervan.package.contents.sigstore import Identity

_FOLDER = 0o755  # a workspace's are their owner's alone, and a package that leaves is for others


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A package that is whole and answers.

    `trusted` says that the signer's key was given beforehand, `bundle` that a Sigstore bundle was checked.
    """

    manifest: Manifest
    signer: Signer | None
    trusted: bool
    bundle: bool = False


def copy_package(folder: Path, to: Path) -> Path:
    """Copy a package into a new folder, or into one file if the name ends in `.kervan`.

    Whole or not at all. Raises `Conflict` if the place is taken.
    """
    if to.exists() or to.is_symlink():
        raise Conflict(f"{to} exists already", hint="choose another name")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        if to.suffix == SUFFIX:
            pack(folder, to)
            return to
        with tempfile.TemporaryDirectory(prefix=f".{to.name}.", dir=to.parent) as scratch:
            copy = shutil.copytree(folder, Path(scratch) / "package", copy_function=shutil.copyfile)
            for each in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
                each.chmod(_FOLDER)
            copy.rename(to)
    except OSError as error:
        raise StorageFailed(f"cannot write {to}: {error.strerror}") from error
    return to


def key_ids(keys: Iterable[Path]) -> tuple[str, ...]:
    """Return the ids of public keys in files. Raises `InvalidInput` for a file that holds none."""
    return tuple(read_public_key(path.read_bytes(), str(path)).key_id for path in keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A Sigstore bundle, and who has to have signed it: the owner of a public key, or an identity."""

    path: Path
    signer: Path | Identity


def sign_package(path: Path, bundle: Path, *, key: Path | None = None, password: str | None = None) -> None:
    """Sign a package, in a folder or one file, by a Sigstore bundle beside it; see `sign_folder`."""
    with opened(path, unsigned=True) as found:
        sign_folder(found.folder, bundle, key=key, password=password)


def check_package(
    path: Path,
    *,
    key: Path | None = None,
    unsigned: bool = False,
    bundle: Bundle | None = None,
    allow: Iterable[str] = (),
) -> Checked:
    """Check a package in a folder or one file: signature, every file, and its answers for its samples.

    With `key`, the file of a public key, only that one's signature counts; with `bundle`, that has to hold
    too; `allow` names the functions of Python that may run. Raises what `load_package` and `check_bundle`
    raise, `ServerFailed` if the model's figures are no answer, and `ParityFailed` if they are not those of
    the machine where the package was made.
    """
    trusted = None if key is None else key_ids([key])
    with opened(path, trusted=trusted, unsigned=unsigned) as found:
        if bundle is not None:
            check_bundle(found.folder, bundle.path, bundle.signer)
        bound_memory()
        manifest, predictor = load_opened(found, tuple(allow))
        try_samples(manifest, predictor)
        return Checked(
            manifest=manifest,
            signer=found.signer,
            trusted=trusted is not None,
            bundle=bundle is not None,
        )
