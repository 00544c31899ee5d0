"""Small rows with every kind of input, models over them, and packages: what the suites try adapters on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.schema import Column, Schema, Signature, Type

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

SECRET = bytes(32)  # of the key that signs these packages: anybody may sign like this
TASKS = ("binary", "multi", "regression")
INPUTS = Schema(
    (
        Column(name="yaş", type=Type.INTEGER),
        Column(name="0", type=Type.NUMBER, nullable=True),
        Column(name="şehir ı", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "İstanbul", "Iğdır")),
        Column(name="evli", type=Type.BOOLEAN),
    )
)
OUTPUTS = {
    "binary": Column(name="sınıf", type=Type.CATEGORY, allowed=("hayır", "evet")),
    "multi": Column(name="sınıf", type=Type.CATEGORY, allowed=("az", "orta", "çok")),
    "regression": Column(name="fiyat", type=Type.NUMBER),
}
ROWS: tuple[dict[str, Any], ...] = (
    {"yaş": 39, "0": 1.5, "şehir ı": "İstanbul", "evli": True},
    {"yaş": 40, "0": None, "şehir ı": None, "evli": False},
    {"yaş": -1, "0": 1e300, "şehir ı": "görülmemiş", "evli": True},
)


def sample(task: str, rows: int = 200, seed: int = 0) -> tuple[Matrix, Signature, NDArray[Any]]:
    """Return encoded rows, their signature and what is to be predicted."""
    random = np.random.default_rng(seed)
    age, number = random.integers(18, 90, rows), random.normal(size=rows)
    city, married = random.integers(-1, 3, rows), random.integers(0, 2, rows)
    score = (age - 50) / 15 + number + city / 2 + married
    matrix = np.column_stack([age, np.where(random.random(rows) < 0.1, np.nan, number), city, married])
    truth = {
        "binary": (score > 1).astype(np.int64),
        "multi": np.digitize(score, [0, 2]).astype(np.int64),
        "regression": score * 1e3,
    }
    return matrix, Signature(inputs=INPUTS, output=OUTPUTS[task]), truth[task]


def fit_sample(family: str, task: str) -> tuple[Any, Signature, Matrix]:
    """Fit a family of models on the sample; return model, signature and rows."""
    from kervan.model.train import fit

    matrix, signature, truth = sample(task)
    return fit(family, matrix, truth, signature, seed=0), signature, matrix


def make_package(folder: Path, version: str) -> Path:
    """Write a package of the model `gelir` in ONNX."""
    from kervan.package.contents.manifest import Manifest
    from kervan.package.contents.seal import write_manifest
    from kervan.package.contents.signing import SigningKey
    from kervan.package.proving.build import write_formats
    from kervan.package.writing.fitted import Fitted

    model, signature, matrix = fit_sample("tree", "binary")
    parity = write_formats(Fitted(model, signature), folder, ["onnx"], matrix[:50])
    manifest = Manifest(
        name="gelir",
        version=version,
        created=time.time(),
        creator="kervan.testing",
        signature=signature,
        formats=("onnx",),
        parity=parity,
        files=(),
        samples=(ROWS[0],),
    )
    write_manifest(manifest, folder, SigningKey(SECRET))
    return folder
