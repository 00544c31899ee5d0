"""Modules of PyTorch as ONNX graphs, made in a process of their own: loading one runs what its file says.

`python -m kervan.package.foreign.torch_graph FILE GRAPH COLUMNS` loads a TorchScript file or an exported
program and writes its graph over a matrix of any number of rows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted, KervanError, Refused
from kervan.package.foreign.elsewhere import Elsewhere
from kervan.package.foreign.graph import open_graph
from kervan.package.foreign.originals import TORCH, load_module
from kervan.package.writing.child import limit_memory

if TYPE_CHECKING:
    from kervan.package.foreign.foreign import Foreign

_SECONDS = 300
_SAID = 3
_OPSET = 17
_WIDEST = 1 << 16


def open_module(path: Path, columns: int = 0) -> Foreign:
    """Read a module that takes a matrix of numbers: by its graph, and proved against the module itself.

    `columns` are those that it is given, if that is known: the file does not say how many it takes.

    It runs what the file says, in another process: only for files whose kind was allowed by name. Raises
    `Refused` with what PyTorch says, `Corrupted` for a broken file.
    """
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        written = Path(folder) / "model.onnx"
        arguments = [str(path.resolve()), str(written), str(columns)]
        asked = [sys.executable, "-P", "-W", "ignore", "-m", __name__, *arguments]
        try:
            done = subprocess.run(asked, capture_output=True, check=False, timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Refused(
                f"{path} is still exported after {_SECONDS} seconds", hint="export it to ONNX"
            ) from error
        if done.returncode == _SAID:
            raise Refused(f"{path}: {done.stdout.decode(errors='replace').strip()}", hint="export it to ONNX")
        if done.returncode or not written.is_file():
            raise Corrupted(f"{path} is no module that PyTorch loads", hint="save it again")
        found = open_graph(written)
    return replace(found, kind="PyTorch", scores=Elsewhere(TORCH, path))


def _export(path: Path, to: Path, columns: int) -> None:
    """Write the graph of a module."""
    import torch

    module = load_module(path)
    width = _width(module, columns)
    example = torch.zeros(2, width)
    with torch.no_grad():
        traced: Any = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
    torch.onnx.export(
        traced,
        (example,),
        str(to),
        dynamo=False,
        input_names=["X"],
        output_names=["Y"],
        dynamic_axes={"X": {0: "rows"}, "Y": {0: "rows"}},
        opset_version=_OPSET,
    )


def _width(module: Any, columns: int) -> int:
    """Return how many columns a module takes: `columns` if it can, else the first width of its weights.

    A single column is tried last: PyTorch would spread it over all that a module takes.
    """
    import torch

    tensors = [*module.parameters(), *module.buffers()]
    own = [int(tensor.shape[-1]) for tensor in tensors if tensor.dim()]
    for width in dict.fromkeys([*own, columns] if columns == 1 else [columns, *own]):
        if not 0 < width <= _WIDEST:
            continue
        try:
            with torch.no_grad():
                found = module(torch.zeros(2, width))
        except (RuntimeError, AssertionError, ValueError, IndexError):
            continue  # a matrix of this width is not what it takes
        if isinstance(found, torch.Tensor) and found.dim() in {1, 2} and len(found) == 2:
            return width
    raise Refused("it takes no matrix of numbers, or gives no tensor with one row for each", hint="")


def _main() -> int:
    limit_memory()
    warnings.simplefilter("ignore")
    try:
        _export(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    except KervanError as error:
        print(error)  # noqa: T201  this is what the other process reads
        return _SAID
    except Exception as error:  # noqa: BLE001  what PyTorch says of a file goes to whoever asked
        print(f"PyTorch does not export it: {str(error).strip()[:500]}")  # noqa: T201
        return _SAID
    return 0


if __name__ == "__main__":
    sys.exit(_main())
