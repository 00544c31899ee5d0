"""safetensors: the model's arrays under their names, which every framework reads, with what they mean."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.package.writing.neutral.score import score
from kervan.package.writing.tensor.coding import CodedPredictor
from kervan.package.writing.tensor.restored import put_together
from kervan.package.writing.tensor.stored import Structure, take_apart

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted
    from kervan.core.schema import Signature

FILE = "model.safetensors"
STRUCTURE = "kervan"  # the place in the file's metadata


class SafetensorsFormat:
    """A model as float64 arrays and their structure, scored by NumPy."""

    requires = ("numpy", "safetensors")
    about = About(
        title="safetensors",
        extension=".safetensors",
        licence="Apache-2.0",
        readers="Kervan the whole model; its weights PyTorch, JAX, MLX, Rust and others",
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the file. Raises `Refused` for a model that the neutral form cannot express."""
        with extras_named():
            from safetensors.numpy import save_file

        structure, arrays = take_apart(fitted.form)
        text = msgspec.json.encode(structure, order="deterministic").decode()
        save_file(arrays, folder / FILE, metadata={STRUCTURE: text})

    def load(self, folder: Path, signature: Signature) -> CodedPredictor:
        """Load the file, or raise `Corrupted` if anything in it cannot be, or is not of this signature."""
        where = str(folder / FILE)
        text, arrays = _read(where)
        try:
            structure = msgspec.json.decode(text, type=Structure)
        except (msgspec.DecodeError, UnicodeDecodeError, InvalidInput, RecursionError) as error:
            raise Corrupted(
                f"{where} does not say what its arrays mean: {error}", hint="fetch the package again"
            ) from error
        form = put_together(structure, arrays, where)
        return CodedPredictor(form.signature, signature, partial(score, form), where=where)


def _read(where: str) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the structure's text, "" if there is none, and the arrays."""
    with extras_named():
        from safetensors import SafetensorError, safe_open

    try:
        with safe_open(where, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            return (file.metadata() or {}).get(STRUCTURE, ""), arrays
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise Corrupted(f"{where} holds no arrays: {error}", hint="fetch the package again") from error
