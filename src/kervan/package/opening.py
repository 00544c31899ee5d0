"""Opening a package: signature, manifest and every file are checked before anything is loaded."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, KervanError, MissingExtra, NotFound, Refused
from kervan.core.features import called
from kervan.package.contents import signing
from kervan.package.contents.archive import read_ahead, unpack_package
from kervan.package.contents.files import check_files
from kervan.package.contents.manifest import FILE_NAME, Manifest
from kervan.package.contents.readers.any import parse_manifest
from kervan.package.contents.signing import Signer, check_signature
from kervan.package.proving.build import load_format, rounding, served_format
from kervan.package.quick.quickened import quickened
from kervan.package.quick.scorer import quick_scorer
from kervan.package.writing.formats.native import NATIVE, file_in
from kervan.package.writing.formats.onnx import MATRIX_FILE, MatrixPredictor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from kervan.core.ports import Predictor

_SAYING = (FILE_NAME, signing.FILE_NAME)
_LARGEST = 64 << 20  # bytes of a manifest or signature that are read at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A package whose every file was checked; `signer` is None if it is not signed."""

    folder: Path
    manifest: Manifest
    signer: Signer | None


def check_allowed(manifest: Manifest, allow: Collection[str]) -> None:
    """Raise `Refused` for a model with functions of Python that nobody allowed, by name or by their hash."""
    for feature in called(manifest.signature.features):
        if not {feature.call, feature.code} & set(allow):
            told = f"the feature {feature.name!r} is {feature.call}"
            raise Refused(
                f"{manifest.ref} runs Python code that came with it: {told}",
                hint=f"read {NATIVE}/{file_in(feature)} in the package; if you trust it, allow it by name: "
                f"--allow {feature.call}, of a container KERVAN_ALLOW={feature.call}",
            )


@contextmanager
def opened(path: Path, *, trusted: Collection[str] | None = None, unsigned: bool = False) -> Iterator[Opened]:
    """Open the package in a folder or in one file, checked; see `load_package`.

    One file is unpacked into a folder of its own, which is gone afterwards: nothing but what its manifest
    names, once that is found to be signed.
    """
    if not path.is_file():
        yield check_package(path, trusted=trusted, unsigned=unsigned)
        return
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch) / path.name
        saying = read_ahead(path, _SAYING, _LARGEST)
        manifest, _ = _check_told(path, saying, trusted, unsigned=unsigned)
        sizes = {file.path: file.size for file in manifest.files}
        unpack_package(path, folder, sizes | {name: len(content) for name, content in saying.items()})
        try:
            yield check_package(folder, trusted=trusted, unsigned=unsigned)
        except (Corrupted, NotFound, Refused) as error:  # which would name a folder that is gone
            raise type(error)(str(error).replace(str(folder), str(path)), hint=error.hint) from error


def check_package(folder: Path, *, trusted: Collection[str] | None = None, unsigned: bool = False) -> Opened:
    """Check the signature, the manifest and every file of the package in a folder; see `load_package`."""
    found = {name: content for name in _SAYING if (content := _read(folder, name)) is not None}
    manifest, signer = _check_told(folder, found, trusted, unsigned=unsigned)
    check_files(folder, manifest.files)
    return Opened(folder=folder, manifest=manifest, signer=signer)


def told(path: Path) -> Manifest | None:
    """Return what a package (a folder or one file) says of itself, nothing checked; None if it is none."""
    try:
        if path.is_file():
            content = read_ahead(path, [FILE_NAME], _LARGEST).get(FILE_NAME)
        else:
            content = _read(path, FILE_NAME)
        return None if content is None else parse_manifest(content, str(path / FILE_NAME))
    except (KervanError, OSError):
        return None


def _check_told(
    place: Path, saying: Mapping[str, bytes], trusted: Collection[str] | None, *, unsigned: bool
) -> tuple[Manifest, Signer | None]:
    """Check the manifest and the signature of the package in a place, and return what they say."""
    content = saying.get(FILE_NAME)
    if content is None:
        why = "" if place.exists() else ": there is no such file or folder"
        raise NotFound(f"{place} holds no package{why}", hint=f"a package has a {FILE_NAME}")
    signer = _check_signer(place, saying, trusted, unsigned=unsigned)
    return parse_manifest(content, str(place / FILE_NAME)), signer


def load_package(
    path: Path,
    *,
    trusted: Collection[str] | None = None,
    unsigned: bool = False,
    allow: Collection[str] = (),
) -> tuple[Manifest, Predictor]:
    """Check a package, in a folder or in one file, and load the format that is served.

    `trusted` are the ids of the keys whose signature counts; None lets any key's count, which shows that
    the package is whole, and not who made it. `unsigned` also opens one without signature. `allow` names the
    functions of Python that may run, or the hashes of their files. Raises `NotFound` if there is no package,
    `Corrupted` if anything in it is not as it was signed, `Refused` if it is not signed or signed by another
    key than the trusted ones, or if it brings a function that is not allowed.
    """
    with opened(path, trusted=trusted, unsigned=unsigned) as found:
        return load_opened(found, allow)


def load_opened(found: Opened, allow: Collection[str] = ()) -> tuple[Manifest, Predictor]:
    """Load the format that is served, of a package that was checked; see `load_package` for `allow`.

    Without ONNX Runtime the quick scorer answers for graphs of trees and linear models; for any other
    `MissingExtra` says what to install.
    """
    manifest = found.manifest
    if not manifest.formats:
        raise Corrupted(f"{found.folder / FILE_NAME} names no format", hint="package the model again")
    check_allowed(manifest, allow)
    name = served_format(manifest.formats)
    folder = found.folder / name
    try:
        predictor = load_format(name, folder, manifest.signature, manifest.precision)
    except MissingExtra as error:
        alone = quick_scorer(folder / MATRIX_FILE) if error.module == "onnxruntime" else None
        if alone is None:
            raise
        return manifest, rounding(alone, manifest.precision)
    if isinstance(predictor, MatrixPredictor):
        predictor = quickened(predictor, folder / MATRIX_FILE)
    return manifest, predictor


def _check_signer(
    folder: Path, saying: Mapping[str, bytes], trusted: Collection[str] | None, *, unsigned: bool
) -> Signer | None:
    content = saying.get(signing.FILE_NAME)
    if content is None:
        if unsigned and trusted is None:
            return None
        raise Refused(
            f"{folder} is not signed",
            hint="ask whoever made it to export it again; `kervan package check --unsigned` checks the rest",
        )
    signer = check_signature(content, saying[FILE_NAME], str(folder / signing.FILE_NAME))
    if trusted is not None and signer.key_id not in trusted:
        raise Refused(
            f"{folder} is signed by key {signer.key_id}, which is none of those that you trust",
            hint="ask whoever gave it to you for their key, and compare it by another way",
        )
    return signer


def _read(folder: Path, name: str) -> bytes | None:
    """Return the bytes of a file that says what the others are, or None if there is none."""
    path = folder / name
    try:
        if not path.is_symlink() and not path.exists():
            return None
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            raise Corrupted(f"{path} is a link, no file, or too large", hint="fetch the package again")
        return path.read_bytes()
    except NotADirectoryError:
        return None
