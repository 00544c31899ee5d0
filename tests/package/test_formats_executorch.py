"""ExecuTorch: every layer in float64, a real table, and what is in the file."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kervan.core.errors import Corrupted
from kervan.package.proving.build import prove
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.executorch import FILE, ExecuTorchFormat
from kervan.package.writing.tensor.executorch import quiet
from kervan.testing.sample import fit_sample

from .code.test_real_tables import fitted
from .tensor import every_layer

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor


def written(model: Fitted, folder: Path) -> Predictor:
    ExecuTorchFormat().save(model, folder)
    (predictor,) = ExecuTorchFormat().scorers(folder, model.signature).values()
    return predictor


def test_every_layer(tmp_path: Path) -> None:
    model = every_layer.all_fitted()
    parity = every_layer.compared(model, written(model, tmp_path), 1e-12)
    assert parity.holds, parity


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", ["linear", "boosting"])
def test_answers_like_the_model_on_a_real_table(family: str, data_dir: Path, tmp_path: Path) -> None:
    model, rows = fitted(family, "adult", data_dir)
    (parity,) = prove("executorch", {"": written(model, tmp_path)}, model, rows)
    assert parity.holds


def test_a_program_outlives_what_loaded_it(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("tree", "binary")
    predictors = [written(Fitted(model, signature), tmp_path) for _ in range(3)]
    (tmp_path / FILE).unlink()
    for predictor in predictors:
        np.testing.assert_allclose(
            predictor.predict(matrix), model.predict_proba(matrix.astype(float)), atol=1e-12
        )


def test_a_file_does_not_tell_where_it_was_made(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    written(Fitted(model, signature), tmp_path)
    content = (tmp_path / FILE).read_bytes()
    assert __file__.removesuffix("tests/package/test_formats_executorch.py").encode() not in content


@pytest.mark.parametrize(
    "content", [b"\xff" * 2000, bytes(2000), b"\0\0\0\0ET12", b"\0\0\0\0ET12" + bytes(500)]
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    _, signature, _ = fit_sample("linear", "binary")
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(Corrupted) as caught:
        ExecuTorchFormat().scorers(tmp_path, signature)
    assert caught.value.hint


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    ExecuTorchFormat().save(Fitted(model, signature), tmp_path)
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(Corrupted):
        ExecuTorchFormat().scorers(tmp_path, signature)


def test_silence_ends(caplog: pytest.LogCaptureFixture) -> None:
    with quiet():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.getLogger("parts").warning("absent")
    with pytest.warns(DeprecationWarning, match="old"):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    logging.getLogger("parts").warning("heard")
    assert caplog.messages == ["heard"]
