"""Models of Keras: read from their files without running them, and answering as Keras does."""

from __future__ import annotations

import json
import os
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import EXACT_UP_TO
from kervan.package.foreign.fit import fit
from kervan.package.foreign.keras import Network
from kervan.package.foreign.keras_files import read_keras
from kervan.package.foreign.open import open_model
from kervan.package.proving.build import write_formats
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import Form
from kervan.package.writing.neutral.score import FormPredictor, score

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")
# Of TensorFlow, about its own arrays, and of Keras, about the format that Keras 2 wrote.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]
ENDINGS = ("keras", "h5")


def signature(names: Any, classes: tuple[str, ...] = ()) -> Signature:
    output = Column(name="y", type=Type.CATEGORY if classes else Type.NUMBER, allowed=classes)
    inputs = tuple(Column(name=str(name), type=Type.NUMBER) for name in names)
    return Signature(inputs=Schema(inputs), output=output)


def trained(*layers: Any, rows: Any, truth: Any, loss: str) -> Any:
    keras.utils.set_random_seed(0)
    scaling = keras.layers.Normalization()
    scaling.adapt(rows)
    model = keras.Sequential([keras.Input((rows.shape[1],)), scaling, *layers])
    model.compile(optimizer="adam", loss=loss)
    model.fit(rows, truth, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_classifier_of_two_classes(ending: str, tmp_path: Path) -> None:
    cells = load_breast_cancer()
    rows = cells.data.astype(np.float32)
    dense = keras.layers.Dense
    layers = [
        dense(16, "relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
        dense(1, "sigmoid"),
    ]
    model = trained(*layers, rows=rows, truth=cells.target, loss="binary_crossentropy")
    model.save(tmp_path / f"model.{ending}")
    foreign = open_model(tmp_path / f"model.{ending}").foreign
    assert (foreign.kind, foreign.inputs, foreign.classes) == ("Keras", 30, 1)
    fitted = fit(foreign, signature(cells.feature_names, ("0", "1")), rows, "model")
    second = np.asarray(model.predict(rows, verbose=0))
    np.testing.assert_allclose(fitted.predict(rows), np.hstack([1 - second, second]), atol=1e-5)
    proofs = write_formats(fitted, tmp_path / "package", ["onnx", "c", "python"], rows[::4])
    assert all(proof.holds and proof.rows > len(rows) / 4 for proof in proofs)
    with pytest.raises(Refused):
        write_formats(fitted, tmp_path / "native", ["native"], rows[::4])


def test_rows_on_which_float32_itself_decides_prove_nothing(tmp_path: Path) -> None:
    """Far out, two large terms cancel: what is left of them hangs on the order of the additions alone."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(64), keras.layers.Dense(1, "sigmoid")])
    inner = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
    outer = np.linalg.svd(inner)[2][-1][:, None].astype(np.float32)  # what it makes of any row is 0
    model.set_weights([inner, np.zeros(64, np.float32), outer, np.ones(1, np.float32)])
    model.save(tmp_path / "model.keras")
    rows = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    fitted = fit(open_model(tmp_path / "model.keras").foreign, signature("abc", ("0", "1")), rows, "model")
    far = np.full((50, 3), EXACT_UP_TO, np.float32)
    far[:, 0] -= np.arange(50)
    parts = fitted.predict(far) - score(fitted.form, far)
    assert np.abs(parts).max() > 1e-3
    asked = proof_rows(fitted, rows, seed=0)
    assert np.array_equal(asked[: len(rows)], rows)
    assert np.nanmax(np.abs(asked)) < EXACT_UP_TO - 1
    assert len(asked) > 3 * len(rows)
    assert all(proof.holds for proof in write_formats(fitted, tmp_path / "package", ["onnx", "c"], rows))


@pytest.mark.parametrize("ending", ENDINGS)
def test_classes_in_the_order_of_the_signature_and_a_value(ending: str, tmp_path: Path) -> None:
    people = load_diabetes()
    rows = people.data.astype(np.float32)
    truth = np.digitize(people.target, [100, 200])
    classes = trained(
        keras.layers.Dense(8, "tanh"), keras.layers.Dense(3), keras.layers.Softmax(),
        rows=rows, truth=truth, loss="sparse_categorical_crossentropy",
    )  # fmt: skip
    classes.save(tmp_path / f"classes.{ending}")
    asked = signature(people.feature_names, ("low", "middle", "high"))
    fitted = fit(open_model(tmp_path / f"classes.{ending}").foreign, asked, rows, "model")
    np.testing.assert_allclose(fitted.predict(rows), classes.predict(rows, verbose=0), atol=1e-5)
    value = trained(
        keras.layers.Dense(4, "softplus"), keras.layers.Dense(1), rows=rows, truth=people.target, loss="mse"
    )
    value.save(tmp_path / f"value.{ending}")
    fitted = fit(
        open_model(tmp_path / f"value.{ending}").foreign, signature(people.feature_names), rows, "model"
    )
    assert write_formats(fitted, tmp_path / "package", ["onnx", "sqlite"], rows)


def functional() -> Any:
    layers = keras.layers
    age, income = keras.Input((1,), name="age"), keras.Input((1,), name="income")
    joined = layers.Concatenate()([age, layers.Rescaling(0.5, offset=-1.0)(income)])
    left = layers.LeakyReLU()(layers.Dense(4)(joined))
    shared = layers.Dense(4, "elu")
    right = layers.Add()([shared(joined), shared(layers.Concatenate()([income, age]))])
    inner = keras.Sequential([layers.Dense(4, "silu"), layers.ReLU(max_value=3)])
    merged = layers.Multiply()([left, right])
    most = layers.Maximum()([merged, inner(left)])
    return keras.Model([age, income], layers.Dense(1)(layers.LayerNormalization()(most)))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_functional_model_with_shared_and_inner_layers(ending: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = functional()
    model.save(tmp_path / f"model.{ending}")
    foreign = open_model(tmp_path / f"model.{ending}").foreign
    assert foreign.names == ("age", "income")
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    fitted = fit(foreign, signature(["age", "income"]), rows, "model")
    wanted = model.predict([rows[:, :1], rows[:, 1:]], verbose=0)
    np.testing.assert_allclose(fitted.predict(rows), wanted, rtol=1e-4, atol=1e-5)
    assert write_formats(fitted, tmp_path / "package", ["onnx", "javascript"], rows)
    alone = Network(read_keras(tmp_path / f"model.{ending}")).score(rows.astype(np.float64))
    np.testing.assert_allclose(
        alone, wanted, rtol=1e-4, atol=1e-5
    )  # as it is scored where Keras is not installed
    with pytest.raises(Refused, match="its column 1 is 'age', the table's is 'income'"):
        fit(foreign, signature(["income", "age"]), rows, "model")


ACTIVATIONS = [
    "relu",
    "sigmoid",
    "tanh",
    "softmax",
    "log_softmax",
    "softplus",
    "softsign",
    "elu",
    "selu",
    "gelu",
]
ACTIVATIONS += ["exponential", "linear", "leaky_relu", "relu6", "silu", "hard_sigmoid", "mish", "hard_silu"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_activation_and_layer(ending: str, tmp_path: Path) -> None:
    """All of them beside each other, so that Keras starts once."""
    keras.utils.set_random_seed(2)
    layers = keras.layers
    taken = keras.Input((3,))
    parts = [layers.Dense(3, name)(taken) for name in ACTIVATIONS]
    parts += [layers.Activation("tanh")(taken), layers.PReLU(alpha_initializer="ones")(taken)]
    parts += [
        layers.ELU(alpha=0.5)(taken),
        layers.ReLU(negative_slope=0.1)(taken),
        layers.GaussianNoise(1.0)(taken),
    ]
    parts += [layers.Average()([taken, parts[0]]), layers.Subtract()([taken, parts[0]])]
    parts += [layers.Minimum()([taken, parts[0]]), layers.Flatten()(taken), layers.Softmax()(taken)]
    total = layers.Dense(1, use_bias=False)(layers.Concatenate()(parts))
    model = keras.Model(taken, total)
    model.save(tmp_path / f"model.{ending}")
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    fitted = fit(open_model(tmp_path / f"model.{ending}").foreign, signature("abc"), rows, "model")
    np.testing.assert_allclose(fitted.predict(rows), model.predict(rows, verbose=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(FormPredictor(fitted.form).predict(rows), fitted.predict(rows), atol=1e-5)


def saved(folder: Path, *layers: Any) -> Path:
    keras.utils.set_random_seed(3)
    path = folder / "model.keras"
    keras.Sequential([keras.Input((3,)), *layers]).save(path)
    return path


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the settings inside an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def reweighed(path: Path, change: Callable[[Any], None]) -> None:
    """Change the weights inside an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as weights:
        change(weights["layers/dense/vars"])
    members["model.weights.h5"] = content.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: [keras.layers.Reshape((3, 1)), keras.layers.LSTM(2)], "Reshape"),
        (lambda: [keras.layers.Dense(2, dtype="mixed_float16")], "computes in mixed_float16"),
        (lambda: [keras.layers.Lambda(lambda x: x)], "code: Lambda|lambda"),
        (lambda: [keras.layers.Dense(2, keras.activations.threshold)], "threshold"),
    ],
)
def test_what_is_not_known_is_refused_by_name(make: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=reason):
        open_model(saved(tmp_path, *make()))


