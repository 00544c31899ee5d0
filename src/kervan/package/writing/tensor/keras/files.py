"""Files of Keras models that carry their signature, the same bytes for the same model."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.tensor.coding import FILE, CodedPredictor, read_signature, signature_text
from kervan.package.writing.tensor.keras.library import imported, quiet
from kervan.package.writing.tensor.keras.model import model_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Form

ATTRIBUTE = "kervan_signature"  # of an HDF5 file
_CONFIG = "config.json"
_METADATA = "metadata.json"
_DATE = "date_saved"
_WEIGHTS, _VERSIONS = "model_weights", ("keras_version", "backend")  # in an HDF5 file
_LAYERS = {
    "Dense": ("name", "dtype", "units", "use_bias"),
    "Embedding": ("name", "dtype", "input_dim", "output_dim"),
    "Identity": ("name", "dtype"),
    "InputLayer": ("name", "dtype", "batch_shape"),
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that an archive can tell


def write_archive(form: Form, path: Path) -> None:
    """Write a form as a `.keras` file, with `signature.json` beside Keras's own members."""
    keras = imported()
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch, quiet():
        draft = Path(scratch) / path.name
        model_of(form, keras).save(draft)
        with zipfile.ZipFile(draft) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members[_METADATA])
    metadata.pop(_DATE)
    members |= {
        _CONFIG: json.dumps(_simplified(json.loads(members[_CONFIG]))).encode(),
        _METADATA: json.dumps(metadata).encode(),
        FILE: signature_text(form.signature).encode(),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def write_hdf5(form: Form, path: Path) -> None:
    """Write a form as an HDF5 file of Keras, with its signature as an attribute.

    The configuration is the one of the newer format. Keras's own for HDF5 has no place for operations, and
    its reader takes both.
    """
    keras = imported()
    with extras_named():
        import h5py

    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        draft = Path(scratch) / path.name
        with quiet():
            model = model_of(form, keras)
            model.save(draft)
        config = _simplified(json.loads(model.to_json()))
        with h5py.File(draft) as source, h5py.File(path, "w") as target:
            source.copy(_WEIGHTS, target)
            target.attrs.update({name: source.attrs[name] for name in _VERSIONS})
            target.attrs["model_config"] = json.dumps(config)
            target.attrs[ATTRIBUTE] = signature_text(form.signature)


def archive_signature(path: Path) -> Signature:
    """Read the signature of a `.keras` file, or raise `Corrupted`."""
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(FILE)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise _broken(path, error) from error
    return read_signature(text, str(path))


def hdf5_signature(path: Path) -> Signature:
    """Read the signature of an HDF5 file, or raise `Corrupted`."""
    with extras_named():
        import h5py

    try:
        with h5py.File(path) as file:
            text = file.attrs[ATTRIBUTE]
    except (OSError, KeyError) as error:
        raise _broken(path, error) from error
    return read_signature(text, str(path))


def _simplified(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that older releases of Keras read too, the same for the same model.

    Layers keep what is not theirs anyway: releases add arguments. Operations get new numbers, because Keras
    counts all that its process has made, and do not hear of them, because those of older releases take none.
    """
    counts: Counter[str] = Counter()
    names = {}
    for layer in config["config"]["layers"]:
        kind = layer["class_name"]
        if kind in _LAYERS:
            layer["config"] = {key: layer["config"][key] for key in _LAYERS[kind]}
            continue
        names[layer["name"]] = layer["name"] = f"{kind.lower()}_{counts[kind]}"
        counts[kind] += 1
        layer["config"].pop("name", None)
    found: dict[str, Any] = _referring(config, names)
    return found


def _referring(value: Any, names: Mapping[str, str]) -> Any:
    """Let a configuration refer to operations by their new names."""
    if isinstance(value, list):
        return [_referring(entry, names) for entry in value]
    if not isinstance(value, dict):
        return value
    found = {key: _referring(entry, names) for key, entry in value.items()}
    if history := found.get("keras_history"):
        found["keras_history"] = [names.get(history[0], history[0]), *history[1:]]
    return found


def predictor_of(path: Path, own: Signature, signature: Signature) -> CodedPredictor:
    """Load a file that this process wrote, or raise `Corrupted`."""
    keras = imported()
    try:
        with quiet():
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what is wrong with a file is told by any error
        raise _broken(path, error) from error

    def score(rows: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        with quiet(), np.errstate(all="ignore"):
            found: NDArray[np.floating[Any]] = keras.ops.convert_to_numpy(model(rows, training=False))
        return found

    return CodedPredictor(own, signature, score, where=str(path), single=True)


def _broken(path: Path, error: Exception) -> Corrupted:
    return Corrupted(f"{path} is no usable model of Keras: {error}", hint="fetch the package again")
