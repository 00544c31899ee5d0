"""A module that scores in another process: what its libraries print stays there, and what they die of too.

The parent asks by a `Child`; the module that it names, run by `python -m`, answers by `serve`. Matrices go
both ways as a header of two whole numbers, rows and columns, and float64, all little-endian. An answer of -1
rows is the text of an error.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Answer = Callable[[NDArray[np.float64]], Any]

_HEADER = struct.Struct("<qq")
_SECONDS = 300
_BYTES = 64 << 30  # of addresses: what a library maps, not what it uses
_LONGEST = 1 << 31
_ERROR = -1
_LAST = 4096  # bytes of what it said, in which its last line is looked for


class Child:
    """A module in another process, which starts with the first question and ends with this object.

    `arguments` follow the module's name, `environ` is set beside what is set here, `seconds` limit each
    question, the first with the start of the process.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> None:
        self._command = [sys.executable, "-P", "-W", "ignore", "-m", module, *arguments]
        self._environ = {**os.environ, **(environ or {})}
        self._seconds = seconds
        self._said: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Score a matrix, shape (rows, columns), and return what it gives, shape (rows, numbers).

        Raises `ValueError` with what the child says of the rows, `ChildProcessError` that says how it died.
        """
        process = self._running()
        began = time.monotonic()
        waiting = threading.Timer(self._seconds, process.kill)
        waiting.start()
        try:
            return self._ask(process, rows)
        except EOFError as error:
            process.wait()  # if it closed its answers and lives on, until it takes too long
            is_late = time.monotonic() - began >= self._seconds
            late = f"it takes more than {self._seconds:g} seconds"
            raise ChildProcessError(late if is_late else self._told(process)) from error
        finally:
            waiting.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with the process
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=self._environ,
            )
            weakref.finalize(self, _end, self._process, self._said)
        return self._process

    def _ask(self, process: subprocess.Popen[bytes], rows: NDArray[np.floating]) -> NDArray[np.float64]:
        with suppress(BrokenPipeError):  # then there is no answer either
            _write(_stream(process.stdin), rows)
        answers = _stream(process.stdout)
        count, width = _HEADER.unpack(_read(answers, _HEADER.size))
        if count == _ERROR:
            raise ValueError(_read(answers, min(width, _LONGEST)).decode(errors="replace"))
        if count != len(rows) or not 0 <= count * width * 8 <= _LONGEST:
            raise ValueError(f"it gives {count} rows for {len(rows)}")
        return _matrix(_read(answers, count * width * 8), count, width)

    def _told(self, process: subprocess.Popen[bytes]) -> str:
        """Say how it ended, with the last line that it said."""
        code = process.returncode
        how = f"it died of {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"
        said = _stream(self._said)
        said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST))
        lines = said.read().decode(errors="replace").strip().splitlines()
        return f"{how}: {lines[-1]}" if lines else how


def serve(load: Callable[[], Answer]) -> None:
    """Answer the parent until it asks no more, by what `load` returns at the first question.

    That gets float64 rows, shape (rows, columns), and gives as many rows, or a number for each. What it or
    `load` raises is told to the parent. What is printed meanwhile goes to standard error.
    """
    given = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print do not write into the answers
    answer: Answer | None = None
    while header := sys.stdin.buffer.read(_HEADER.size):
        count, width = _HEADER.unpack(header)
        rows = _matrix(sys.stdin.buffer.read(count * width * 8), count, width)
        try:
            if answer is None:
                answer = load()
            _write(given, np.asarray(answer(rows)).reshape(count, -1))
        except Exception as error:  # noqa: BLE001  what a library says goes to whoever asks
            text = f"{type(error).__name__}: {error}".encode()
            given.write(_HEADER.pack(_ERROR, len(text)) + text)
            given.flush()


def limit_memory(size: int = _BYTES) -> None:
    """Let this process map no more than `size` bytes of addresses."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _end(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, said):
        with suppress(BrokenPipeError):  # what was not sent to it does not matter any more
            _stream(stream).close()


def _write(stream: IO[bytes], rows: NDArray[Any]) -> None:
    stream.write(_HEADER.pack(*rows.shape) + np.asarray(rows, dtype="<f8").tobytes())
    stream.flush()


def _matrix(content: bytes, count: int, width: int) -> NDArray[np.float64]:
    return np.frombuffer(content, dtype="<f8").astype(np.float64).reshape(count, width)


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", pipe)