def test_settings_that_lie_are_named(tmp_path: Path) -> None:
    def other_class(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["class_name"] = "Backdoor"

    def other_units(config: dict[str, Any]) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 7]

    def no_layers(config: dict[str, Any]) -> None:
        config["config"] = {"layers": 3}

    def sequence(config: dict[str, Any]) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 5, 3]

    for change, error, reason in (
        (other_class, Refused, "Backdoor"),
        (other_units, Refused, "do not fit 7 numbers"),
        (no_layers, Corrupted, "is no model of Keras"),
        (sequence, Refused, "is no table"),
    ):
        path = saved(tmp_path, keras.layers.Dense(2))
        edited(path, change)
        with pytest.raises(error, match=reason):
            open_model(path)


def test_weights_that_lie_are_named(tmp_path: Path) -> None:
    def huge(variables: Any) -> None:
        del variables["0"]
        variables.create_dataset("0", shape=(1 << 20, 1 << 20), dtype="f4", fillvalue=1.0, chunks=True)

    def external(variables: Any) -> None:
        del variables["0"]
        variables["0"] = h5py.ExternalLink("/etc/hostname", "/")

    def soft(variables: Any) -> None:
        del variables["0"]
        variables["0"] = h5py.SoftLink("/layers/dense/vars/1")

    def elsewhere(variables: Any) -> None:
        del variables["0"]
        variables.create_dataset("0", shape=(3, 2), dtype="u1", external=[("/etc/hostname", 0, 6)])

    def gone(variables: Any) -> None:
        del variables["1"]

    def texts(variables: Any) -> None:
        del variables["0"]
        variables["0"] = "weights"

    for change, error, reason in (
        (huge, Refused, "announces weights that are not there"),
        (external, Refused, "is a link"),
        (soft, Refused, "is a link"),
        (elsewhere, Refused, "in other files"),
        (gone, Corrupted, "lacks the weights '1'"),
        (texts, Corrupted, "holds no numbers"),
    ):
        path = saved(tmp_path, keras.layers.Dense(2))
        reweighed(path, change)
        with pytest.raises(error, match=reason):
            open_model(path)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("seed", range(3))
