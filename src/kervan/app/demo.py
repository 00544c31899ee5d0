"""One model's whole life on a real table: the breast cancer table that scikit-learn carries."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.app.asked import read_file
from kervan.app.drift import check_drift
from kervan.app.pages import write_drift, write_outcome
from kervan.app.predict import predict
from kervan.app.records import settle
from kervan.app.run import Outcome, run_project
from kervan.app.trace import Trace, trace
from kervan.core.errors import InvalidConfig
from kervan.core.loading import FILE_NAME

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Deployment
    from kervan.monitor.drift import DriftReport

TABLE = "breast-cancer.csv"
SHIFTED = {"mean radius": 1.4, "worst texture": 1.3}
_PREDICTIONS = 200
_SETTINGS = f"""\
[project]
name = "breast-cancer"

[data]
source = "{TABLE}"
target = "diagnosis"
protect = {{ patient = "hash" }}
[[data.checks]]
column = "mean radius"
between = [0, 100]

[model]
goal = {{ metric = "roc_auc", at_least = 0.95 }}

[release]
to = "production"
port = 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demonstration led to."""

    outcome: Outcome
    deployment: Deployment
    predictions: int
    healthy: DriftReport
    shifted: DriftReport
    trace: Trace
    example: Mapping[str, Any]
    pages: tuple[Path, ...]


def write_demo(folder: Path) -> None:
    """Write the table as a CSV file, with a patient's number in front, and a `kervan.toml`; unless there."""
    import polars as pl
    from sklearn.datasets import load_breast_cancer

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FILE_NAME).exists():
        (folder / FILE_NAME).write_text(_SETTINGS, encoding="utf-8")
    if (folder / TABLE).exists():
        return
    found = load_breast_cancer()
    table = pl.DataFrame(found.data, schema=[str(name) for name in found.feature_names]).with_columns(
        diagnosis=pl.Series([str(found.target_names[label]) for label in found.target])
    )
    patients = pl.Series("patient", [f"P-{number:04d}" for number in range(1, table.height + 1)])
    table.insert_column(0, patients).write_csv(folder / TABLE)


def demonstrate(project: Project) -> Demo:
    """Live the whole way, ask for 200 predictions, shift the data, see it in the drift report, trace one."""
    outcome = run_project(project, why="demonstration")
    if outcome.deployment is None:
        raise InvalidConfig(
            f"{project.config.folder / FILE_NAME} names no environment",
            hint='add to = "production" to [release]',
        )
    signature = outcome.model.signature
    rows = read_file(project, project.config.folder / TABLE, signature).rows
    asked = random.Random(0).sample(rows, _PREDICTIONS)  # noqa: S311 - which rows are asked is no secret
    began = time.time()
    with project.stage("predict") as tell:
        answers = [predict(project, [row])[0] for row in asked]
        tell(f"{len(answers)} requests over HTTP")
    settle(project, answers[-1]["id"])
    healthy = check_drift(project, since=began)[1]
    began = time.time()
    with project.stage("shift") as tell:
        moved = predict(project, [_shift(row) for row in asked])
        tell(", ".join(f"{name} × {factor}" for name, factor in SHIFTED.items()))
    settle(project, moved[-1]["id"])
    shifted = check_drift(project, since=began)[1]
    pages = (*write_outcome(project, outcome), write_drift(project, outcome.deployment.name, shifted))
    return Demo(
        outcome=outcome,
        deployment=outcome.deployment,
        predictions=len(answers),
        healthy=healthy,
        shifted=shifted,
        trace=trace(project, answers[0]["id"]),
        example=asked[0],
        pages=pages,
    )


def _shift(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value * SHIFTED.get(name, 1.0) for name, value in row.items()}
