"""The real tables that scikit-learn carries, with their signatures."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from kervan.core.schema import Column, Schema, Signature, Type

READERS = {"cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}


def real(name: str) -> tuple[Signature, Any, Any]:
    """A signature, a matrix, and its truth: `cancer` (two classes), `wine` (three), `diabetes`."""
    found = READERS[name]()
    inputs = Schema(tuple(Column(name=text, type=Type.NUMBER) for text in found.feature_names))
    if name == "diabetes":
        output = Column(name="ilerleme", type=Type.NUMBER)
        return Signature(inputs=inputs, output=output), found.data.astype(np.float64), found.target
    labels = tuple(f"sınıf {place}" for place in range(len(found.target_names)))
    output = Column(name="tür", type=Type.CATEGORY, allowed=labels)
    return Signature(inputs=inputs, output=output), found.data.astype(np.float64), found.target.astype(int)
