"""treelite's checkpoint of an ensemble of trees, scored by its reference library in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.package.writing.tensor.coding import CodedPredictor, read_signature
from kervan.package.writing.tensor.treelite import SIGNATURE, model_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix, Predictor
    from kervan.core.schema import Signature

FILE = "model.tl"


class TreeliteFormat:
    """A tree, a forest or boosted trees for treelite and what loads its checkpoints.

    treelite believes a checkpoint, and would read where a broken one points to: it is not loaded to answer
    requests.
    """

    requires = ("numpy", "treelite")
    about = About(
        title="treelite",
        extension=".tl",
        licence="Apache-2.0",
        readers="treelite of the same major version, TL2cgen, cuML's Forest Inference Library, Triton",
        is_code=True,
        tolerance=1e-6,  # its softmax is float32's
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the checkpoint. Raises `Refused` for a model that is more than trees over its columns."""
        (folder / FILE).write_bytes(model_of(fitted.form).serialize_bytes())

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: treelite does not check what it reads."""
        raise Refused(f"{folder / FILE} is for treelite to run", hint="serve the model in the format `onnx`")

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return treelite's reference library, scoring the checkpoint that was just written."""
        with extras_named():
            from treelite import Model, TreeliteError, gtil

        where = str(folder / FILE)
        try:
            model = Model.deserialize(where)
            own = read_signature(str(model.attributes.get(SIGNATURE, "")), where)
        except TreeliteError as error:
            raise Corrupted(f"{where} is no checkpoint: {error}", hint="fetch the package again") from error

        def score(rows: Matrix) -> NDArray[Any]:
            answers: NDArray[Any] = gtil.predict(model, rows, nthread=1)[:, 0]
            is_binary = own.is_classification and answers.shape[1] == 1
            return np.hstack([1 - answers, answers]) if is_binary else answers

        return {"": CodedPredictor(own, signature, score, where=where)}
