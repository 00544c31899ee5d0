"""Records as a workspace has them, for cards and bills of materials."""

from __future__ import annotations

from typing import Any

from kervan.core.nouns import (
    Dataset,
    Finding,
    Origin,
    PackageFile,
    Part,
    Report,
    ReportKind,
    Role,
    Verdict,
)
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.package.contents.background import Background
from kervan.package.contents.manifest import FormatFacts, Lineage, Manifest, Parity

HASH = "ab" * 32
FILES = (PackageFile(path="onnx/model.onnx", size=10, sha256=HASH),)
COLUMNS = (
    Column(name="yaş", type=Type.INTEGER, minimum=0, maximum=120, unit="yıl"),
    Column(name="a|b", type=Type.NUMBER, nullable=True),
    Column(name="şehir", type=Type.CATEGORY, allowed=tuple("abcdefghij"), unseen=Unseen.REFUSE),
    Column(name="renk", type=Type.CATEGORY, allowed=("al", "ak")),
)
TARGET = Column(name="sınıf", type=Type.CATEGORY, allowed=("hayır", "evet"))


def dataset(**changed: Any) -> Dataset:
    told: dict[str, Any] = {
        "id": "01D",
        "name": "müşteriler",
        "version": "3",
        "hash": HASH,
        "creator": "ayşe",
        "time": 0.0,
        "schema": Schema((Column(name="ad", type=Type.TEXT), *COLUMNS, TARGET)),
        "target": "sınıf",
        "rows": 1000,
        "origin": Origin(source="/home/ayşe/müşteriler.csv", size=5, sha256=HASH, blob=""),
        "parts": (
            Part(role=Role.TRAIN, rows=800, blob="", content=HASH),
            Part(role=Role.TEST, rows=200, blob="", content=HASH, sealed=True),
        ),
        "protection": {"ad": "drop"},
    }
    return Dataset(**{**told, **changed})


def background(*, use: str = "", data: Dataset | None = None, **changed: Any) -> Background:
    told: dict[str, Any] = {
        "name": "gelir",
        "version": "1.2.0",
        "created": 0.0,
        "creator": "ayşe",
        "signature": Signature(inputs=Schema(COLUMNS), output=TARGET),
        "formats": ("onnx",),
        "parity": (
            Parity(
                format="onnx/model.onnx",
                rows=2000,
                tolerance=1e-5,
                largest=3e-8,
                over=0,
                label_changes=0,
                scorer="onnxruntime 1.31.1",
            ),
        ),
        "files": (),
        "samples": ({"yaş": 1},),
        "metrics": {"roc_auc": 0.9, "log_loss": 0.2},
        "intervals": {"roc_auc": (0.85, 0.95)},
        "family": "boosting",
        "requirements": {"numpy": "2.4.6", "onnxruntime": "1.31.1"},
        "facts": (FormatFacts(format="onnx", title="ONNX", licence="Apache-2.0", readers="ONNX Runtime"),),
        "lineage": Lineage(
            dataset="müşteriler:3", run="01R", commit="c0ffee", difference=HASH, acceptance="01A"
        ),
    }
    report = Report(
        id="01A",
        name="gelir",
        creator="ayşe",
        time=0.0,
        kind=ReportKind.ACCEPTANCE,
        verdict=Verdict.WARNED,
        findings=(
            Finding(rule="goal", subject="roc_auc", verdict=Verdict.PASSED, message="roc_auc is 0.9"),
            Finding(rule="rows", subject="rows", verdict=Verdict.WARNED, message="200 rows tell little"),
        ),
    )
    return Background(
        manifest=Manifest(**{**told, **changed}), dataset=data or dataset(), acceptance=report, use=use
    )
