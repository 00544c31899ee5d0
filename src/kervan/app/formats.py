"""Which formats a registered model can take, tried and proved here and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.parts import read_part
from kervan.app.register import manifest_of, package_folder
from kervan.core.errors import Refused
from kervan.core.nouns import Dataset, Role
from kervan.core.plugins import plugin, plugins
from kervan.package.encoding import encode_table
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import proof_rows
from kervan.package.proving.survey import absent, survey
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.native import NATIVE, admit_functions
from kervan.package.writing.native.read import read_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Matrix
    from kervan.package.contents.manifest import Parity
    from kervan.package.proving.survey import Tried

_REAL_ROWS = 1_000
_SEED = 0


def formats_of(project: Project, model: Model, names: Sequence[str] = ()) -> list[Tried]:
    """Try every format, or the named ones, on a model: written, proved over hurting rows, and timed.

    Nothing of what is written stays. Raises `NotFound` for a format that does not exist, `Refused` for a
    package without the format `native`, from which the original is put together again.
    """
    names = tuple(dict.fromkeys(names))
    for name in names:
        _known(name)  # a wrong name is told before anything is tried
    fitted = original_of(project, model)
    found = []
    for tried in survey(fitted, _rows(project, model, fitted), names or sorted(plugins("format"))):
        found.append(tried)
        project.remark(tried.format, tried.reason or str(tried.support))
    return found if names else [*found, *absent()]


def write_model(project: Project, model: Model, name: str, to: Path) -> tuple[Parity, ...]:
    """Write a registered model into a new folder in any format, proved before it is there.

    Raises what `formats_of` raises, and `Conflict` if the folder exists.
    """
    _known(name)
    fitted = original_of(project, model)
    return write_format(name, fitted, to, _rows(project, model, fitted))


def _known(name: str) -> None:
    """Raise `NotFound` for a name that is no format's, and `Refused` with the reason why one is not there."""
    for each in absent():
        if each.format == name:
            raise Refused(f"{name} is not written: {each.reason}", hint="choose another format")
    plugin("format", name)


def original_of(project: Project, model: Model) -> Fitted:
    """Put a registered model together again from its package's native format, every part checked."""
    if model.is_imported:
        raise Refused(
            f"{model.ref} was trained elsewhere, and its file is not kept",
            hint="import it again and name its formats: kervan package import … --formats onnx,c",
        )
    manifest = manifest_of(project, model)
    if NATIVE not in manifest.formats:
        raise Refused(
            f"the package of {model.ref} has no native format, from which others could be written",
            hint='name "native" in [package] formats and train again',
        )
    folder = package_folder(project, model) / NATIVE
    admit_functions(folder, model.signature)
    return Fitted(read_model(folder), model.signature, manifest.precision)


def _rows(project: Project, model: Model, fitted: Fitted) -> Matrix:
    dataset = project.store.catalog.get(Dataset, model.dataset)
    real = encode_table(read_part(project, dataset, Role.VALIDATION), model.signature)[:_REAL_ROWS]
    return proof_rows(fitted, real, _SEED)
