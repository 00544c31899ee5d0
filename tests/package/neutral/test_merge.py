"""Constants that were folded into weights change nothing but the last digits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.form import Arithmetic, Linear
from kervan.package.writing.neutral.merge import merge
from kervan.package.writing.neutral.score import score
from kervan.testing.sample import TASKS, fit_sample
from package.neutral.test_random_pipelines import problems

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUE = Column(name="y", type=Type.NUMBER)
CLASS = Column(name="y", type=Type.CATEGORY, allowed=("a", "b"))


def rows_of(width: int) -> NDArray[np.float64]:
    random = np.random.default_rng(0)
    return (random.normal(size=(200, width)) * random.uniform(1, 1e3, width) + 50).astype(np.float64)


def fitted(model: Any, matrix: Any, output: Column) -> Fitted:
    inputs = Schema(tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(matrix.shape[1])))
    number = matrix.astype(np.float64) @ np.arange(1, matrix.shape[1] + 1)
    truth = (number > np.median(number)).astype(int) if output is CLASS else number
    return Fitted(model.fit(matrix.astype(np.float64), truth), Signature(inputs=inputs, output=output))


def assert_alike(found: Fitted, rows: NDArray[np.float64]) -> None:
    wanted, given = (score(form, rows) for form in (found.form, merge(found.form)))
    np.testing.assert_array_equal(np.isfinite(given), np.isfinite(wanted))
    scale = np.maximum(np.abs(wanted), 1.0)
    known = np.isfinite(wanted)
    assert np.abs((given - wanted) / scale)[known].max(initial=0) < 1e-9


@pytest.mark.parametrize("task", TASKS)
def test_scaling_disappears_from_the_linear_family(task: str) -> None:
    model, signature, matrix = fit_sample("linear", task)
    found = Fitted(model, signature)
    assert any(isinstance(layer, Arithmetic) for layer in found.form.layers)
    merged = merge(found.form)
    assert not any(isinstance(layer, Arithmetic) for layer in merged.layers)
    assert len(merged.layers) < len(found.form.layers)
    assert_alike(found, proof_rows(found, matrix, seed=0))


def test_sums_after_sums_become_one_unless_a_bottleneck_is_between() -> None:
    matrix = rows_of(20)
    one = fitted(make_pipeline(StandardScaler(), PCA(20), RobustScaler(), Ridge()), matrix, VALUE)
    assert [type(layer) for layer in merge(one.form).layers][-1] is Linear
    assert sum(isinstance(layer, Linear) for layer in merge(one.form).layers) == 1
    assert_alike(one, matrix)
    network = MLPClassifier((40,), max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        narrow = fitted(make_pipeline(StandardScaler(), PCA(2), network), matrix, CLASS)
    sizes = [layer.weights.shape for layer in merge(narrow.form).layers if isinstance(layer, Linear)]
    assert sizes[:2] == [(2, 20), (40, 2)]
    assert_alike(narrow, matrix)


@pytest.mark.parametrize(("shift", "stays"), [(1e3, False), (1e6, True)])
def test_a_shift_that_would_cancel_stays(shift: float, stays: bool) -> None:
    matrix = (np.random.default_rng(0).normal(size=(200, 3)) + shift).astype(np.float64)
    found = fitted(make_pipeline(StandardScaler(), Ridge()), matrix, VALUE)
    merged = merge(found.form)
    assert any(isinstance(layer, Arithmetic) for layer in merged.layers) == stays
    wanted, given = (score(form, matrix) for form in (found.form, merged))
    np.testing.assert_allclose(given, wanted, rtol=1e-12)


def test_what_is_not_read_cannot_spoil_a_sum() -> None:
    """A column that the sum does not read may be missing: it gets no weight of 0, which NaN would survive."""
    model, signature, matrix = fit_sample("linear", "binary")
    rows = matrix.copy()
    rows[:, 1] = np.nan
    assert np.isfinite(score(merge(Fitted(model, signature).form), rows)).all()


def test_folding_twice_changes_nothing() -> None:
    found = fitted(make_pipeline(StandardScaler(), LogisticRegression()), rows_of(5), CLASS)
    once = merge(found.form)
    assert [type(layer) for layer in merge(once).layers] == [type(layer) for layer in once.layers]


@settings(max_examples=25)
@given(problems())
def test_a_random_pipeline_answers_alike(problem: tuple[Fitted, Any, Any]) -> None:
    found, rows, _ = problem
    assert_alike(found, rows)
