"""Every model that the neutral form can express answers as a module of PyTorch like the form itself."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import HealthCheck, given, settings

from kervan.package.proving.parity import compare, proof_rows
from kervan.package.writing.neutral.score import score
from kervan.package.writing.tensor.coding import CodedPredictor
from kervan.package.writing.tensor.torch import module_of, scored_by
from package.neutral.rows import fit
from package.neutral.test_random_pipelines import problems

if TYPE_CHECKING:
    from kervan.package.writing.fitted import Fitted


def assert_alike(fitted: Fitted, matrix: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is made to hurt overflows here and there
        rows = proof_rows(fitted, matrix, seed=1)
        form = fitted.form
        run = scored_by(module_of(form), "the module")
        predictor = CodedPredictor(form.signature, form.signature, run, where="the module")
        tolerance = max(1e-12, fitted.slack)
        found = compare(partial(score, form), predictor, rows, tolerance, name="torch", scorer="")
    assert found.parity.holds, found.parity


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(problems())
def test_random_pipelines(problem: tuple[Fitted, Any, Any]) -> None:
    fitted, matrix, _ = problem
    assert_alike(fitted, matrix)


def test_its_constants_have_names() -> None:
    fitted, _ = fit("RandomForestClassifier", "binary")
    held = module_of(fitted.form).state_dict()
    np.testing.assert_array_equal(held["layer0_threshold"].shape, fitted.form.layers[0].place.shape)
    assert all(name.startswith("layer") for name in held)
