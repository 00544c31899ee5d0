"""BentoML: bentoml serve bentoml_service:Predictor, with MODEL in the environment."""

from __future__ import annotations

import os

import bentoml
import joblib
import numpy as np


@bentoml.service
class Predictor:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(rows)  # type: ignore[no-any-return]
