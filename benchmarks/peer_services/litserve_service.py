"""LitServe: python litserve_service.py MODEL PORT."""

import sys
from typing import Any

import joblib
import litserve
from rows import input_of


class Predictor(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = joblib.load(sys.argv[1])

    def decode_request(self, request) -> Any:  # type: ignore[no-untyped-def]  # LitServe reads its type
        return input_of(request["rows"])

    def predict(self, x: Any) -> Any:
        return self.model.predict_proba(x)

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Predictor(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
