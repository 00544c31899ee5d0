"""What files are, by their content alone: real ones of each kind are recognised, and none is refused."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import joblib
import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from kervan.core.errors import Corrupted, NotFound, Refused
from kervan.core.plugins import plugin
from kervan.package.safety.inspection import inspect_file
from kervan.package.safety.kinds import BY_NAME, KINDS
from kervan.package.safety.limits import Limits
from kervan.package.writing.fitted import Fitted
from kervan.testing.sample import fit_sample

MODEL = LogisticRegression().fit(np.arange(12.0).reshape(6, 2), [0, 1, 0, 1, 0, 1])


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(name: str, content: bytes, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def safetensors() -> bytes:
    header = {
        "__metadata__": {"made": "by hand"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "I64", "shape": [], "data_offsets": [24, 32]},
        "c": {"dtype": "F16", "shape": [0], "data_offsets": [32, 32]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(32)


def keras() -> bytes:
    layer = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {
            "units": 2,
            "activation": "relu",
            "dtype": {"module": "keras", "class_name": "DTypePolicy"},
        },
    }
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    return zipped(
        {
            "config.json": json.dumps(config).encode(),
            "metadata.json": b'{"keras_version": "3.15.1"}',
            "model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(2048),
        }
    )


BENIGN: dict[str, tuple[bytes, str]] = {
    "csv": ("city,age\nİstanbul,3\nAnkara,5\n".encode(), "text"),
    "index": (b"index\nvalue\n3\n4\n", "text"),
    "one word": (b"cat\ndog\n", "text"),
    "sentence": (b"Note that this is a (short) text.\nRead it.\n", "text"),
    "turkish": ("Ölçüm sonuçları ışık, şeker, ğ\n".encode() * 200, "text"),
    "source": (b"#include <math.h>\ndouble score(const double *x) { return x[0]; }\n", "text"),
    "json": (b'{"a": [1, 2, {"b": null}]}', "json"),
    "json list": (b"[1, 2]", "json"),
    "mlmodel": (b"artifact_path: model\nflavors:\n  sklearn:\n    pickled_model: model.pkl\n", "yaml"),
    "pmml": (b'<?xml version="1.0"?><PMML version="4.4"><Header/></PMML>', "xml"),
    "wide xml": ('<?xml version="1.0" encoding="utf-16"?><PMML/>'.encode("utf-16"), "xml"),
    "npy": (npy(np.ones((3, 4))), "npy"),
    "fortran npy": (npy(np.asfortranarray(np.ones((3, 4), dtype=">i2"))), "npy"),
    "records npy": (npy(np.zeros(3, dtype=[("a", "<f8"), ("b", "U3")])), "npy"),
    "npz": (npz(a=np.ones(3), b=np.arange(4)), "npz"),
    "safetensors": (safetensors(), "safetensors"),
    "keras": (keras(), "keras"),
    "mojo": (
        zipped({"model.ini": b"[info]\nalgorithm = gbm\n", "trees/t00.bin": b"\x00\x01\xff" * 9}),
        "mojo",
    ),
    "zip": (zipped({"readme.txt": b"hello", "folder/weights.bin": bytes(range(256))}), "zip"),
    "empty zip": (zipped({}), "zip"),
    "tar": (tarred("a/model.json", b"{}"), "tar"),
    "long name tar": (tarred("a" * 150 + "/ü.json", b"{}"), "tar"),
    "gnu tar": (tarred("b" * 120, b"{}", tarfile.GNU_FORMAT), "tar"),
    "old tar": (tarred("a.txt", b"text", tarfile.USTAR_FORMAT), "tar"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(2048) + b'{"class_name": "Dense"}', "hdf5"),
    "random": (np.random.default_rng(0).bytes(5000), "unknown"),
    "floats": (np.random.default_rng(0).normal(size=999).tobytes(), "unknown"),
    "empty": (b"", "empty"),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("name", BENIGN)
def test_a_real_file_is_recognised_whatever_its_name(name: str, tmp_path: Path) -> None:
    content, kind = BENIGN[name]
    for file in ("model.pkl", "şey ı", "a.txt"):
        (tmp_path / file).write_bytes(content)
        found = inspect_file(tmp_path / file)
        assert (found.kind, found.runs_code, found.wrapped) == (kind, False, ())


@pytest.mark.parametrize("packer", PACKERS)
def test_compressed_files_are_looked_into(packer: str, tmp_path: Path) -> None:
    for name in ("npy", "csv", "npz", "tar"):
        content, kind = BENIGN[name]
        path = tmp_path / "file"
        path.write_bytes(PACKERS[packer](content))
        found = inspect_file(path)
        assert (found.kind, found.wrapped) == (kind, (packer,))


def test_members_are_named_with_their_kinds(tmp_path: Path) -> None:
    inner = zipped({"weights.npy": npy(np.ones(3)), "note.txt": b"hello"})
    (tmp_path / "a").write_bytes(gzip.compress(tarred("inner.zip", inner)))
    found = inspect_file(tmp_path / "a")
    assert found.inside == (("inner.zip", "zip"),)
    (tmp_path / "b").write_bytes(inner)
    assert dict(inspect_file(tmp_path / "b").inside) == {"weights.npy": "npy", "note.txt": "text"}


@pytest.mark.parametrize("name", ["onnx", "native", "c", "python"])
def test_files_of_our_formats_are_recognised(name: str, tmp_path: Path) -> None:
    model, signature, _ = fit_sample("forest", "multi")
    plugin("format", name).save(Fitted(model, signature), tmp_path)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    kinds = {inspect_file(path).kind for path in written}
    assert kinds <= {"onnx": {"onnx"}, "native": {"json", "unknown"}}.get(name, {"text", "json", "unknown"})


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_read_only_where_it_is_allowed_by_name(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(pickle.dumps(MODEL, protocol))
    with pytest.raises(Refused, match="pickle") as caught:
        inspect_file(path)
    assert "'pickle'" in caught.value.hint
    found = inspect_file(path, allow={"pickle"})
    assert (found.kind, found.runs_code) == ("pickle", True)


@pytest.mark.parametrize(
    "compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("lz4", 3)]
)
def test_joblib_files_are_pickles(compress: Any, tmp_path: Path) -> None:
    path = tmp_path / "model"
    joblib.dump(MODEL, path, compress=compress)
    with pytest.raises(Refused, match="pickle"):
        inspect_file(path)
    assert inspect_file(path, allow={"pickle"}).runs_code


def test_torch_files_are_read_only_where_they_are_allowed_by_name(tmp_path: Path) -> None:
    files = {"m/data.pkl": pickle.dumps(MODEL), "m/data/0": bytes(16)}
    (tmp_path / "a.pt").write_bytes(zipped(files))
    (tmp_path / "b.pt").write_bytes(zipped({**files, "m/code/__torch__/a.py": b"pass\n"}))
    for name, kind in (("a.pt", "torch"), ("b.pt", "torchscript")):
        with pytest.raises(Refused):
            inspect_file(tmp_path / name)
        assert inspect_file(tmp_path / name, allow={kind}).kind == kind


@settings(max_examples=400)
@given(data=st.data())
def test_a_broken_file_is_found_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = data.draw(st.sampled_from(sorted(name for name in BENIGN if name != "empty")))
    content = bytearray(BENIGN[name][0])
    if data.draw(st.booleans()):
        content = bytearray(PACKERS[data.draw(st.sampled_from(sorted(PACKERS)))](bytes(content)))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=5)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(Refused, Corrupted):
        assert inspect_file(path).kind in BY_NAME


def test_limits_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(np.random.default_rng(0).bytes(100_000)))
    assert inspect_file(path).kind == "unknown"
    with pytest.raises(Refused, match="unpacks"):
        inspect_file(path, Limits(total=50_000))
    path.write_bytes(gzip.compress(gzip.compress(b"text")))
    with pytest.raises(Refused, match="nests"):
        inspect_file(path, Limits(depth=1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        inspect_file(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="is a folder"):
        inspect_file(tmp_path)


def test_kinds_have_their_own_names() -> None:
    names = [kind.name for kind in KINDS]
    assert len(names) == len(set(names))


@pytest.mark.data
def test_public_files_are_recognised(data_dir: Path) -> None:
    kinds = {path.name: inspect_file(path).kind for path in data_dir.rglob("*") if path.is_file()}
    assert len(kinds) > 20
    wrong = {
        name: kind for name, kind in kinds.items() if name.endswith((".csv.gz", ".csv")) and kind != "text"
    }
    assert not wrong
