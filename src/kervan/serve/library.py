"""A folder of packages, each in a folder or in one file, that a server takes its models from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import StorageFailed
from kervan.core.identity import Version
from kervan.package.opening import told

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.package.contents.manifest import Manifest


def packages_in(folder: Path) -> list[tuple[Path, Manifest]]:
    """Return the packages that lie in a folder and what they say of themselves, older versions first.

    Nothing is checked yet. Raises `StorageFailed` for a folder that cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise StorageFailed(
            f"cannot read {folder}: {error.strerror}", hint="name a folder of packages"
        ) from error
    found = [(path, manifest) for path in paths if (manifest := told(path)) is not None]
    return sorted(found, key=lambda each: (each[1].name, Version.parse(each[1].version)))
