"""Real packages for the tests of serving and deploying: trained, written, proved, loaded by the real code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.package.contents.manifest import Manifest
from kervan.package.contents.seal import write_manifest
from kervan.package.contents.signing import SigningKey
from kervan.package.proving.build import write_formats
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

INPUTS = Schema(
    (
        Column(name="yaş", type=Type.INTEGER, minimum=0, maximum=120),
        Column(name="0", type=Type.NUMBER, nullable=True),
        Column(
            name="şehir adı", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "İstanbul", "ısparta")
        ),
        Column(name="tür", type=Type.CATEGORY, allowed=("a", "b"), unseen=Unseen.REFUSE),
        Column(name="evli", type=Type.BOOLEAN),
    )
)
CLASSES = ("<=50K", ">50K")
CLASSIFICATION = Signature(inputs=INPUTS, output=Column(name="gelir", type=Type.CATEGORY, allowed=CLASSES))
REGRESSION = Signature(inputs=INPUTS, output=Column(name="kira", type=Type.NUMBER))
NUMERIC = Signature(
    inputs=Schema(
        (
            Column(name="x", type=Type.NUMBER),
            Column(name="n", type=Type.INTEGER, nullable=True),
            Column(name="ok", type=Type.BOOLEAN),
        )
    ),
    output=Column(name="class", type=Type.CATEGORY, allowed=CLASSES),
)
KEY = SigningKey(bytes(32))
ROW: dict[str, Any] = {"yaş": 39, "0": 1.5, "şehir adı": "İstanbul", "tür": "a", "evli": True}


def make_matrix(signature: Signature, rows: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    columns = {
        Type.INTEGER: lambda: random.integers(0, 100, rows),
        Type.NUMBER: lambda: random.normal(size=rows),
        Type.BOOLEAN: lambda: random.integers(0, 2, rows),
        Type.CATEGORY: lambda: random.integers(0, 2, rows),
    }
    return np.column_stack([columns[column.type]() for column in signature.inputs]).astype(np.float64)


def make_package(folder: Path, signature: Signature, version: str = "1.0.0", name: str = "gelir") -> Path:
    """Train a small model and write it as a package; different versions answer differently."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline

    seed = sum(map(ord, version))
    matrix = make_matrix(signature, 300, seed)
    score = matrix[:, 0] * (1 if version < "2" else -1) + matrix[:, 1]
    kind = HistGradientBoostingClassifier if signature.is_classification else HistGradientBoostingRegressor
    truth = (score > np.median(score)).astype(int) if signature.is_classification else score
    model = Pipeline([("model", kind(max_iter=5, max_leaf_nodes=5))]).fit(matrix, truth)
    parity = write_formats(Fitted(model, signature), folder, ["onnx"], matrix[:50])
    manifest = Manifest(
        name=name,
        version=version,
        created=time.time(),
        creator="test",
        signature=signature,
        formats=("onnx",),
        parity=parity,
        files=(),
        samples=(ROW,) if signature.inputs is INPUTS else (),
    )
    write_manifest(manifest, folder, KEY)
    return folder
