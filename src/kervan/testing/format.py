"""What every format of models must do."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import Format
from kervan.package.encoding import held
from kervan.package.proving.build import Proving
from kervan.package.proving.parity import compare, nasty_rows
from kervan.package.writing.fitted import Fitted
from kervan.testing.change import CHANGES
from kervan.testing.sample import TASKS, fit_sample, sample
from kervan.testing.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.package.contents.manifest import Parity


class FormatSuite(Suite):
    """Tests of a `Format`. Give `adapter`; `models` names the families of models that it must write.

    How far an answer may be from the original's is what the format says about itself. A format `is_code`
    if its files are: then it is tried through `scorers`, and has to refuse to load. `changes` says what
    has to be noticed if something goes wrong in writing: those parts of the neutral form that are written.
    """

    models: tuple[str, ...] = ("linear", "tree", "forest", "boosting")
    is_code: bool = False
    changes: tuple[str, ...] = tuple(CHANGES)

    def adapter(self) -> Format:
        """Return the format to test."""
        raise NotImplementedError

    def inexpressible(self) -> tuple[Any, Signature] | None:
        """Return a fitted model that the format has to refuse, with its signature, if there is one."""
        return None

    def written(self, family: str, task: str, folder: Path) -> tuple[Any, Signature, Any]:
        """Fit a model and write it; return it with its signature and the rows."""
        model, signature, matrix = fit_sample(family, task)
        folder.mkdir(parents=True)
        self.adapter().save(Fitted(model, signature), folder)
        return model, signature, matrix

    def predictors(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return everything that scores what was written, by name."""
        adapter = self.adapter()
        if isinstance(adapter, Proving):
            return adapter.scorers(folder, signature)
        return {"": adapter.load(folder, signature)}

    def compared(self, fitted: Fitted, folder: Path, rows: Matrix) -> list[Parity]:
        """Compare all that scores what was written with a fitted model, over nasty rows as held."""
        about = self.adapter().about
        nasty = held(nasty_rows(rows, fitted.signature, seed=1), about.precision)
        return [
            compare(fitted.predict, predictor, nasty, about.tolerance, name=name, scorer="").parity
            for name, predictor in self.predictors(folder, fitted.signature).items()
        ]

    def scored(self, folder: Path, signature: Signature, rows: Matrix) -> list[Any]:
        """Let everything that scores what was written answer."""
        return [predictor.predict(rows) for predictor in self.predictors(folder, signature).values()]

    def test_is_a_format(self) -> None:
        assert isinstance(self.adapter(), Format)

    @pytest.mark.parametrize("task", TASKS)
    def test_answers_like_the_original(self, task: str, tmp_path: Path) -> None:
        for family in self.models:
            model, signature, matrix = self.written(family, task, tmp_path / family)
            for parity in self.compared(Fitted(model, signature), tmp_path / family, matrix):
                assert parity.holds, (family, parity)

    @pytest.mark.parametrize("change", CHANGES)
    def test_a_mistake_in_writing_is_noticed(self, change: str, tmp_path: Path) -> None:
        if change not in self.changes:
            pytest.skip(f"the format writes no {change}")
        family, changed = CHANGES[change]
        model, signature, matrix = fit_sample(family, "binary")
        self.adapter().save(changed(Fitted(model, signature)), tmp_path)
        found = self.compared(Fitted(model, signature), tmp_path, matrix)
        assert not all(parity.holds for parity in found), found

    @pytest.mark.parametrize("task", TASKS)
    def test_answers_have_their_shape_for_any_number_of_rows(self, task: str, tmp_path: Path) -> None:
        _, signature, matrix = self.written(self.models[0], task, tmp_path / "one")
        width = len(signature.output.allowed) if signature.is_classification else 1
        for predictor in self.predictors(tmp_path / "one", signature).values():
            for rows in (matrix[:0], matrix[:1], np.tile(matrix, (20, 1))):
                values = predictor.predict(rows)
                assert values.dtype == np.float64
                assert values.shape == (len(rows), width)
            alone = np.concatenate([predictor.predict(matrix[place : place + 1]) for place in range(10)])
            np.testing.assert_allclose(predictor.predict(matrix[:10]), alone, rtol=1e-6, atol=1e-7)

    def test_the_folder_can_be_moved(self, tmp_path: Path) -> None:
        _, signature, matrix = self.written(self.models[0], "binary", tmp_path / "one")
        before = self.predictors(tmp_path / "one", signature)
        answers = {name: predictor.predict(matrix) for name, predictor in before.items()}
        moved = tmp_path / "başka yer ı"
        shutil.move(tmp_path / "one", moved)
        for name, predictor in self.predictors(moved, signature).items():
            np.testing.assert_array_equal(predictor.predict(matrix), answers[name])

    def test_writes_into_its_folder_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        self.written(self.models[0], "binary", tmp_path / "one")
        assert [path.name for path in tmp_path.iterdir()] == ["one"]
        assert any(path.is_file() for path in (tmp_path / "one").rglob("*"))

    @pytest.mark.parametrize("content", [b"", b"garbage", b'{"a": 1}'])
    def test_a_broken_file_is_named(self, content: bytes, tmp_path: Path) -> None:
        _, signature, matrix = self.written(self.models[0], "binary", tmp_path / "one")
        for path in files(tmp_path / "one"):
            path.write_bytes(content)
        with pytest.raises(Corrupted) as caught:
            self.scored(tmp_path / "one", signature, matrix)
        assert caught.value.hint

    def test_an_empty_folder_is_no_model(self, tmp_path: Path) -> None:
        _, signature, _ = sample("binary")
        with pytest.raises(Corrupted) as caught:
            self.predictors(tmp_path, signature)
        assert caught.value.hint

    def test_code_is_not_loaded_to_answer_requests(self, tmp_path: Path) -> None:
        if not self.is_code:
            pytest.skip("its files are no code")
        _, signature, _ = self.written(self.models[0], "binary", tmp_path / "one")
        with pytest.raises(Refused) as caught:
            self.adapter().load(tmp_path / "one", signature)
        assert "onnx" in caught.value.hint

    def test_no_code_in_a_file_is_run(self, tmp_path: Path) -> None:
        if self.is_code:
            pytest.skip("its files are code, and it is not loaded")
        _, signature, matrix = self.written(self.models[0], "binary", tmp_path / "one")
        marker = tmp_path / "ran"
        for path in files(tmp_path / "one"):
            path.write_bytes(pickle.dumps(_Trap(marker)))
        with pytest.raises(Corrupted):
            self.adapter().load(tmp_path / "one", signature).predict(matrix)
        assert not marker.exists()

    def test_a_model_that_it_cannot_express_is_refused(self, tmp_path: Path) -> None:
        found = self.inexpressible()
        if found is None:
            pytest.skip("the format names no model that it refuses")
        with pytest.raises(Refused) as caught:
            self.adapter().save(Fitted(*found), tmp_path)
        assert str(caught.value)


def files(folder: Path) -> list[Path]:
    """List the files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


class _Trap:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self._marker,)
