"""A program exported by `torch.export` for any number of rows, in float64 and scored by PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.package.writing.tensor.coding import FILE as SIGNATURE
from kervan.package.writing.tensor.coding import CodedPredictor, read_signature, signature_text
from kervan.package.writing.tensor.torch import exported, module_of, scored_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Signature

FILE = "model.pt2"


class TorchExportFormat:
    """A model as a graph that PyTorch loads and compilers of its family take, over the encoded matrix."""

    requires = ("torch",)
    about = About(
        title="torch.export",
        extension=".pt2",
        licence="BSD-3-Clause (PyTorch)",
        readers="PyTorch; C++ after AOTInductor compiled it",
        is_code=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the program. Raises `Refused` for a model that the neutral form cannot express."""
        with extras_named():
            import torch

        program = exported(module_of(fitted.form), len(fitted.signature.inputs))
        # Where the code lies on the machine that exported it is nobody's business.
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        extra = {SIGNATURE: signature_text(fitted.signature)}
        torch.export.save(program, folder / FILE, extra_files=extra)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: the file is a program for PyTorch."""
        raise Refused(
            f"{folder / FILE} is a program for PyTorch", hint="serve the model in the format `onnx`"
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return PyTorch, running the program that was just written."""
        with extras_named():
            import torch
            from torch.export.pt2_archive import is_pt2_package

        where, extra = str(folder / FILE), {SIGNATURE: ""}
        if not is_pt2_package(where):
            raise Corrupted(f"{where} is no program of PyTorch", hint="fetch the package again")
        try:
            program = torch.export.load(where, extra_files=extra).module()
        except (OSError, RuntimeError, LookupError, ValueError) as error:
            raise Corrupted(
                f"{where} is no program of PyTorch: {error}", hint="fetch the package again"
            ) from error
        own = read_signature(extra[SIGNATURE], where)
        return {"": CodedPredictor(own, signature, scored_by(program, where), where=where)}
