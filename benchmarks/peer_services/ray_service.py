"""Ray Serve, one replica: python ray_service.py MODEL PORT."""

from __future__ import annotations

import signal
import sys
from typing import Any

import joblib
import ray
from ray import serve
from rows import input_of
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Predictor:
    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    async def __call__(self, request: Request) -> dict[str, Any]:
        rows = input_of((await request.json())["rows"])
        return {"predictions": self.model.predict_proba(rows).tolist()}


if __name__ == "__main__":
    ray.init(include_dashboard=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})
    serve.run(Predictor.bind(sys.argv[1]), route_prefix="/")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
