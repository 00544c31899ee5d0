"""H2O's own scorer, out of the library that the distribution `h2o` brings: no cluster is started."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kervan.core.errors import Corrupted, MissingExtra
from kervan.core.plugins import EXTRAS
from kervan.package.answers import may_name
from kervan.package.writing.code.driver import Workshop, find_tool
from kervan.package.writing.code.java import COMPILED, QUICKLY
from kervan.package.writing.h2o.model import BOOLEAN
from kervan.package.writing.rows import decode_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.naming import Naming
    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature

_SCORER = Path(__file__).parent / "scorer"
_JDK = "a Java development kit, such as OpenJDK 17"


class H2oPredictor:
    """Scores a model of H2O, every column by its name: as `model`, the path of a MOJO or the class of a POJO.

    Where the label is not the class that the probabilities name by a rule, a row has no answer (NaN).
    """

    def __init__(self, model: str, workshop: Workshop, signature: Signature, naming: Naming) -> None:
        self._model = model
        self._workshop = workshop
        self._signature = signature
        self._naming = naming

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        names = self._signature.inputs.names
        rows = [
            {
                name: BOOLEAN[value] if isinstance(value, bool) else value
                for name, value in zip(names, row, strict=True)
                if value is not None
            }
            for row in decode_rows(matrix, self._signature)
        ]
        found = np.frombuffer(self._workshop.ask(self._model, msgspec.json.encode(rows)), dtype=">f8")
        if not self._signature.is_classification:
            return self._shaped(found, len(matrix), 1)
        answers = self._shaped(found, len(matrix), 1 + len(self._signature.output.allowed))
        labels, probabilities = answers[:, 0].astype(np.int64), answers[:, 1:]
        is_right = may_name(labels, probabilities, self._naming)
        return np.where(is_right[:, None], probabilities, np.nan)

    def _shaped(self, found: NDArray[np.float64], rows: int, width: int) -> NDArray[np.float64]:
        if found.size != rows * width:
            raise Corrupted(f"the model gives {found.size} numbers for {rows} rows", hint="write it again")
        return found.astype(np.float64).reshape(rows, width)


@cache
def mojo_scorer() -> Workshop:
    """Return what scores any MOJO, compiled once for the life of this process.

    Raises `MissingExtra` without H2O's library, `MissingTool` without Java.
    """
    workshop = Workshop(_SCORER)
    _compile(workshop, "Scorer.java")
    workshop.command = _command(workshop)
    return workshop


def pojo_scorer(folder: Path, *files: str) -> Workshop:
    """Return what scores the POJO in a folder, whose files are compiled; raises as `mojo_scorer` does."""
    scorer, workshop = mojo_scorer(), Workshop(folder)
    _compile(workshop, *files)
    workshop.command = _command(scorer, workshop)
    return workshop


def check_h2o() -> None:
    """Raise `MissingExtra` without H2O's library, `MissingTool` without Java."""
    _library()
    for program in ("javac", "java"):
        find_tool(program, install=_JDK)


def _compile(workshop: Workshop, *files: str) -> None:
    workshop.build(find_tool("javac", install=_JDK), *COMPILED, "-cp", str(_library()), *files)


def _command(*workshops: Workshop) -> list[str]:
    places = os.pathsep.join(map(str, (_library(), *(workshop.folder for workshop in workshops))))
    # The texts of a MOJO are UTF-8, which Java takes for granted from version 18 on.
    options = (*QUICKLY, "-Dfile.encoding=UTF-8", "-cp", places)
    return [find_tool("java", install=_JDK), *options, "Scorer"]


def _library() -> Path:
    """Return H2O's classes. The distribution has no other way to them than where they lie in it."""
    spec = find_spec("h2o")
    for place in spec.submodule_search_locations or () if spec else ():
        library = Path(place) / "backend" / "bin" / "h2o.jar"
        if library.exists():
            return library
    raise MissingExtra("h2o", EXTRAS["h2o"])
