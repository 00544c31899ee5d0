"""What the services give to scikit-learn: a matrix, or a table of pandas where rows have names."""

from __future__ import annotations

from typing import Any

import numpy as np


def input_of(rows: list[Any]) -> Any:
    if isinstance(rows[0], dict):
        import pandas as pd

        return pd.DataFrame(rows)
    return np.array(rows)
