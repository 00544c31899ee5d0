"""H2O's MOJO: the archive that its scorer loads, written without H2O."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About, Precision
from kervan.package.writing.h2o.engine import H2oPredictor, check_h2o, mojo_scorer
from kervan.package.writing.h2o.mojo import write_mojo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.zip"


class MojoFormat:
    """A linear model or an ensemble of trees, as H2O's GLM, GBM or DRF."""

    requires = ("h2o",)
    about = About(
        title="H2O MOJO",
        extension=".zip",
        vendor="H2O.ai",
        licence="Apache-2.0 (h2o-genmodel)",
        readers="Java 8 or newer with h2o-genmodel, H2O 3.46 or newer, Sparkling Water",
        compressed=True,
        is_code=True,
        tolerance=1e-6,  # its leaves are float32
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the archive. Raises `Refused` for what is neither linear nor an ensemble of trees."""
        (folder / FILE).write_bytes(write_mojo(fitted.form))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: it takes a Java virtual machine."""
        raise Refused(f"{folder / FILE} is for H2O's scorer", hint="serve the model in the format `onnx`")

    def check_ready(self) -> None:
        """Raise `MissingExtra` without H2O's library, `MissingTool` without Java."""
        check_h2o()

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return H2O's own scorer of the archive, or raise `MissingTool` without Java."""
        if not (folder / FILE).exists():
            raise Corrupted(f"{folder} holds no {FILE}", hint="write the model again")
        naming = replace(signature.naming, costs=())  # of costs an archive knows nothing
        return {"": H2oPredictor(str((folder / FILE).absolute()), mojo_scorer(), signature, naming)}
