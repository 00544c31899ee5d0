"""Keras: every layer in both files, every backend that is there, what the files hold, and broken ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from kervan.core.errors import Corrupted, InvalidConfig
from kervan.core.plugins import plugin
from kervan.package.safety.inspection import inspect_file
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import score
from kervan.package.writing.tensor.coding import read_signature
from kervan.package.writing.tensor.keras.files import ATTRIBUTE
from kervan.package.writing.tensor.keras.library import imported, quiet
from kervan.testing.sample import fit_sample, sample

from .code.test_real_tables import FAMILIES
from .framework_proofs import prove_table
from .tensor import every_layer
from .test_formats_code import EVIL, evil_signature, sum_form

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor

FILES = {"keras": "model.keras", "hdf5": "model.h5"}
# What programs without Kervan do: files, rows and where the answers go are arguments.
PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import keras, numpy as np
_, rows, *files = sys.argv
rows = np.load(rows)
for file in files:
    model = keras.saving.load_model(file, safe_mode=True, compile=False)
    np.save(file + ".npy", keras.ops.convert_to_numpy(model(rows)))
print(keras.backend.backend())
"""


def written(name: str, model: Fitted, folder: Path) -> Predictor:
    adapter = plugin("format", name)
    adapter.save(model, folder)
    return adapter.scorers(folder, model.signature)[""]


def exactness() -> float:
    return 1e-12 if imported().backend.backend() == "tensorflow" else 1e-5


