"""A registered model as a wheel, an npm package or a JAR."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.formats import write_model
from kervan.app.register import manifest_of
from kervan.core.errors import Conflict, StorageFailed
from kervan.package.distribution import jar, npm, wheel
from kervan.package.distribution.product import Product

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Model

_WRITERS = {
    "wheel": (wheel.LANGUAGE, wheel.write_wheel),
    "npm": (npm.LANGUAGE, npm.write_npm),
    "jar": (jar.LANGUAGE, jar.write_jar),
}


def distribute(project: Project, model: Model, kind: str, to: Path) -> tuple[Path, Product]:
    """Write a registered model as a "wheel", "npm" package or "jar" into a folder, its code proved first.

    Raises what `write_model` raises, and `Conflict` if the file is there already.
    """
    language, write = _WRITERS[kind]
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch) / language
        parity = write_model(project, model, language, folder)
        sources = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    product = Product(
        name=model.name,
        version=model.version,
        hash=model.hash,
        licence=manifest_of(project, model).licence,
        signature=model.signature,
        parity=parity,
    )
    name, content = write(sources, product)
    return _put(to / name, content), product


def _put(path: Path, content: bytes) -> Path:
    """Write a new file, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise Conflict(f"{path} exists already", hint="take it away, or name another folder")
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StorageFailed(f"cannot write {path}: {error.strerror}") from error
    return path