def test_broken_bytes_are_named(ending: str, seed: int, tmp_path: Path) -> None:
    path = saved(tmp_path, keras.layers.Dense(2))
    if ending == "h5":
        keras.saving.load_model(path).save(tmp_path / "model.h5")
        path = tmp_path / "model.h5"
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(seed)
    for place in random.integers(8, len(content), 400):
        content[place] = random.integers(256)
    path.write_bytes(content)
    with pytest.raises((Corrupted, Refused)):
        fit(open_model(path).foreign, signature("abc", ("0", "1")), np.zeros((4, 3), np.float32), "model")


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["dense/kernel"] = np.zeros((3, 2))
    with pytest.raises(Refused, match="weights alone"):
        open_model(tmp_path / "weights.h5")


def test_a_file_of_keras_2_is_read(tmp_path: Path) -> None:
    """As TensorFlow 2 wrote it: other names of weights, shapes and calls, and another hard_sigmoid."""
    kernel, bias = np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([0.1, -0.2])
    layers = [
        {
            "class_name": "InputLayer",
            "name": "age",
            "inbound_nodes": [],
            "config": {"batch_input_shape": [None, 2]},
        },
        {
            "class_name": "Dense",
            "name": "dense",
            "inbound_nodes": [[["age", 0, 0, {}]]],
            "config": {"name": "dense", "units": 2, "activation": "hard_sigmoid"},
        },
    ]
    config = {"layers": layers, "input_layers": [["age", 0, 0]], "output_layers": [["dense", 0, 0]]}
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.attrs["keras_version"] = "2.15.0"
        group = file.create_group("model_weights/dense")
        group.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
        group["dense/kernel:0"], group["dense/bias:0"] = kernel, bias
    foreign = open_model(tmp_path / "model.h5").foreign
    rows = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32).astype(np.float64)
    builder = Builder(signature("ab"))
    answer = foreign.reads(builder, 0) if foreign.reads else 0
    assert answer == len(builder.layers)
    wanted = np.clip(0.2 * (rows @ kernel + bias) + 0.5, 0, 1)
    found = score(Form(signature=signature("ab"), layers=tuple(builder.layers)), rows)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
