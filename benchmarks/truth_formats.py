"""Do written files answer like the original library? On how many raw rows of real tables do they not?"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kervan.core.config import DataSettings
from kervan.core.errors import ParityFailed, Refused
from kervan.core.loading import DATA_FOLDER
from kervan.core.plugins import plugin
from kervan.data.columns import infer_schema, signature_of
from kervan.data.ingest import load
from kervan.data.target import task_of, values_of
from kervan.model.train import fit
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import compare
from kervan.package.writing.fitted import Fitted

LEARNED, ASKED = 2_000, 1_000
FORMATS = ("python", "c", "javascript", "sqlite", "duckdb", "pfa", "onnx")
OURS = ("linear", "tree", "forest", "boosting")
TABLES = (
    ("adult/adult.csv.gz", "income"),
    ("bank-marketing/bank-full.csv.gz", "y"),
    ("bike-sharing/hour.csv.gz", "count"),
    ("california-housing/housing.csv.gz", "median_house_value"),
    ("covertype-sample/covtype_10k.csv.gz", "Cover_Type"),
    ("credit-default-taiwan/UCI_Credit_Card.csv.gz", "DEFAULT"),
    ("german-credit/german.csv", "class"),
    ("king-county-housing/kc_house_data.csv.gz", "price"),
    ("nyc-taxi/taxis_2019_03.csv.gz", "fare"),
    ("wine-quality/winequality-white.csv", "quality"),
)


def main(_runs: int) -> None:
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        print(f"\n== formats: skipped, because {DATA_FOLDER} names no folder of public data sets")
        return
    print(
        f"\n== formats: rows of {ASKED:,} raw ones that answer otherwise than the original + changed labels"
    )
    print(f"{'table':24}{'model':12}" + "".join(f"{name:>12}" for name in FORMATS))
    for file, target in TABLES:
        for model, fitted, matrix in _models(Path(folder), file, target):
            shown = "".join(f"{_differing(name, fitted, matrix):>12}" for name in FORMATS)
            print(f"{file.partition('/')[0]:24}{model:12}{shown}", flush=True)


def _models(folder: Path, file: str, target: str) -> Iterator[tuple[str, Fitted, Any]]:
    table = load(file, folder, DataSettings()).table
    table = table.filter(table[target].is_not_null())
    table = table.sample(min(table.height, LEARNED + ASKED), seed=1)
    task = task_of(values_of(table, target))
    signature, _ = signature_of(table, infer_schema(table, DataSettings(target=target)), target, task)
    matrix, truth = encode_table(table, signature), encode_truth(table[target], signature.output)
    split = len(matrix) - min(ASKED, len(matrix) // 3)
    for family in OURS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield (
                family,
                Fitted(fit(family, matrix[:split], truth[:split], signature, seed=0), signature),
                matrix[split:],
            )
    for library in ("lightgbm", "xgboost"):
        made = _elsewhere(library, task).fit(matrix[:split], truth[:split])
        yield library, Fitted(made, signature), matrix[split:]


def _elsewhere(library: str, task: str) -> Any:
    if library == "lightgbm":
        import lightgbm as maker

        kind = maker.LGBMClassifier if task == "classification" else maker.LGBMRegressor
        return kind(n_estimators=40, verbose=-1)
    import xgboost

    kind = xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor
    return kind(n_estimators=40)


def _differing(name: str, fitted: Fitted, matrix: Any) -> str:
    """Write and prove a model, then ask the file about raw rows that the proof did not see."""
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = Path(scratch) / name
        half = len(matrix) // 2
        try:
            (proof, *_) = write_format(name, fitted, place, matrix[:half])
        except Refused as error:
            return "fails" if isinstance(error, ParityFailed) else "refused"
        adapter = plugin("format", name)
        scorers = (
            adapter.scorers(place, fitted.signature)
            if hasattr(adapter, "scorers")
            else {"": adapter.load(place, fitted.signature)}
        )
        worst = [
            compare(fitted.predict, scorer, matrix, proof.tolerance, name=name, scorer="").parity
            for scorer in scorers.values()
        ]
        return f"{max(each.over for each in worst)} + {max(each.label_changes for each in worst)}"
