"""Making a package folder, and opening one: formats, each proved, under a manifest with every hash."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kervan.core.errors import Conflict, InvalidConfig, StorageFailed
from kervan.core.plugins import plugin
from kervan.package.parity import check_parity, compare, proof_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kervan.core.ports import Format, Predictor
    from kervan.core.schema import Signature
    from kervan.package.fitted import Fitted
    from kervan.package.manifest import Parity
    from kervan.package.parity import Comparison


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
    fitted: Fitted,
    folder: Path,
    formats: Sequence[str],
    matrix: NDArray[np.float32],
    *,
    tolerance: float | None = None,
    seed: int = 0,
) -> tuple[Parity, ...]:
    """Write a fitted model into `folder/<format>/` for each format, score that, and prove it.

    `matrix` holds real rows; rows that are made to hurt join them. Without `tolerance` every format has to
    be as exact as its arithmetic allows. Raises `ParityFailed` for a format that answers differently,
    `Refused` for one that cannot express the model, `Conflict` if the folder is already there; what was
    written is then taken away again.
    """
    if not formats:
        raise InvalidConfig("no format is named", hint='name one in [package], such as formats = ["onnx"]')
    adapters = {name: plugin("format", name) for name in formats}
    rows = proof_rows(fitted, matrix, seed)
    proofs: list[Parity] = []
    written: list[Path] = []
    try:
        for name, adapter in adapters.items():
            place = folder / name
            _make_folder(place)
            written.append(place)
            adapter.save(fitted, place)
            limit = max(adapter.about.tolerance, fitted.slack) if tolerance is None else tolerance
            found = compare_written(name, adapter, fitted, place, rows, limit)
            proofs.extend(check_parity(comparison, rows, fitted.signature) for comparison in found)
    except BaseException as error:
        for place in written:
            shutil.rmtree(place)
        if isinstance(error, OSError):
            raise StorageFailed(f"cannot write {folder}: {error.strerror}") from error
        raise
    return tuple(proofs)


def compare_written(
    name: str,
    adapter: Format,
    fitted: Fitted,
    place: Path,
    rows: NDArray[np.float32],
    tolerance: float,
) -> Iterator[Comparison]:
    """Compare what a format has just written with the model, once for each of its scorers."""
    for file, predictor in _scorers(adapter, place, fitted.signature).items():
        scorer = f"{name}/{file}" if file else name
        yield compare(fitted.predict, predictor, rows, tolerance, name=scorer, scorer=_scored_by(adapter))


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
