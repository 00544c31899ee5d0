"""Models that another process loads and scores: their libraries can run code, or die of a broken file.

`python -m kervan.package.imports.elsewhere LIBRARY FILE` answers matrices on its standard output: a header
of two whole numbers, then float64. An answer of -1 rows is the text of an error.
"""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted
from kervan.package.imports.originals import LOADERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER = struct.Struct("<qq")
_SECONDS = 300
_BYTES = 64 << 30  # of addresses: what a library maps, not what it uses
_LONGEST = 1 << 31
_ERROR = -1


class Elsewhere:
    """A model in another process, which starts with the first question and ends with this object."""

    def __init__(self, library: str, path: Path) -> None:
        self._library = library
        self._path = path.resolve()
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score a matrix.

        Raises `ValueError` with what the library says of the rows, `Corrupted` if it did not survive them.
        """
        process = self._running()
        waiting = threading.Timer(_SECONDS, process.kill)
        waiting.start()
        try:
            return self._ask(process, np.ascontiguousarray(rows, dtype="<f8"))
        except (OSError, struct.error) as error:
            raise Corrupted(
                f"{self._path} is no model of {self._library}: the library does not survive reading it, or "
                f"takes more than {_SECONDS} seconds",
                hint="fetch or save it again",
            ) from error
        finally:
            waiting.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            asked = [sys.executable, "-P", "-W", "ignore", "-m", __name__, self._library, str(self._path)]
            self._process = subprocess.Popen(
                asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            weakref.finalize(self, _end, self._process)
        return self._process

    def _ask(self, process: subprocess.Popen[bytes], rows: NDArray[np.float64]) -> NDArray[np.float64]:
        if process.stdin is None or process.stdout is None:
            raise OSError("the process has no pipes")
        process.stdin.write(_HEADER.pack(*rows.shape) + rows.tobytes())
        process.stdin.flush()
        count, width = _HEADER.unpack(process.stdout.read(_HEADER.size))
        if count == _ERROR:
            raise ValueError(process.stdout.read(min(width, _LONGEST)).decode(errors="replace"))
        if count != len(rows) or not 0 <= width * count * 8 <= _LONGEST:
            raise ValueError(f"it gives {count} rows for {len(rows)}")
        content = process.stdout.read(count * width * 8)
        return np.frombuffer(content, dtype="<f8").astype(np.float64).reshape(count, width)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # what was not sent to it does not matter any more


def _serve(library: str, path: Path, taken: IO[bytes], given: IO[bytes]) -> None:
    """Answer matrices until there are no more."""
    try:
        answer = LOADERS[library](path)
    except Exception as error:  # noqa: BLE001  what a library says of a file goes to whoever asks
        _tell(given, error)
        return
    while header := taken.read(_HEADER.size):
        count, width = _HEADER.unpack(header)
        rows = np.frombuffer(taken.read(count * width * 8), dtype="<f8").reshape(count, width)
        try:
            found = np.asarray(answer(rows.astype(np.float32)), dtype="<f8").reshape(count, -1)
        except Exception as error:  # noqa: BLE001
            _tell(given, error)
            continue
        given.write(_HEADER.pack(*found.shape) + found.tobytes())
        given.flush()


def _tell(given: IO[bytes], error: Exception) -> None:
    text = f"{type(error).__name__}: {error}".encode()
    given.write(_HEADER.pack(_ERROR, len(text)) + text)
    given.flush()


def limit_memory() -> None:
    """Let this process map no more than a limit."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = _BYTES if most == resource.RLIM_INFINITY else min(_BYTES, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _main() -> None:
    limit_memory()
    answers = os.dup(1)
    os.dup2(2, 1)  # libraries that print do not write into the answers
    with os.fdopen(answers, "wb") as given:
        _serve(sys.argv[1], Path(sys.argv[2]), sys.stdin.buffer, given)


if __name__ == "__main__":
    _main()
