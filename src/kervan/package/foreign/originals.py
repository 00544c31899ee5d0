"""Models as their own libraries load and score them, in the process that runs for this alone."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kervan.core.plugins import extras_named
from kervan.package.writing.tensor.keras.library import imported, quiet

Original = Callable[[NDArray[np.float32]], Any]
_CHUNK = 1024


def load_keras(path: Path) -> Original:
    """Load a file of Keras. What it says has been read before: it holds layers that are known alone."""
    keras = imported()
    with path.open("rb") as file:
        ending = ".h5" if file.read(4) == b"\x89HDF" else ".keras"
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        named = Path(folder) / f"model{ending}"  # the library goes by the ending
        named.symlink_to(path)
        with quiet():
            model = keras.saving.load_model(named, compile=False, safe_mode=True)
    widths = [int(entry.shape[-1]) for entry in model.inputs]

    def answer(rows: NDArray[np.float32]) -> Any:
        parts = [
            _in_chunks(model, np.split(rows[at : at + _CHUNK], np.cumsum(widths)[:-1], axis=1))
            for at in range(0, max(len(rows), 1), _CHUNK)
        ]
        return np.concatenate(parts)

    def _in_chunks(network: Any, columns: list[NDArray[np.float32]]) -> Any:
        given = network(columns[0] if len(columns) == 1 else columns, training=False)
        return keras.ops.convert_to_numpy(given)

    return answer


def load_module(path: Path) -> Any:
    """Load a TorchScript file or an exported program. It runs what the file says."""
    with extras_named():
        import torch

    with zipfile.ZipFile(path) as archive:
        is_program = any(name.endswith("/models/model.json") for name in archive.namelist())
    if is_program:
        return torch.export.load(path).module()
    module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    return module.eval()


def load_torch(path: Path) -> Original:
    """Load a module that takes a matrix."""
    import torch

    module = load_module(path)
    torch.set_num_threads(1)

    def answer(rows: NDArray[np.float32]) -> Any:
        with torch.no_grad():
            return module(torch.from_numpy(rows)).numpy()

    return answer


KERAS, TORCH = "Keras", "PyTorch"
LOADERS: dict[str, Callable[[Path], Original]] = {KERAS: load_keras, TORCH: load_torch}
