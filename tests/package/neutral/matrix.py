"""Which of scikit-learn's estimators can be written in which format: `python tests/package/neutral/matrix.py`
writes what it finds into the reference."""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kervan.core.errors import ParityFailed, Refused
from kervan.package.build import write_format
from kervan.package.parity import proof_rows
from package.neutral.rows import ONLY_TWO_CLASSES, SEVERAL_OUTPUTS, fit, names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kervan.package.fitted import Fitted

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "formats.md"
FORMATS = ("native", "onnx", "c", "javascript", "sqlite", "pmml")
ESTIMATORS = sorted({*names("binary"), *names("regression")} - SEVERAL_OUTPUTS)
_START = "| estimator | " + " | ".join(FORMATS) + " | why not |"


def row_of(estimator: str) -> str:
    """Try an estimator in every format; return its row of the table."""
    task = "regression" if estimator in names("regression") else "multi"
    fitted, matrix = fit(estimator, "binary" if estimator in ONLY_TWO_CLASSES else task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is made to hurt overflows here and there
        rows = proof_rows(fitted, matrix[200:], seed=1)
        refusals = [_refusal(name, fitted, rows) for name in FORMATS]
    cells = ["no" if refusal else "yes" for refusal in refusals]
    reasons = dict.fromkeys(filter(None, refusals))
    return f"| {estimator} | {' | '.join(cells)} | {'; '.join(reasons)} |"


def rows_told() -> dict[str, str]:
    """Read the rows of the page, by estimator."""
    lines = PAGE.read_text(encoding="utf-8").split(_START, 1)[1].splitlines()[2:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}


def _refusal(name: str, fitted: Fitted, rows: NDArray[np.float32]) -> str:
    """Return why a format does not hold a model, without figures that hang on the machine; "" if it does."""
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        try:
            write_format(name, fitted, Path(folder) / name, rows)
        except ParityFailed as error:
            return str(error).split(" in ")[0].replace("|", "\\|")
        except Refused as error:
            return "too large for a query" if "characters" in str(error) else str(error).replace("|", "\\|")
    return ""


def _write() -> None:
    text = PAGE.read_text(encoding="utf-8").split(_START, 1)[0]
    lines = [_START, "|---" * (len(FORMATS) + 2) + "|", *map(row_of, ESTIMATORS)]
    PAGE.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
