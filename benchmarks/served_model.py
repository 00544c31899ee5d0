"""The one model that all servers answer with, and what they are asked."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers import OURS

ROWS = 100  # of the larger request
MODEL = "cells"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """scikit-learn's own file, a package of Kervan made from it, a key for its servers, and rows to ask for.

    Where it `is_named`, scikit-learn was fitted to a table of pandas, and wants one.
    `expected` is the probability of the second label that scikit-learn gives for each of the rows.
    """

    estimator: Path
    package: Path
    keys: Path
    key: str
    names: list[str]
    labels: list[str]
    rows: list[list[float]]
    expected: list[float]
    is_named: bool

    def named(self, many: int) -> list[dict[str, float]]:
        """Return the first rows as objects."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows[:many]]


def make_model(family: str, folder: Path, *, is_named: bool = False) -> Model:
    """Fit a `family` to the breast cancer table of scikit-learn, and import it into a project of Kervan."""
    import joblib
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer(as_frame=True)
    cells = table.data if is_named else table.data.to_numpy()
    labels = table.target_names[table.target].astype(object)
    model = _estimator(family).fit(cells, labels)
    joblib.dump(model, folder / "model.joblib")
    table.data.assign(diagnosis=labels).to_csv(folder / "rows.csv", index=False)
    (folder / "kervan.toml").write_text('[project]\nname = "benchmark"\n', encoding="utf-8")
    imported = ["--name", MODEL, "--table", "rows.csv", "--target", "diagnosis"]
    _kervan(folder, "package", "import", "model.joblib", "package", *imported)
    key = _kervan(folder, "key", "create", "--scope", "predict", "--name", "benchmark").strip()
    manifest = json.loads((folder / "package" / "manifest.json").read_text(encoding="utf-8"))
    return Model(
        estimator=folder / "model.joblib",
        package=folder / "package",
        keys=folder / ".kervan" / "access.json",
        key=key,
        names=[column["name"] for column in manifest["signature"]["inputs"]["columns"]],
        labels=[str(label) for label in model.classes_],
        rows=table.data.to_numpy()[:ROWS].tolist(),
        expected=model.predict_proba(cells[:ROWS])[:, 1].tolist(),
        is_named=is_named,
    )


def _estimator(family: str) -> Any:
    if family == "linear":
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=200, random_state=0)


def _kervan(folder: Path, *arguments: str) -> str:
    command = [OURS, "-m", "kervan", *arguments, "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)
    if done.returncode:
        raise SystemExit(f"kervan {' '.join(arguments)}: {done.stderr}")
    return done.stdout
