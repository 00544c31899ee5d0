"""Trying formats on a model: what is proved, what is refused and why."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from kervan.core.errors import InvalidConfig
from kervan.core.plugins import plugins
from kervan.package.proving.build import served_format
from kervan.package.proving.parity import proof_rows
from kervan.package.proving.survey import Support, absent, survey
from kervan.package.writing.fitted import Fitted
from kervan.testing.sample import fit_sample, sample


def test_a_proved_format_tells_size_difference_and_speed() -> None:
    model, signature, matrix = fit_sample("linear", "multi")
    fitted = Fitted(model, signature)
    rows = proof_rows(fitted, matrix, seed=0)
    for tried in survey(fitted, rows, ["onnx", "python", "sqlite"]):
        assert tried.support is Support.PROVED, tried
        assert not tried.reason
        assert tried.rows == len(rows)
        assert tried.size is not None
        assert tried.size > 500
        assert tried.seconds is not None
        assert tried.seconds > 0
        assert tried.largest is not None
        assert tried.largest <= tried.about.tolerance


def test_what_the_form_cannot_express_is_refused_with_the_reason() -> None:
    matrix, signature, truth = sample("binary")
    rows = np.nan_to_num(matrix)
    fitted = Fitted(KNeighborsClassifier().fit(rows, truth), signature)
    onnx, native = survey(fitted, rows, ["onnx", "native"])
    assert onnx.support is Support.REFUSED
    assert "breaks ties" in onnx.reason
    assert native.support is Support.PROVED


def test_without_a_database_nothing_is_called_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERVAN_PROOF_POSTGRESQL", raising=False)
    model, signature, matrix = fit_sample("tree", "regression")
    (tried,) = survey(Fitted(model, signature), matrix, ["postgresql"])
    assert tried.support is Support.UNPROVED
    assert "KERVAN_PROOF_POSTGRESQL=" in tried.reason
    assert tried.largest is None


def test_formats_that_are_not_there_give_a_reason_and_are_not_there() -> None:
    told = absent()
    assert not {each.format for each in told} & set(plugins("format"))
    assert all(each.reason and each.support is Support.ABSENT for each in told)


def test_code_alone_is_not_enough_to_serve() -> None:
    assert served_format(["c", "sqlite", "native", "onnx"]) == "native"
    with pytest.raises(InvalidConfig, match="for other programs") as caught:
        served_format(["c", "pmml"])
    assert "onnx" in caught.value.hint
