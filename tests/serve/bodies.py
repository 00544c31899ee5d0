"""Bodies of requests, to be changed and broken."""

from __future__ import annotations

import json
import struct
from typing import Any

from serve.real_packages import ROW

VALUES = list(ROW.values())


def tensor(name: str, datatype: str, data: Any, shape: Any, **parameters: Any) -> dict[str, Any]:
    content = {"name": name, "datatype": datatype, "shape": shape}
    return {**content, **({"parameters": parameters} if parameters else {"data": data})}


def tensors(**changes: Any) -> dict[str, Any]:
    kinds = {"yaş": "INT64", "0": "FP64", "şehir adı": "BYTES", "tür": "BYTES", "evli": "BOOL"}
    made = {name: tensor(name, kind, [ROW[name]] * 2, [2]) for name, kind in kinds.items()}
    return {"inputs": list((made | changes).values())}


def packed(content: Any, binary: bytes, length: Any = None) -> tuple[bytes, dict[str, str]]:
    head = json.dumps(content).encode()
    said = str(len(head)) if length is None else length
    return head + binary, {"inference-header-content-length": said}


AGES = struct.pack("<qq", 39, 40)


def split(*rows: Any, **others: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": [*ROW], "data": list(rows), **others}}
