"""Keras's format of before, which many tools read without Keras: its weights are HDF5 arrays with names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.ports import About, Precision
from kervan.package.writing.tensor.keras.files import hdf5_signature, predictor_of, write_hdf5

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.h5"


class Hdf5Format:
    """A Keras model in an HDF5 file."""

    requires = ("h5py", "keras")
    about = About(
        title="HDF5 (Keras)",
        extension=".h5",
        licence="BSD-3-Clause (HDF5), Apache-2.0 (Keras)",
        readers="Keras 3.8 or newer on TensorFlow, PyTorch or JAX; its weights by any reader of HDF5",
        is_code=True,
        tolerance=1e-5,
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the file. Raises `Refused` as the model's form does."""
        write_hdf5(fitted.form, folder / FILE)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a file of Keras may name code to be run."""
        raise Refused(
            f"{folder / FILE} could name code to be run", hint="serve the model in the format `onnx`"
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Load the file in safe mode."""
        path = folder / FILE
        return {"": predictor_of(path, hdf5_signature(path), signature)}
