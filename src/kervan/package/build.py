"""Making a package folder, and opening one: formats, each proved, under a manifest with every hash."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from kervan.core.errors import Conflict, InvalidConfig, StorageFailed
from kervan.core.plugins import plugin
from kervan.package.fitted import Fitted
from kervan.package.parity import check_parity, compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kervan.core.ports import Format, Predictor
    from kervan.core.schema import Signature
    from kervan.package.manifest import Parity


@runtime_checkable
class Proving(Protocol):
    """A format that is proved by more than what `load` gives: by several files, or by programs of others."""

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return what scores the files that were just written, by name ("gcc 12.2", "model.onnx").

        Code among the files is run: only for files that this process wrote. Raises `MissingTool` if
        nothing here can run them.
        """


@runtime_checkable
class Requiring(Protocol):
    """A format that says which distributions have to be installed to score it."""

    requires: tuple[str, ...]


def write_formats(
    model: Any,
    signature: Signature,
    folder: Path,
    formats: Sequence[str],
    matrix: NDArray[np.float32],
    *,
    tolerance: float,
) -> tuple[Parity, ...]:
    """Write a fitted model into `folder/<format>/` for each format, load it again, and prove it.

    `matrix` holds the rows of the proof (see `nasty_rows`). Raises `ParityFailed` for a format that
    answers differently, `Refused` for one that cannot express the model, `Conflict` if the folder is
    already there; what was written is then taken away again.
    """
    if not formats:
        raise InvalidConfig("no format is named", hint='name one in [package], such as formats = ["onnx"]')
    adapters = {name: plugin("format", name) for name in formats}
    fitted = Fitted(model, signature)
    proofs: list[Parity] = []
    written: list[Path] = []
    try:
        for name, adapter in adapters.items():
            place = folder / name
            _make_folder(place)
            written.append(place)
            adapter.save(fitted, place)
            for file, predictor in _scorers(adapter, place, signature).items():
                scorer = f"{name}/{file}" if file else name
                comparison = compare(
                    fitted.predict, predictor, matrix, tolerance, name=scorer, scorer=_scored_by(adapter)
                )
                proofs.append(check_parity(comparison, matrix, signature))
    except BaseException as error:
        for place in written:
            shutil.rmtree(place)
        if isinstance(error, OSError):
            raise StorageFailed(f"cannot write {folder}: {error.strerror}") from error
        raise
    return tuple(proofs)


def requirements(formats: Sequence[str]) -> dict[str, str]:
    """Return the exact versions of the distributions that scoring in these formats needs here."""
    names = {name for entry in formats for name in _requires(plugin("format", entry))}
    return {name: version(name) for name in sorted(names)}


def _make_folder(place: Path) -> None:
    try:
        place.mkdir(parents=True)
    except FileExistsError as error:
        raise Conflict(f"{place} is already there", hint="write the package into a new folder") from error


def _scorers(adapter: Format, place: Path, signature: Signature) -> Mapping[str, Predictor]:
    if isinstance(adapter, Proving):
        return adapter.scorers(place, signature)
    return {"": adapter.load(place, signature)}


def _requires(adapter: Format) -> tuple[str, ...]:
    return adapter.requires if isinstance(adapter, Requiring) else ()


def _scored_by(adapter: Format) -> str:
    """Return what scored the proof, with exact versions."""
    return " ".join(f"{name} {version(name)}" for name in _requires(adapter))
