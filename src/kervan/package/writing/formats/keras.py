"""Keras's own format, of its own layers and operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.ports import About, Precision
from kervan.package.writing.tensor.keras.files import archive_signature, predictor_of, write_archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.keras"


class KerasFormat:
    """A model over the encoded matrix, which Keras reads in safe mode and can go on training."""

    requires = ("keras",)
    about = About(
        title="Keras",
        extension=".keras",
        vendor="Google",
        licence="Apache-2.0",
        readers="Keras 3.8 or newer on TensorFlow, PyTorch or JAX",
        is_code=True,
        tolerance=1e-5,
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the file. Raises `Refused` as the model's form does."""
        write_archive(fitted.form, folder / FILE)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a file of Keras may name code to be run."""
        raise Refused(
            f"{folder / FILE} could name code to be run", hint="serve the model in the format `onnx`"
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Load the file in safe mode."""
        path = folder / FILE
        return {"": predictor_of(path, archive_signature(path), signature)}
