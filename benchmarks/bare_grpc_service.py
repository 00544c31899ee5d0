"""The limit of gRPC in Python: grpc.aio on uvloop and one run of ONNX Runtime for each call.

Nothing is recorded, counted or checked. python bare_grpc_service.py PACKAGE PORT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import onnxruntime
import uvloop

from kervan.serve.rpc.messages import message

Asked: Any = message("inference.ModelInferRequest")
Answer: Any = message("inference.ModelInferResponse")


class Service:
    """Answers `ModelInfer` for a row of one tensor for each column."""

    def __init__(self, package: Path) -> None:
        manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
        names = [column["name"] for column in manifest["signature"]["inputs"]["columns"]]
        self.places = {name: place for place, name in enumerate(names)}
        self.name = manifest["name"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(package / "onnx" / "matrix.onnx", options)
        self.takes = self.session.get_inputs()[0].name
        self.gives = [self.session.get_outputs()[0].name]

    async def infer(self, request: Any, context: Any) -> Any:
        matrix = np.empty((1, len(self.places)))
        for tensor in request.inputs:
            matrix[0, self.places[tensor.name]] = tensor.contents.fp64_contents[0]
        (scores,) = self.session.run(self.gives, {self.takes: matrix})
        answer = Answer(model_name=self.name)
        output = answer.outputs.add(name="probabilities", datatype="FP64", shape=scores.shape)
        output.contents.fp64_contents.extend(scores[0].tolist())
        return answer


async def main(package: Path, port: int) -> None:
    method = grpc.unary_unary_rpc_method_handler(
        Service(package).infer, Asked.FromString, Answer.SerializeToString
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": method})]
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
