"""Small records of every kind, for filling catalogs."""

from __future__ import annotations

import time
from typing import Any

from kervan.core.identity import new_id
from kervan.core.nouns import (
    Code,
    Dataset,
    Deployment,
    Host,
    Model,
    Origin,
    Package,
    Report,
    ReportKind,
    Run,
    Status,
    Verdict,
)
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.serving import Plan

SCHEMA = Schema((Column(name="yaş", type=Type.INTEGER), Column(name="şehir", type=Type.CATEGORY)))
SIGNATURE = Signature(inputs=SCHEMA, output=Column(name="gelir", type=Type.NUMBER))


def _common(name: str) -> dict[str, Any]:
    return {"id": new_id(), "name": name, "creator": "ayşe", "time": time.time()}


def make_report(name: str = "rapor", **changes: Any) -> Report:
    values = {**_common(name), "kind": ReportKind.PROFILE, "verdict": Verdict.PASSED, **changes}
    return Report(**values)


def make_run(name: str = "koşu", **changes: Any) -> Run:
    host = Host(name="elsewhere", platform="Linux", python="3.11", cores=2, process=1, started=1.0)
    values = {
        **_common(name),
        "status": Status.RUNNING,
        "code": Code(),
        "environment": {},
        "host": host,
        **changes,
    }
    return Run(**values)


def make_dataset(name: str = "müşteri", version: str = "1", **changes: Any) -> Dataset:
    origin = Origin(source="müşteri.csv", size=3, sha256="0" * 64, blob="0" * 64)
    values = {
        **_common(name),
        "version": version,
        "schema": SCHEMA,
        "target": "gelir",
        "rows": 3,
        "origin": origin,
        "parts": (),
        **changes,
    }
    return Dataset(**values)


def make_model(name: str = "gelir", version: str = "1.0.0", **changes: Any) -> Model:
    values = {
        **_common(name),
        "version": version,
        "run": "",
        "dataset": "",
        "signature": SIGNATURE,
        "family": "tree",
        "metrics": {"r2": 0.5},
        "acceptance": "",
        "package": "",
        **changes,
    }
    return Model(**values)


def make_package(name: str = "gelir", version: str = "1.0.0", **changes: Any) -> Package:
    values = {
        **_common(name),
        "version": version,
        "formats": ("onnx",),
        "files": (),
        "parity": 0.0,
        **changes,
    }
    return Package(**values)


def make_deployment(name: str = "üretim", **changes: Any) -> Deployment:
    values = {
        **_common(name),
        "shares": {"gelir@1.0.0": 1.0},
        "plan": Plan(),
        "endpoint": "http://127.0.0.1:8000",
        "why": "ilk sürüm",
        **changes,
    }
    return Deployment(**values)
