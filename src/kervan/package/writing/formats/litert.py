"""LiteRT, once TensorFlow Lite: one file for phones, microcontrollers and browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About, Precision
from kervan.package.writing.tensor.coding import CodedPredictor, read_signature
from kervan.package.writing.tensor.litert.graph import metadata
from kervan.package.writing.tensor.litert.interpreter import REFERENCE, XNNPACK, Interpreter
from kervan.package.writing.tensor.litert.write import METADATA, model_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.tflite"


class LitertFormat:
    """A model over the encoded matrix, in float32, of LiteRT's own operators."""

    requires = ("ai-edge-litert",)
    about = About(
        title="LiteRT",
        extension=".tflite",
        vendor="Google",
        licence="Apache-2.0",
        readers="LiteRT and TensorFlow Lite on Android, iOS, Linux and in browsers",
        is_code=True,
        tolerance=1e-5,
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the file, with our signature in its metadata. Raises `Refused` for what LiteRT lacks."""
        (folder / FILE).write_bytes(model_bytes(fitted.form))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a file that lies about itself could end the process that reads it."""
        raise Refused(
            f"{folder / FILE} is for devices, and a broken one could end the server",
            hint="serve the model in the format `onnx`",
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return interpreters in processes of their own: of the usual kernels, and of the reference's."""
        path = folder / FILE
        if not path.exists():
            raise Corrupted(f"{path} is missing", hint="fetch the package again")
        interpreters = {kernels: Interpreter(path, kernels) for kernels in (XNNPACK, REFERENCE)}
        own = read_signature(metadata(path.read_bytes(), METADATA), str(path))
        return {
            name: CodedPredictor(own, signature, interpreters[kernels].score, where=str(path), single=True)
            for name, kernels in (("XNNPACK", XNNPACK), ("reference kernels", REFERENCE))
        }
