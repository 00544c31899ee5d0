"""The same model behind FastAPI and ONNX Runtime, as a careful user writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import Field, create_model

package, port = Path(sys.argv[1]), int(sys.argv[2])
manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
columns = manifest["signature"]["inputs"]["columns"]
labels = manifest["signature"]["output"]["allowed"]
names = {f"f{place}": column["name"] for place, column in enumerate(columns)}
Row = create_model("Row", **{field: (float, Field(alias=name)) for field, name in names.items()})

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(package / "onnx" / "matrix.onnx", options)
takes = session.get_inputs()[0]
gives = [session.get_outputs()[0].name]
kind = np.float64 if takes.type == "tensor(double)" else np.float32
app = FastAPI()


@app.post("/predict")
async def predict(row: Row) -> dict[str, Any]:  # type: ignore[valid-type]
    return answer([row])


@app.post("/predict-rows")
async def predict_rows(rows: list[Row]) -> dict[str, Any]:  # type: ignore[valid-type]
    return answer(rows)


def answer(rows: list[Any]) -> dict[str, Any]:
    matrix = np.array([[getattr(row, field) for field in names] for row in rows], dtype=kind)
    (scores,) = session.run(gives, {takes.name: matrix})
    return {
        "predictions": [
            {"label": labels[int(np.argmax(row))], "probabilities": dict(zip(labels, row, strict=True))}
            for row in scores.tolist()
        ]
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
