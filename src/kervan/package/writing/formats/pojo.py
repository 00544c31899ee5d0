"""H2O's POJO: a Java class that H2O's scorer and programs around it take for a model of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted
from kervan.core.ports import About
from kervan.package.writing.code.format import SourceFormat
from kervan.package.writing.h2o.engine import H2oPredictor, check_h2o, pojo_scorer
from kervan.package.writing.h2o.pojo import CLASS, FILE, write_pojo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Predictor
    from kervan.core.schema import Signature
    from kervan.package.writing.code.program import Program


class PojoFormat(SourceFormat):
    """`Model.java`, proved with H2O's own `EasyPredictModelWrapper`."""

    requires = ("h2o",)
    about = About(
        title="H2O POJO",
        extension=".java",
        vendor="H2O.ai",
        licence="that of the model; Apache-2.0 for h2o-genmodel, which it needs",
        readers="Java 8 or newer with h2o-genmodel",
        text=True,
        is_code=True,
    )
    limit = 2**23
    reason = "a class with more takes long to compile and to load"

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the class."""
        return write_pojo(program)

    def check_ready(self) -> None:
        """Raise `MissingExtra` without H2O's library, `MissingTool` without Java."""
        check_h2o()

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Compile the class that was just written, and let H2O score with it."""
        if not (folder / FILE).exists():
            raise Corrupted(f"{folder} holds no {FILE}", hint="write the model again")
        return {"": H2oPredictor(CLASS, pojo_scorer(folder, FILE), signature, signature.naming)}
