"""The seal of a package folder: a manifest over all of its files, and a signature over that."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.core.errors import StorageFailed
from kervan.package.contents import signing
from kervan.package.contents.files import list_files
from kervan.package.contents.manifest import FILE_NAME, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.package.contents.signing import SigningKey


def write_manifest(manifest: Manifest, folder: Path, key: SigningKey) -> Manifest:
    """Hash the files in the folder, write the manifest over them and sign it; return it complete."""
    complete = replace(manifest, files=list_files(folder), digest="")
    content = complete.to_json()
    write_whole(folder / FILE_NAME, content)
    write_whole(folder / signing.FILE_NAME, key.sign(content))
    return complete


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once: under another name, flushed, renamed."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StorageFailed(f"cannot write {path}: {error.strerror}") from error
