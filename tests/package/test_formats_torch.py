"""PyTorch's formats: every layer, real tables, and what is in the files and what is not."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
import torch

from kervan.core.errors import Corrupted
from kervan.core.plugins import plugin
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.tensor.coding import FILE as SIGNATURE
from kervan.package.writing.tensor.coding import read_signature
from kervan.testing.sample import fit_sample

from .code.test_real_tables import FAMILIES
from .framework_proofs import prove_table
from .tensor import every_layer

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor

FILES = {"torchscript": "model.pt", "torch-export": "model.pt2"}


def written(name: str, model: Fitted, folder: Path) -> Predictor:
    adapter = plugin("format", name)
    adapter.save(model, folder)
    (predictor,) = adapter.scorers(folder, model.signature).values()
    return predictor


@pytest.mark.parametrize("layer", every_layer.LAYERS)
@pytest.mark.parametrize("name", FILES)
def test_every_layer(name: str, layer: str, tmp_path: Path) -> None:
    model = every_layer.fitted(layer)
    parity = every_layer.compared(model, written(name, model, tmp_path), 1e-12)
    assert parity.holds, parity


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", FILES)
def test_answers_like_the_model_on_a_real_table(
    name: str, family: str, data_dir: Path, tmp_path: Path
) -> None:
    prove_table(family, "adult", data_dir, lambda model: {"": written(name, model, tmp_path)}, 1e-12)


@pytest.mark.parametrize("name", FILES)
def test_a_file_carries_its_coding_and_does_not_tell_where_it_was_made(name: str, tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    written(name, Fitted(model, signature), tmp_path)
    with zipfile.ZipFile(tmp_path / FILES[name]) as file:
        contents = {entry: file.read(entry) for entry in file.namelist()}
    (own,) = (content for entry, content in contents.items() if entry.endswith(f"/{SIGNATURE}"))
    assert read_signature(own, name) == signature
    here = __file__.removesuffix("tests/package/test_formats_torch.py").encode()
    assert not [entry for entry, content in contents.items() if here in content]


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:DeprecationWarning")
def test_programs_of_others_run_the_files(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("boosting", "multi")
    rows = torch.from_numpy(matrix)
    for name in FILES:
        written(name, Fitted(model, signature), tmp_path)
    script = torch.jit.load(tmp_path / "model.pt")
    program = torch.export.load(tmp_path / "model.pt2").module()
    wanted = torch.from_numpy(model.predict_proba(matrix.astype(float)))
    for run in (script, program):
        torch.testing.assert_close(run(rows), wanted, rtol=0, atol=1e-12)
        torch.testing.assert_close(run(rows[:1]), wanted[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FILES)
def test_archives_of_something_else_are_refused(name: str, tmp_path: Path) -> None:
    _, signature, _ = fit_sample("tree", "binary")
    with zipfile.ZipFile(tmp_path / FILES[name], "w") as file:
        file.writestr("archive/hello", "world")
    with pytest.raises(Corrupted) as caught:
        plugin("format", name).scorers(tmp_path, signature)
    assert caught.value.hint


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_its_coding_is_refused(name: str, tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "binary")
    written(name, Fitted(model, signature), tmp_path)
    path = tmp_path / FILES[name]
    with zipfile.ZipFile(path) as file:
        contents = {entry: file.read(entry) for entry in file.namelist() if SIGNATURE not in entry}
    with zipfile.ZipFile(path, "w") as file:
        for entry, content in contents.items():
            file.writestr(entry, content)
    with pytest.raises(Corrupted, match="has no signature"):
        plugin("format", name).scorers(tmp_path, signature)
