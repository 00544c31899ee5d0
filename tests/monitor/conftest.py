from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kervan.core.config import DATA_FOLDER, DataSettings
from kervan.data.ingest import load

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl


@pytest.fixture(scope="session")
def public() -> Callable[[str], pl.DataFrame]:
    """Read one of the public data sets."""
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        pytest.skip(f"{DATA_FOLDER} names no folder of public data sets")

    def read(name: str) -> pl.DataFrame:
        loaded = load(name, Path(folder).resolve(), DataSettings())
        return loaded.table

    return read
