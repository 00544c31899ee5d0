"""ExecuTorch's programs for phones and microcontrollers, in float64 and scored by its own runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About, Precision
from kervan.package.writing.tensor.coding import CodedPredictor, read_signature
from kervan.package.writing.tensor.executorch import AT_ONCE, SIGNATURE, program_of, quiet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.pte"


class ExecuTorchFormat:
    """A model as a program of portable kernels over the encoded matrix, for up to 64 rows at once."""

    requires = ("executorch", "numpy", "torch")
    about = About(
        title="ExecuTorch",
        extension=".pte",
        licence="BSD-3-Clause",
        readers="ExecuTorch (C++, Java, Swift, Python) with its portable kernels",
        is_code=True,
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the program. Raises `Refused` for a model that the neutral form cannot express."""
        (folder / FILE).write_bytes(program_of(fitted.form))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: the file is a program for ExecuTorch."""
        raise Refused(
            f"{folder / FILE} is for ExecuTorch to run", hint="serve the model in the format `onnx`"
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return ExecuTorch's runtime on this machine, running the program that was just written."""
        where = str(folder / FILE)
        content = _read(folder / FILE)
        with quiet(), extras_named():
            import torch
            from executorch.runtime import Runtime, Verification
        try:
            program = Runtime.get().load_program(content, verification=Verification.InternalConsistency)
            own = read_signature(program.load_method(SIGNATURE).execute([])[0], where)
            program.load_method("forward")
        except (RuntimeError, LookupError) as error:
            raise Corrupted(f"{where} is no program: {error}", hint="fetch the package again") from error

        def score(rows: NDArray[np.float32]) -> NDArray[Any]:
            forward = program.load_method("forward")  # which does not keep its program alive
            parts = [
                forward.execute([torch.from_numpy(rows[start : start + AT_ONCE])])[0].numpy()
                for start in range(0, len(rows), AT_ONCE)
            ]
            return np.concatenate(parts)

        return {"": CodedPredictor(own, signature, score, where=where, single=True)}


def _read(path: Path) -> bytes:
    """Read a program, or raise `Corrupted` for what is none: its runtime can abort the process over it."""
    content = path.read_bytes() if path.is_file() else b""
    if content[4:6] != b"ET":
        raise Corrupted(f"{path} is no program of ExecuTorch", hint="fetch the package again")
    return content
