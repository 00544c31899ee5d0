from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Conflict, Corrupted, InvalidConfig, NotFound, ParityFailed, StorageFailed
from kervan.core.plugins import plugins
from kervan.model.train import fit
from kervan.package.contents.manifest import FILE_NAME, Manifest
from kervan.package.contents.seal import write_manifest
from kervan.package.contents.signing import FILE_NAME as SIGNATURE
from kervan.package.contents.signing import SigningKey
from kervan.package.opening import check_package, load_package
from kervan.package.proving.build import requirements, write_formats
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.onnx import MATRIX_FILE, PORTABLE_FILE, OnnxFormat

from .small_tables import encoded

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Trained:
    fitted: Fitted
    rows: Any


@pytest.fixture(scope="module")
def trained() -> Trained:
    signature, matrix, truth = encoded("binary", 300)
    model = fit("boosting", matrix, truth, signature, seed=0)
    return Trained(Fitted(model, signature), matrix[:100])


def make_package(trained: Trained, folder: Path) -> Manifest:
    proofs = write_formats(trained.fitted, folder, ["onnx"], trained.rows)
    manifest = Manifest(
        name="gelir-ı",
        version="1.0.0",
        created=1.5,
        creator="ayşe",
        signature=trained.fitted.signature,
        formats=("onnx",),
        parity=proofs,
        files=(),
        requirements=requirements(["onnx"]),
    )
    return write_manifest(manifest, folder, SigningKey(bytes(32)))


def test_a_package_is_written_proved_and_answers_after_loading(trained: Trained, tmp_path: Path) -> None:
    written = make_package(trained, tmp_path / "p")
    manifest, predictor = load_package(tmp_path / "p")
    assert manifest == written
    assert [file.path for file in manifest.files] == [f"onnx/{MATRIX_FILE}", f"onnx/{PORTABLE_FILE}"]
    assert [proof.format for proof in manifest.parity] == [f"onnx/{MATRIX_FILE}", f"onnx/{PORTABLE_FILE}"]
    assert all(proof.holds and proof.rows > 2 * len(trained.rows) for proof in manifest.parity)
    assert manifest.parity[0].scorer == f"numpy {version('numpy')} onnxruntime {version('onnxruntime')}"
    assert manifest.requirements == {name: version(name) for name in ("numpy", "onnxruntime")}
    original = trained.fitted.predict(trained.rows)
    np.testing.assert_allclose(predictor.predict(trained.rows), original, atol=1e-5)


def test_one_flipped_byte_anywhere_is_found(trained: Trained, tmp_path: Path) -> None:
    manifest = make_package(trained, tmp_path)
    for file in manifest.files:
        path = tmp_path / file.path
        content = path.read_bytes()
        for place in np.linspace(0, len(content) - 1, 7, dtype=int):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(Corrupted, match=r"\.onnx was changed"):
                load_package(tmp_path)
        path.write_bytes(content)
    load_package(tmp_path)


def test_added_and_missing_files_are_found(trained: Trained, tmp_path: Path) -> None:
    make_package(trained, tmp_path)
    (tmp_path / "extra.py").write_text("print()")
    with pytest.raises(Corrupted, match=r"extra\.py was added"):
        load_package(tmp_path)
    (tmp_path / "extra.py").unlink()
    (tmp_path / "onnx" / PORTABLE_FILE).unlink()
    with pytest.raises(Corrupted, match=r"model\.onnx is missing"):
        load_package(tmp_path)


@pytest.mark.parametrize("file", [MATRIX_FILE, PORTABLE_FILE])
def test_a_file_that_answers_differently_is_refused_and_nothing_stays(
    file: str, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter once gave wrong models without an error; a model changed after writing stands for it."""
    signature, matrix, truth = encoded("binary", 300)
    other = fit("linear", matrix, truth, signature, seed=0)

    class Wrong(OnnxFormat):
        def save(self, fitted: Fitted, folder: Path) -> None:
            super().save(Fitted(other, fitted.signature), folder)
            wrong = (folder / file).read_bytes()
            super().save(fitted, folder)
            (folder / file).write_bytes(wrong)

    monkeypatch.setattr("kervan.package.writing.formats.onnx.OnnxFormat", Wrong)
    with pytest.raises(ParityFailed, match=f"format 'onnx/{file}' answers differently in"):
        write_formats(trained.fitted, tmp_path / "p", ["onnx"], trained.rows)
    assert not list((tmp_path / "p").iterdir())


def test_a_tolerance_that_is_too_tight_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="tolerance 1e-12"):
        write_formats(trained.fitted, tmp_path, ["onnx"], trained.rows, tolerance=1e-12)


def test_a_format_is_not_written_over_another(trained: Trained, tmp_path: Path) -> None:
    make_package(trained, tmp_path)
    with pytest.raises(Conflict, match="already there"):
        make_package(trained, tmp_path)
    load_package(tmp_path)


def test_unknown_and_no_formats_are_refused_before_anything_is_written(
    trained: Trained, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no format 'onx'") as error:
        write_formats(trained.fitted, tmp_path, ["onx"], trained.rows)
    assert error.value.hint == 'did you mean "onnx"?'
    with pytest.raises(InvalidConfig, match="no format is named"):
        write_formats(trained.fitted, tmp_path, [], trained.rows)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot write"):
        write_formats(
            trained.fitted,
            tmp_path / "file",
            ["onnx"],
            trained.rows,
            tolerance=1e-5,
        )


def test_the_manifest_is_never_there_by_half(trained: Trained, tmp_path: Path) -> None:
    manifest = make_package(trained, tmp_path)
    assert write_manifest(manifest, tmp_path, SigningKey(bytes(32))) == manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE_NAME, "onnx", SIGNATURE]
    assert check_package(tmp_path).manifest.hash == manifest.hash


def test_an_empty_folder_holds_no_package(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no package"):
        load_package(tmp_path)


def test_the_table_names_the_onnx_format() -> None:
    assert isinstance(plugins("format")["onnx"].load(), OnnxFormat)
