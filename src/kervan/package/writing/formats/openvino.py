"""OpenVINO's intermediate representation in float32, written and scored by OpenVINO itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About, Precision
from kervan.package.writing.tensor.coding import CodedPredictor, read_signature, signature_text
from kervan.package.writing.tensor.openvino import graph_of, imported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE, WEIGHTS = "model.xml", "model.bin"
# Left alone, OpenVINO computes in 16 bits on processors that can.
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
_SIGNATURE = ["kervan", "signature"]  # its place in the file


class OpenvinoFormat:
    """A model as a graph that OpenVINO runs on processors of Intel, AMD and Arm, over the encoded matrix."""

    requires = ("numpy", "openvino")
    about = About(
        title="OpenVINO IR",
        extension=".xml, .bin",
        vendor="Intel",
        licence="Apache-2.0",
        readers="OpenVINO (Python, C++, C, JavaScript) and its model server, told to compute in f32",
        is_code=True,
        tolerance=1e-5,
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write graph and weights. Raises `Refused` for a model that the neutral form cannot express."""
        graph = graph_of(fitted.form)
        graph.set_rt_info(signature_text(fitted.signature), _SIGNATURE)
        imported().serialize(graph, folder / FILE, folder / WEIGHTS)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: the graph is a program for OpenVINO."""
        raise Refused(f"{folder / FILE} is for OpenVINO to run", hint="serve the model in the format `onnx`")

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return OpenVINO on this processor, running the graph that was just written."""
        where, core = str(folder / FILE), imported().Core()
        try:
            graph = core.read_model(folder / FILE, folder / WEIGHTS)
            text = graph.get_rt_info(_SIGNATURE).astype(str)
            program = core.compile_model(graph, "CPU", SETTINGS)
        except RuntimeError as error:
            raise Corrupted(f"{where} is no graph: {error}", hint="fetch the package again") from error

        def score(rows: NDArray[np.float32]) -> NDArray[Any]:
            answers: NDArray[Any] = program(rows)[0]
            return answers

        return {"": CodedPredictor(read_signature(text, where), signature, score, where=where, single=True)}
