"""Making a package folder, and opening one: formats, each proved, under a manifest with every hash."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from kervan.core.errors import Conflict, InvalidConfig, Refused, StorageFailed
from kervan.core.plugins import extras_named, plugin
from kervan.core.ports import Precision
from kervan.package.answers import flaw_of
from kervan.package.encoding import encoded, held
from kervan.package.proving.parity import check_parity, compare, proof_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Format, Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.package.contents.manifest import Parity
    from kervan.package.writing.fitted import Fitted


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
    matrix: Matrix,
    *,
    tolerance: float | None = None,
    seed: int = 0,
) -> tuple[Parity, ...]:
    """Write a fitted model into `folder/<format>/` for each format, score that, and prove it.

    `matrix` holds real rows; rows that are made to hurt join them. Without `tolerance` every format has to
    be as exact as its arithmetic allows. Raises `ParityFailed` for a format that answers differently,
    `Refused` for one that cannot express the model, `Conflict` if the folder is already there; what was
    written is then taken away again. `Refused` also for a model whose answers no server would give.
    """
    if not formats:
        raise InvalidConfig("no format is named", hint='name one, such as "onnx"')
    for number, name in enumerate(formats):
        plugin("format", name)  # a wrong name is told before anything is written
        if name in formats[:number]:
            raise InvalidConfig(f"the format {name!r} is named twice", hint="name each format once")
    served_format(formats)
    rows = proof_rows(fitted, matrix, seed)
    _check_answers(fitted, rows)
    proofs: list[Parity] = []
    written: list[Path] = []
    try:
        for name in formats:
            proofs += write_format(name, fitted, folder / name, rows, tolerance=tolerance)
            written.append(folder / name)
    except BaseException:
        for place in written:
            shutil.rmtree(place)
        raise
    return tuple(proofs)


def _check_answers(fitted: Fitted, rows: Matrix) -> None:
    """Raise `Refused` if the model's answers are none; rows without a finite one are left to the proof."""
    with np.errstate(over="ignore", invalid="ignore"):
        answers = fitted.predict(rows)
    flaw = flaw_of(answers[np.isfinite(answers).all(axis=1)], fitted.signature)
    if flaw is not None:
        raise Refused(
            f"one of the model's answers {flaw[1]}, and a server gives no such answer",
            hint="use a model whose probabilities add up to 1, or calibrate this one",
        )


def write_format(
    name: str, fitted: Fitted, place: Path, rows: Matrix, *, tolerance: float | None = None
) -> tuple[Parity, ...]:
    """Write a fitted model into a new folder in one format, and prove it over `rows`; see `write_formats`."""
    adapter: Format = plugin("format", name)
    _make_folder(place)
    try:
        adapter.save(fitted, place)
        scorers = scorers_of(adapter, place, fitted.signature)
        return prove(name, scorers, fitted, rows, tolerance=tolerance)
    except BaseException as error:
        shutil.rmtree(place)
        if isinstance(error, OSError):
            raise StorageFailed(f"cannot write {place}: {error.strerror}") from error
        raise


def served_format(formats: Sequence[str]) -> str:
    """Return the first format that can answer requests: none whose files are code.

    Raises `InvalidConfig` if there is none.
    """
    for name in formats:
        if not plugin("format", name).about.is_code:
            return name
    raise InvalidConfig(
        f"none of the formats {', '.join(formats)} can be served: they are for other programs",
        hint='name "onnx" beside them',
    )


def prove(
    name: str,
    scorers: Mapping[str, Predictor],
    fitted: Fitted,
    rows: Matrix,
    *,
    tolerance: float | None = None,
) -> tuple[Parity, ...]:
    """Compare every scorer of a written format with the model, or raise `ParityFailed`.

    The model is asked about the rows as the format's files hold them.
    """
    adapter: Format = plugin("format", name)
    limit = max(adapter.about.tolerance, fitted.slack) if tolerance is None else tolerance
    rows = held(rows, adapter.about.precision)
    proofs = []
    for file, predictor in scorers.items():
        called = f"{name}/{file}" if file else name
        found = compare(fitted.predict, predictor, rows, limit, name=called, scorer=_scored_by(adapter))
        proof = check_parity(found, rows, fitted.signature)
        proofs.append(replace(proof, precision=adapter.about.precision))
    return tuple(proofs)


def scorers_of(adapter: Format, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
    """Return what scores the files that a format has just written, by name."""
    if isinstance(adapter, Proving):
        return adapter.scorers(folder, signature)
    return {"": adapter.load(folder, signature)}


def load_format(
    name: str, folder: Path, signature: Signature, precision: Precision = Precision.DOUBLE
) -> Predictor:
    """Load what a package holds in one format, to answer for the encoded matrix of a signature.

    `precision` is the package's: rows are rounded to it before they are scored.
    """
    adapter: Format = plugin("format", name)
    with extras_named():
        predictor = adapter.load(folder, encoded(signature))
    return rounding(predictor, precision)


def rounding(predictor: Predictor, precision: Precision) -> Predictor:
    """Return a predictor that is asked about rows as a package holds them."""
    return predictor if precision is Precision.DOUBLE else Rounding(predictor, precision)


class Rounding:
    """A predictor that is asked about rounded rows."""

    def __init__(self, predictor: Predictor, precision: Precision) -> None:
        self._predictor = predictor
        self._precision = precision

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        return self._predictor.predict(held(matrix, self._precision))


def requirements(formats: Sequence[str]) -> dict[str, str]:
    """Return the exact versions of the distributions that scoring in these formats needs here."""
    names = {name for entry in formats for name in _requires(plugin("format", entry))}
    return {name: version(name) for name in sorted(names)}


def _make_folder(place: Path) -> None:
    try:
        place.mkdir(parents=True)
    except FileExistsError as error:
        raise Conflict(f"{place} is already there", hint="write the package into a new folder") from error
    except OSError as error:
        raise StorageFailed(f"cannot write {place}: {error.strerror}") from error


def _requires(adapter: Format) -> tuple[str, ...]:
    return adapter.requires if isinstance(adapter, Requiring) else ()


def _scored_by(adapter: Format) -> str:
    """Return what scored the proof, with exact versions."""
    return " ".join(f"{name} {version(name)}" for name in _requires(adapter))
