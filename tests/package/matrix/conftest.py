"""Which cells of the page are proved anew: those of its sample, or all by `make matrix`."""

from __future__ import annotations

import pytest

from sampling import IS_WHOLE

from .page import ESTIMATORS, is_sampled


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Prove the cells of the module's columns that this run is for."""
    if "estimator" in metafunc.fixturenames:
        cells = [
            (name, estimator)
            for name in metafunc.module.COLUMNS
            for estimator in ESTIMATORS
            if IS_WHOLE or is_sampled(name, estimator)
        ]
        metafunc.parametrize(("name", "estimator"), cells)
