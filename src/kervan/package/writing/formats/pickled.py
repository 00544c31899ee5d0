"""Pickle and joblib files, for Python programs with the same versions; ours are read without running them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.package.safety.limits import Budget, Limits
from kervan.package.safety.streams import compression, unpacked
from kervan.package.writing.formats.native import ModelPredictor
from kervan.package.writing.native.unpickle import unpickle_model
from kervan.package.writing.native.write import DISTRIBUTIONS, take_apart

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Fitted
    from kervan.core.schema import Signature

_PROTOCOL = 4
_COMPRESS = 3
_PIECE = 1 << 16
_LIMITS = Limits(total=2 << 30, ratio=40)  # it is read into memory


class PickleFormat:
    """The model as Python's own pickle."""

    requires = DISTRIBUTIONS
    about = About(
        title="pickle",
        extension=".pkl",
        licence="PSF-2.0",
        readers="Python programs with the same versions; reading one elsewhere runs what it says",
    )
    file = "model.pkl"

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the file. Raises `Refused` for objects of the user's own, as the native format does."""
        take_apart(fitted.model)
        with (folder / self.file).open("wb") as file:
            pickle.dump(fitted.model, file, protocol=_PROTOCOL)

    def load(self, folder: Path, signature: Signature) -> ModelPredictor:
        """Read the file without calling what it names. Raises `Corrupted` for anything but a known model."""
        return ModelPredictor(_read(folder / self.file), signature, folder)


class JoblibFormat:
    """The model as joblib writes it, compressed."""

    requires = ("joblib", *DISTRIBUTIONS)
    about = About(
        title="joblib",
        extension=".joblib",
        licence="BSD-3-Clause",
        readers="Python programs with the same versions; reading one elsewhere runs what it says",
        compressed=True,
    )
    file = "model.joblib"

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the file. Raises `Refused` for objects of the user's own, as the native format does."""
        with extras_named():
            import joblib

        take_apart(fitted.model)
        joblib.dump(fitted.model, folder / self.file, compress=_COMPRESS)

    def load(self, folder: Path, signature: Signature) -> ModelPredictor:
        """Read the file without calling what it names. Raises `Corrupted` for anything but a known model."""
        return ModelPredictor(_read(folder / self.file), signature, folder)


def _read(path: Path) -> Any:
    try:
        return unpickle_model(pickle_content(path), str(path))
    except Refused as error:
        raise Corrupted(f"{error}: it is not as it was written", hint="do not load it elsewhere") from error


def pickle_content(path: Path) -> bytes:
    """Return the pickle behind a file's compression, under limits."""
    try:
        with path.open("rb") as file:
            name = compression(file.read(16))
            file.seek(0)
            if not name:
                return file.read()
            stream = unpacked(file, name, Budget(path, _LIMITS))
            return b"".join(iter(lambda: stream.read(_PIECE), b""))
    except FileNotFoundError as error:
        raise Corrupted(f"{path} is missing", hint="fetch the package again") from error
