"""The kinds of files that models come in: how each is recognised, and whether reading it may run code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. `marks` give it away, `after` so many bytes; without any it is recognised by its content.

    `runs_code` says that its usual reader runs what the file says: such a file is refused unless its kind
    is named.
    """

    name: str
    title: str
    runs_code: bool = False
    marks: tuple[bytes, ...] = ()
    after: int = 0


KINDS = (
    Kind(name="hdf5", title="HDF5 (Keras weights and models)", marks=(b"\x89HDF\r\n\x1a\n",)),
    Kind(name="npy", title="numpy array", marks=(b"\x93NUMPY",)),
    Kind(name="gguf", title="GGUF weights", marks=(b"GGUF",)),
    Kind(name="catboost", title="CatBoost model", marks=(b"CBM1",)),  # which a pickle could begin with, too
    Kind(name="litert", title="LiteRT model", marks=(b"TFL3",), after=4),
    Kind(name="executorch", title="ExecuTorch program", runs_code=True, marks=(b"ET12",), after=4),
    Kind(
        name="savedmodel",
        title="TensorFlow SavedModel, whose graph may read and write files",
        runs_code=True,
        marks=(b"\x08\x01\x12",),
    ),
    Kind(name="parquet", title="Parquet table", marks=(b"PAR1",)),
    Kind(name="arrow", title="Arrow file", marks=(b"ARROW1",)),
    Kind(name="pdf", title="PDF", marks=(b"%PDF-",)),
    Kind(
        name="program",
        title="executable program",
        runs_code=True,
        marks=(b"\x7fELF", b"MZ", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe"),
    ),
    Kind(name="wasm", title="WebAssembly", runs_code=True, marks=(b"\x00asm",)),
    Kind(name="old-joblib", title="joblib file of before 2013", runs_code=True, marks=(b"ZF0x",)),
    Kind(
        name="python-bytecode",
        title="marshalled Python code",
        runs_code=True,
        marks=(b"\xe3\x00\x00\x00\x00",),
    ),
    Kind(name="zip", title="zip archive"),
    Kind(name="tar", title="tar archive"),
    Kind(name="pickle", title="Python pickle, also joblib's", runs_code=True),
    Kind(name="torch", title="PyTorch file with a pickle", runs_code=True),
    Kind(name="torchscript", title="TorchScript with its code", runs_code=True),
    Kind(name="keras", title="Keras 3 model"),
    Kind(name="npz", title="several numpy arrays"),
    Kind(name="mojo", title="H2O MOJO"),
    Kind(name="java", title="Java archive", runs_code=True),
    Kind(name="onnx", title="ONNX model"),
    Kind(name="safetensors", title="safetensors weights"),
    Kind(name="json", title="JSON"),
    Kind(name="xml", title="XML, such as PMML"),
    Kind(name="yaml", title="YAML, such as MLmodel"),
    Kind(name="text", title="text"),
    Kind(name="empty", title="nothing"),
    Kind(name="unknown", title="something else"),
)

BY_NAME = {kind.name: kind for kind in KINDS}


def marked(head: bytes) -> str:
    """Return the kind whose mark a file begins with, or ""."""
    return next((kind.name for kind in KINDS if kind.marks and head.startswith(kind.marks, kind.after)), "")
