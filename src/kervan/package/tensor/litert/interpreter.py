"""LiteRT's interpreter in a process of its own: what it prints stays there, and what it dies of too.

`python -m kervan.package.tensor.litert.interpreter FILE KERNELS` tells by one byte that it is ready. Then it
takes batches on stdin and gives answers on stdout: two int32, the numbers of rows and of columns, and the
float32 numbers, all little-endian.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

XNNPACK = "AUTO"  # what applications get who ask for nothing
REFERENCE = "BUILTIN_REF"  # what microcontrollers run
_SHAPE = struct.Struct("<ii")
_READY = b"\1"


class Interpreter:
    """An interpreter over a file, which ends with this object.

    Raises `Corrupted`, here and later, if it does not survive the file.
    """

    def __init__(self, path: Path, kernels: str) -> None:
        with extras_named():
            import ai_edge_litert  # noqa: F401 - the other process needs it

        self._path = path
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", __name__, str(path.resolve()), kernels],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        weakref.finalize(self, _end, self._process, self._said)
        self._read(len(_READY))

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the answers for rows, shape (rows, inputs)."""
        with suppress(BrokenPipeError):  # then there is no answer either, and a reason
            _write(_stream(self._process.stdin), rows)
        shape = _SHAPE.unpack(self._read(_SHAPE.size))
        found = np.frombuffer(self._read(4 * shape[0] * shape[1]), dtype="<f4")
        return found.reshape(shape)

    def _read(self, size: int) -> bytes:
        content = _stream(self._process.stdout).read(size)
        if len(content) < size:
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            why = said[-1] if said else f"exit code {self._process.returncode}"
            raise Corrupted(f"{self._path} is no usable LiteRT model: {why}", hint="fetch the package again")
        return content


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", pipe)


def _end(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, said):
        with suppress(BrokenPipeError):  # what was written to it and never read
            _stream(stream).close()


def _write(stream: IO[bytes], numbers: NDArray[np.float32]) -> None:
    stream.write(_SHAPE.pack(*numbers.shape) + numbers.astype("<f4").tobytes())
    stream.flush()


def _interpret(path: Path, kernels: str) -> None:
    """Answer until nothing more is asked."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    interpreter = _opened(path.read_bytes(), kernels)
    (taken,) = interpreter.get_input_details()
    (given,) = interpreter.get_output_details()
    answers.write(_READY)
    answers.flush()
    while header := sys.stdin.buffer.read(_SHAPE.size):
        shape = _SHAPE.unpack(header)
        rows = np.frombuffer(sys.stdin.buffer.read(4 * shape[0] * shape[1]), dtype="<f4").reshape(shape)
        interpreter.resize_tensor_input(taken["index"], shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], rows)
        interpreter.invoke()
        _write(answers, interpreter.get_tensor(given["index"]))


def _opened(content: bytes, kernels: str) -> Any:
    from ai_edge_litert import interpreter as litert

    resolver = litert.OpResolverType[kernels]
    return litert.Interpreter(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)


if __name__ == "__main__":
    _interpret(Path(sys.argv[1]), sys.argv[2])
