"""BentoML: bentoml serve bentoml_service:Predictor, with MODEL in the environment."""

from __future__ import annotations

import os
from typing import Any

import bentoml
import joblib
import numpy as np
from rows import input_of


@bentoml.service
class Predictor:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(rows)  # type: ignore[no-any-return]

    @bentoml.api
    def predict_named(self, rows: list[dict[str, Any]]) -> np.ndarray:
        return self.model.predict_proba(input_of(rows))  # type: ignore[no-any-return]
