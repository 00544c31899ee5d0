"""Which of scikit-learn's estimators can be written in which format.

`python tests/package/matrix/page.py` writes what it finds into the reference; of formats that are named after
it, only their columns.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import warnings
from contextlib import ExitStack, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kervan.core.errors import ParityFailed, Refused
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.spark.engine import engine
from package.neutral.rows import ONLY_TWO_CLASSES, SEVERAL_OUTPUTS, fit, names
from servers import mariadb, postgresql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.package.writing.fitted import Fitted

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "estimators.md"
# The columns; each line is proved by a test of its own, next to what takes about as long.
FILES = ("native", "pickle", "joblib", "safetensors", "onnx", "mlflow", "pmml", "pfa", "coreml", "treelite")
FRAMEWORKS = (
    "torchscript",
    "torch-export",
    "keras",
    "hdf5",
    "savedmodel",
    "litert",
    "openvino",
)
CODE = ("c", "python", "javascript", "mojo")
QUERIES = ("sqlite", "duckdb", "postgresql", "mysql", "bigquery")
# Each estimator is compiled, or a program is started for it: tests prove these with `KINDS` alone.
DEAR = ("go", "java", "rust", "pojo", "spark", "sparkml", "excel", "executorch")
FORMATS = FILES + FRAMEWORKS + CODE + QUERIES + DEAR
ESTIMATORS = sorted({*names("binary"), *names("regression")} - SEVERAL_OUTPUTS)
KINDS = (
    "AdaBoostRegressor",
    "BernoulliNB",
    "DecisionTreeClassifier",
    "GaussianProcessClassifier",
    "HistGradientBoostingClassifier",
    "KNeighborsClassifier",
    "KernelRidge",
    "LogisticRegression",
    "MLPClassifier",
    "NearestCentroid",
    "RandomForestRegressor",
    "SVC",
)
LEARNED, PROVED = 100, 200  # rows
YES = "yes"
_START = "| estimator | "
_REASONS = "## Why not\n"
# What a model measures, as far as it may hang on the machine that trained it.
_MEASURED = re.compile(r"\d[\d,]*(?= (?:bytes|characters|columns|nodes))")
_LAYER = re.compile(r" \(\w+\)$")  # what of the model it is, in words of the code


def is_sampled(name: str, estimator: str) -> bool:
    """Say whether every run of the tests proves a cell: those of `KINDS`, and a twentieth of the others.

    Of the formats that are dear to prove, a sixth of `KINDS` alone.
    """
    number = crc32(f"{name} {estimator}".encode())
    if name in DEAR:
        return estimator in KINDS and number % 6 == 0
    return estimator in KINDS or number % 20 == 0


def verdict(name: str, estimator: str) -> str:
    """Write an estimator in a format and prove it; return why it does not hold it, "yes" if it does."""
    fitted, rows = _fitted(estimator)
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is made to hurt overflows here and there
        try:
            write_format(name, fitted, Path(scratch) / name, rows)
        except ParityFailed:
            return "answers differently"
        except Refused as error:
            return _LAYER.sub("", _MEASURED.sub("…", str(error)))
    return YES


def told() -> dict[tuple[str, str], str]:
    """Read the verdicts of the page, by format and estimator."""
    table, _, below = PAGE.read_text(encoding="utf-8").partition(_START)[2].partition(_REASONS)
    reasons = dict(re.findall(r"^(\d+)\. (.*)$", below, re.MULTILINE))
    head, _, *lines = [_cells(line) for line in table.splitlines() if " | " in line or line.startswith("|--")]
    return {
        (name, estimator): reasons.get(cell, cell)
        for estimator, *cells in lines
        for name, cell in zip(head, cells, strict=True)
    }


def write(found: dict[tuple[str, str], str]) -> None:
    """Write verdicts into the page, below what people wrote."""
    asked = [(name, estimator) for estimator in ESTIMATORS for name in FORMATS]
    reasons = dict.fromkeys(found[pair] for pair in asked if found[pair] != YES)
    numbers = {YES: YES} | {reason: str(place) for place, reason in enumerate(reasons, start=1)}
    lines = [_START + " | ".join(FORMATS) + " |", "|---" * (len(FORMATS) + 1) + "|"]
    for estimator in ESTIMATORS:
        cells = [numbers[found[name, estimator]] for name in FORMATS]
        lines.append(f"| {estimator} | {' | '.join(cells)} |")
    listed = [f"{place}. {reason}" for reason, place in numbers.items() if reason != YES]
    text = PAGE.read_text(encoding="utf-8").partition(_START)[0]
    PAGE.write_text(text + "\n".join([*lines, "", "</div>", "", _REASONS, *listed]) + "\n", encoding="utf-8")


@cache
def _fitted(estimator: str) -> tuple[Fitted, NDArray[np.float64]]:
    """Return an estimator with the rows on which it is proved."""
    task = "regression" if estimator in names("regression") else "multi"
    fitted, matrix = fit(estimator, "binary" if estimator in ONLY_TWO_CLASSES else task, LEARNED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = proof_rows(fitted, matrix[LEARNED:], seed=1)
    return fitted, np.random.default_rng(0).permutation(rows)[:PROVED]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _main(chosen: Sequence[str]) -> None:
    found = told() if chosen else {}
    with ExitStack() as opened:
        os.environ["KERVAN_PROOF_POSTGRESQL"] = opened.enter_context(postgresql()).replace("+psycopg", "")
        os.environ["KERVAN_PROOF_MYSQL"] = opened.enter_context(mariadb())
        opened.enter_context(nullcontext(engine()))  # Spark ends with the last that holds it
        for name in chosen or FORMATS:
            found |= {(name, estimator): verdict(name, estimator) for estimator in ESTIMATORS}
    write(found)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _main(sys.argv[1:])
