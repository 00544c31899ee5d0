"""TorchScript, traced in float64 and scored by PyTorch."""

from __future__ import annotations

import io
import warnings
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.package.writing.tensor.coding import FILE as SIGNATURE
from kervan.package.writing.tensor.coding import CodedPredictor, read_signature, signature_text
from kervan.package.writing.tensor.torch import module_of, scored_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.pt"
# Where the code was traced, file by file, on the machine that did it; and the hash of the archive with it.
_TELLING = (".debug_pkl", ".data/serialization_id")


class TorchScriptFormat:
    """A model as a program that PyTorch and LibTorch run without Python, over the encoded matrix."""

    requires = ("torch",)
    about = About(
        title="TorchScript",
        extension=".pt",
        licence="BSD-3-Clause (PyTorch)",
        readers="PyTorch, LibTorch (C++), Triton; PyTorch deprecates it in favour of torch.export",
        is_code=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the program. Raises `Refused` for a model that the neutral form cannot express."""
        with extras_named():
            import torch

        module = module_of(fitted.form)
        rows, archive = torch.zeros((2, len(fitted.signature.inputs)), dtype=torch.float64), io.BytesIO()
        with _deprecated() as jit:
            program = jit.trace(module, rows, check_trace=False)
            jit.save(program, archive, _extra_files={SIGNATURE: signature_text(fitted.signature)})
        with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(folder / FILE, "w") as file:
            for name in whole.namelist():
                if not name.endswith(_TELLING):
                    file.writestr(zipfile.ZipInfo(name), whole.read(name))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: the file is a program for PyTorch."""
        raise Refused(
            f"{folder / FILE} is a program for PyTorch", hint="serve the model in the format `onnx`"
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return PyTorch, running the program that was just written."""
        where, extra = str(folder / FILE), {SIGNATURE: ""}
        try:
            with _deprecated() as jit:
                program = jit.load(where, _extra_files=extra)
        except (RuntimeError, ValueError) as error:
            raise Corrupted(f"{where} is no TorchScript: {error}", hint="fetch the package again") from error
        own = read_signature(extra[SIGNATURE], where)
        return {"": CodedPredictor(own, signature, scored_by(program, where), where=where)}


@contextmanager
def _deprecated() -> Iterator[Any]:
    """Give `torch.jit`, which warns of each of its functions that is used: who chose the format knows."""
    with extras_named():
        import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        yield torch.jit
