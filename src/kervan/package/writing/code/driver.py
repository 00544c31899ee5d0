"""Runs written source code in a process of its own, and hears its answers.

A driver in the model's language gets rows on stdin and answers on stdout, all little-endian. Asked to
"score", it takes float64 numbers, a row after the other, and gives the answers' float64 numbers. Asked to
"predict", it takes for every value a tag: 0 for a name that is absent, 1 for null, 2 and a float64, 3 and a
byte for a boolean, 4 and a uint32 and as many bytes of UTF-8 for a text. For every row it gives 1, the
label's place as uint32 and the float64 numbers; or 0 and the place of the refused column as uint32.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, MissingTool, Refused
from kervan.core.schema import Type, Unseen
from kervan.package.answers import may_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Column, Signature

_DRIVERS = Path(__file__).parent / "drivers"
_TOO_LONG = 900  # seconds for a compiler or a proof
_VERSION = re.compile(r"(?<![\w.-])(?:v|go)?(\d+(?:\.\d+)*)")
_ABSENT, _NULL, _NUMBER, _BOOLEAN, _TEXT = range(5)


class Workshop:
    """A temporary folder with the written files and a driver, gone with the last predictor over it."""

    def __init__(self, files: Path, *drivers: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kervan-"))
        weakref.finalize(self, shutil.rmtree, self.folder)
        for path in files.iterdir():
            shutil.copyfile(path, self.folder / path.name)
        for name in drivers:
            shutil.copyfile(_DRIVERS / name, self.folder / name.removesuffix(".txt"))
        self.command: list[str] = []

    def build(self, *command: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a compiler in the folder, or raise `Corrupted` with the beginning of what it says."""
        self._run(command, b"", environ)

    def ask(self, question: str, body: bytes) -> bytes:
        """Hand rows to the driver and return its answers."""
        return self._run([*self.command, question], body, None)

    def _run(self, command: Sequence[str], body: bytes, environ: Mapping[str, str] | None) -> bytes:
        try:
            done = subprocess.run(
                command,
                input=body,
                cwd=self.folder,
                env=environ,
                capture_output=True,
                check=False,
                timeout=_TOO_LONG,
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(
                f"{Path(command[0]).name} takes more than {_TOO_LONG} seconds for what was written",
                hint="choose a smaller model, or the format `onnx`",
            ) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
            raise Corrupted(
                f"what was written does not run, says {Path(command[0]).name}: {said[:500]}",
                hint="write the model again; if that does not help, choose another format and report this",
            )
        return done.stdout


class ScorePredictor:
    """Scores rows of numbers."""

    def __init__(self, workshop: Workshop, outputs: int) -> None:
        self._workshop = workshop
        self._outputs = outputs

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        found = self._workshop.ask("score", matrix.astype("<f8").tobytes())
        return np.frombuffer(found, dtype="<f8").astype(np.float64).reshape(len(matrix), self._outputs)


class NamedPredictor:
    """Scores rows of names and values, as an application would.

    Rows that the signature refuses have to be refused for the same column; the numbers of these come from
    scoring them. A row for which that or the label is not so has no answer (NaN).
    """

    def __init__(self, workshop: Workshop, signature: Signature, *, refuses: bool) -> None:
        self._workshop = workshop
        self._signature = signature
        self._refuses = refuses
        self._outputs = len(signature.output.allowed) if signature.is_classification else 1

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        writers = [_writer(column) for column in self._signature.inputs]
        body = b"".join(
            write(float(value), row)
            for row, values in enumerate(matrix)
            for write, value in zip(writers, values, strict=True)
        )
        answers = self._read(self._workshop.ask("predict", body), matrix)
        refused = np.isinf(answers[:, 0])
        if refused.any():
            scorer = ScorePredictor(self._workshop, self._outputs)
            answers[refused] = scorer.predict(matrix[refused])
        return answers

    def _read(self, body: bytes, matrix: Matrix) -> NDArray[np.float64]:
        answers = np.full((len(matrix), self._outputs), np.nan)
        at = 0
        for row, values in enumerate(matrix):
            accepted, place = struct.unpack_from("<BI", body, at)
            at += 5
            wanted = self._refused_column(values, row)
            if not accepted:
                answers[row] = np.inf if place == wanted else np.nan
                continue
            numbers = np.frombuffer(body, "<f8", self._outputs, at)
            at += 8 * self._outputs
            if wanted is None and may_name(np.array([place]), numbers[None], self._signature.naming)[0]:
                answers[row] = numbers
        return answers

    def _refused_column(self, values: Matrix, row: int) -> int | None:
        if not self._refuses:
            return None
        for place, (column, value) in enumerate(zip(self._signature.inputs, values, strict=True)):
            if not _is_accepted(column, float(value), row):
                return place
        return None


def find_tool(*names: str, install: str) -> str:
    """Return where the first of some programs is, or raise `MissingTool` that says what to install."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise MissingTool(f"{' or '.join(names)} is not installed", hint=f"install {install}")


def version_of(*command: str) -> str:
    """Return the first version number that a program says.

    Raises `MissingTool` for one that is there and does not run, such as the launcher of a compiler that was
    never chosen.
    """
    name = Path(command[0]).name
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode:
        why = next(iter(said.strip().splitlines()), f"exit code {done.returncode}")
        raise MissingTool(f"{name} is installed, but does not run", hint=f"it says: {why[:200]}")
    found = _VERSION.search(said)
    return found[1] if found else ""


def _is_missing_category(column: Column, row: int) -> bool:
    """Whether a code of -1 is sent as a missing value: in turns, where both are allowed."""
    return column.nullable and (row % 2 == 0 or column.unseen is Unseen.REFUSE)


def _is_accepted(column: Column, value: float, row: int) -> bool:
    if column.type is Type.CATEGORY:
        unseen_is_fine = column.unseen is not Unseen.REFUSE
        return value >= 0 or unseen_is_fine or _is_missing_category(column, row)
    if np.isnan(value):
        return column.nullable
    if column.type is Type.BOOLEAN:
        return value in {0.0, 1.0}
    is_whole = column.type is not Type.INTEGER or value == np.floor(value)
    is_enough = column.minimum is None or value >= column.minimum
    return bool(is_whole and is_enough and (column.maximum is None or value <= column.maximum))


def _writer(column: Column) -> Callable[[float, int], bytes]:
    """Return what writes a value of a column, missing ones in each way in turn."""
    if column.type is Type.CATEGORY:
        unknown = "?"
        while unknown in column.allowed:
            unknown += "?"
        texts = [each.encode() for each in (*column.allowed, unknown)]
        return lambda value, row: (
            bytes([row // 2 % 2])
            if value < 0 and _is_missing_category(column, row)
            else struct.pack("<BI", _TEXT, len(texts[int(value)])) + texts[int(value)]
        )
    return lambda value, row: _write_number(column, value, row)


def _write_number(column: Column, value: float, row: int) -> bytes:
    if np.isnan(value) and row % 3 != _NUMBER:
        return bytes([row % 3])
    if column.type is Type.BOOLEAN and value in {0.0, 1.0}:
        return bytes([_BOOLEAN, int(value)])
    return struct.pack("<Bd", _NUMBER, value)
