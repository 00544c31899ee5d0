"""MLflow: saves the model for `mlflow models serve`: python mlflow_model.py MODEL FOLDER."""

from __future__ import annotations

import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    mlflow.sklearn.save_model(
        joblib.load(sys.argv[1]),
        sys.argv[2],
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
    )