def child(code: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-c", code, *arguments]
    known = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    return subprocess.run(asked, env=known | environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("layer", every_layer.LAYERS)
@pytest.mark.parametrize("name", FILES)
def test_every_layer(name: str, layer: str, tmp_path: Path) -> None:
    model = every_layer.fitted(layer)
    parity = every_layer.compared(model, written(name, model, tmp_path), exactness())
    assert parity.holds, parity


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", FILES)
def test_answers_like_the_model_on_a_real_table(
    name: str, family: str, data_dir: Path, tmp_path: Path
) -> None:
    prove_table(family, "adult", data_dir, lambda model: {"": written(name, model, tmp_path)}, exactness())


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_programs_without_kervan_load_the_files_on_any_backend(backend: str, tmp_path: Path) -> None:
    rows, files, wanted = tmp_path / "rows.npy", [], []
    for family in ("linear", "boosting", "forest"):
        model, signature, matrix = fit_sample(family, "multi")
        np.save(rows, matrix)
        for name, file in FILES.items():
            folder = tmp_path / f"{family} {name}"
            folder.mkdir()
            written(name, Fitted(model, signature), folder)
            files.append(str(folder / file))
            wanted.append(Fitted(model, signature).predict(matrix))
    done = child(PROGRAM, str(rows), *files, KERAS_BACKEND=backend, KERAS_HOME=str(tmp_path / "home"))
    assert done.stdout.strip() == backend, done.stderr
    for file, answers in zip(files, wanted, strict=True):
        np.testing.assert_allclose(np.load(f"{file}.npy"), answers, rtol=0, atol=1e-5)


def test_the_files_hold_no_code_and_their_signature(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    for name, file in FILES.items():
        written(name, Fitted(model, signature), tmp_path)
        found = inspect_file(tmp_path / file)
        assert (found.kind, found.runs_code) == (name, False)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert read_signature(archive.read("signature.json"), "") == signature
    with h5py.File(tmp_path / "model.h5") as weights:
        assert read_signature(weights.attrs[ATTRIBUTE], "") == signature


def test_the_settings_name_what_every_release_of_keras_knows(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("forest", "multi")
    written("keras", Fitted(model, signature), tmp_path)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        settings = json.loads(archive.read("config.json"))["config"]["layers"]
    arguments = {layer["class_name"]: set(layer["config"]) for layer in settings}
    assert arguments["Embedding"] == {"name", "dtype", "input_dim", "output_dim"}
    assert arguments["InputLayer"] == {"name", "dtype", "batch_shape"}
    assert arguments["LessEqual"] == set()
    assert arguments["Cast"] == {"dtype"}


def test_the_weights_are_read_without_keras(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "regression")
    written("hdf5", Fitted(model, signature), tmp_path)
    found = {}
    with h5py.File(tmp_path / "model.h5") as file:
        file["model_weights"].visititems(
            lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    (kernel,) = [values for name, values in found.items() if name.endswith("_weights/kernel")]
    np.testing.assert_allclose(np.sort(kernel[:, 0]), np.sort(model.steps[-1][1].coef_), rtol=1e-12)


@pytest.mark.parametrize("name", FILES)
def test_the_same_model_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    contents = []
    for place in ("one", "two"):
        model, signature, _ = fit_sample("tree", "binary")
        (tmp_path / place).mkdir()
        written(name, Fitted(model, signature), tmp_path / place)
        contents.append((tmp_path / place / FILES[name]).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", FILES)
def test_any_name_and_text_arrives(name: str, tmp_path: Path) -> None:
    signature = evil_signature(list(EVIL), list(EVIL), list(EVIL))
    model = Fitted(None, signature)
    model.__dict__["form"] = sum_form(signature)  # where the cached property looks first
    codes = np.tile(np.arange(-1, len(EVIL))[:, None], (1, len(EVIL))).astype(np.float32)
    rows = np.random.default_rng(0).permuted(codes, axis=0)
    found = written(name, model, tmp_path).predict(rows)
    np.testing.assert_allclose(found, score(model.form, rows), rtol=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_model_is_refused(name: str, tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    adapter, path = plugin("format", name), tmp_path / FILES[name]
    written(name, Fitted(model, signature), tmp_path)
    content = path.read_bytes()
    with pytest.raises(Corrupted, match="something else than its signature says"):
        adapter.scorers(tmp_path, sample("multi")[1])
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(Corrupted) as caught:
        adapter.scorers(tmp_path, signature)
    assert caught.value.hint
    with quiet():
        imported().Sequential([imported().Input((4,)), imported().layers.Dense(2)]).save(path)
    with pytest.raises(Corrupted, match="is no usable model"):
        adapter.scorers(tmp_path, signature)


def test_a_file_that_names_unknown_layers_is_refused(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    written("keras", Fitted(model, signature), tmp_path)
    path, draft = tmp_path / "model.keras", tmp_path / "draft"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(draft, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'"Dense"', b'"Lambda"'))
    shutil.move(draft, path)
    with pytest.raises(Corrupted, match="is no usable model"):
        plugin("format", "keras").scorers(tmp_path, signature)


@pytest.mark.parametrize(
    ("backend", "environ"), [("tensorflow", {}), ("torch", {"KERAS_BACKEND": "torch"})], ids=str
)
def test_keras_is_imported_late_says_nothing_and_leaves_the_home_alone(
    backend: str, environ: dict[str, str], tmp_path: Path
) -> None:
    code = """
import sys
from pathlib import Path
from kervan.core.plugins import plugin
from kervan.package.writing.fitted import Fitted
from kervan.testing.sample import fit_sample
formats = [plugin("format", name) for name in ("keras", "hdf5")]
assert not {"keras", "h5py", "tensorflow", "torch"} & set(sys.modules)
model, signature, matrix = fit_sample("tree", "binary")
for adapter in formats:
    adapter.save(Fitted(model, signature), Path(sys.argv[1]))
    adapter.scorers(Path(sys.argv[1]), signature)[""].predict(matrix)
print(sys.modules["keras"].backend.backend())
"""
    done = child(code, str(tmp_path), HOME=str(tmp_path), **environ)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, backend, "")
    assert not (tmp_path / ".keras").exists()


def test_the_users_own_settings_are_heard(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "torch", "floatx": "float64"}', encoding="utf-8")
    code = """
from kervan.package.writing.tensor.keras.library import imported
print(imported().backend.backend(), imported().config.floatx())
"""
    assert child(code, KERAS_HOME=str(tmp_path)).stdout.split() == ["torch", "float64"]


def test_a_backend_that_is_not_there_is_named(tmp_path: Path) -> None:
    code = """
from kervan.package.writing.tensor.keras.library import imported
try:
    imported()
except Exception as error:
    print(type(error).__name__, error, error.hint, sep="; ")
"""
    done = child(code, KERAS_HOME=str(tmp_path), KERAS_BACKEND="absent")
    kind, message, hint = done.stdout.strip().split("; ")
    assert kind == InvalidConfig.__name__
    assert message.startswith("Keras does not run on 'absent'")
    assert "KERAS_BACKEND" in hint
