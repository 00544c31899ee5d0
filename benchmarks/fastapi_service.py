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
takes = session.get_inputs()[0].name
gives = [output.name for output in session.get_outputs() if "float" in output.type][-1:]
app = FastAPI()


@app.get("/health")
async def health() -> dict[str, bool]:
    return {"ok": True}


@app.post("/predict")
async def predict(row: Row) -> dict[str, Any]:  # type: ignore[valid-type]
    matrix = np.array([[getattr(row, field) for field in names]], dtype=np.float32)
    (values,) = session.run(gives, {takes: matrix})
    scores = np.ravel(values).tolist()
    return {"label": labels[int(np.argmax(scores))], "probabilities": dict(zip(labels, scores, strict=True))}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
